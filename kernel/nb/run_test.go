package nb

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// script is a Runner of one command a line.
type script struct {
	counts []int
	stop   context.CancelCauseFunc
}

func (s *script) GoVersion() string { return "1.2" }

func (s *script) Execute(ctx context.Context, ex pipe.Execute, out func(pipe.Frame)) (done pipe.Done, err error) {
	s.counts = append(s.counts, ex.Count)
	for line := range strings.Lines(ex.Code) {
		word, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		send := func(kind pipe.Kind, body any) {
			f, err := frame(kind, body)
			if err != nil {
				panic(err)
			}
			out(f)
		}
		show := pipe.Display{Data: map[string]any{"text/plain": arg}, DisplayID: strings.ToLower(arg[:min(1, len(arg))])}
		switch word {
		case "print":
			send(pipe.KindStream, pipe.Stream{Name: "stdout", Text: arg + "\n"})
		case "err":
			send(pipe.KindStream, pipe.Stream{Name: "stderr", Text: arg + "\n"})
		case "show":
			send(pipe.KindDisplay, show)
		case "update":
			send(pipe.KindUpdate, show)
		case "result":
			send(pipe.KindResult, pipe.Display{Data: map[string]any{"text/plain": arg, "application/json": 1}})
		case "clear":
			send(pipe.KindClear, pipe.Clear{Wait: arg == "wait"})
		case "page":
			send(pipe.KindPayload, map[string]any{"source": "page", "data": map[string]any{"text/plain": arg}})
		case "fail":
			done.Err = &pipe.Error{Name: "panic", Value: arg, Traceback: []string{arg}}
			send(pipe.KindError, done.Err)
			return done, nil
		case "interrupted":
			s.stop(errors.New("by the user"))
			done.Err = &pipe.Error{Name: "Interrupted"}
			return done, nil
		case "die":
			return done, errors.New("it died")
		case "garbage":
			out(pipe.Frame{Kind: pipe.KindStream, Body: []byte("1")})
		}
	}
	return done, nil
}

func notebook(sources ...string) *Notebook {
	n := &Notebook{Minor: 4}
	for _, s := range sources {
		n.Cells = append(n.Cells, &Cell{Kind: "code", Source: s, Outputs: []Output{{Type: "stream", Name: "stdout", Text: "old"}}, Count: 99})
	}
	return n
}

// briefly is a cell's outputs, one a string.
func briefly(c *Cell) []string {
	var out []string
	for _, o := range c.Outputs {
		switch o.Type {
		case "stream":
			out = append(out, o.Name+": "+o.Text)
		case "error":
			out = append(out, "error: "+o.EName+": "+o.EValue)
		default:
			out = append(out, fmt.Sprintf("%s: %v", o.Type, o.Data["text/plain"]))
		}
	}
	return out
}

func TestRun(t *testing.T) {
	n := notebook("print a\nprint b\nerr c\nprint d\nresult 5", " \n", "show One\nshow two\nupdate oNE", "update tWO\nprint x\nclear wait\nprint y", "print x\nclear", "page help")
	n.Cells = append(n.Cells, &Cell{Kind: "markdown", Source: "fail"})
	var places []int
	s := &script{}
	if err := Run(t.Context(), n, s, Options{Each: func(p int, _ *Cell, _ time.Duration) { places = append(places, p) }}); err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"stdout: a\nb\n", "stderr: c\n", "stdout: d\n", "execute_result: 5"},
		nil,
		{"display_data: oNE", "display_data: tWO"},
		{"stdout: y\n"},
		nil,
		{"display_data: help"},
		nil,
	}
	for i, c := range n.Cells {
		if got := briefly(c); !slices.Equal(got, want[i]) {
			t.Errorf("cell %d: %q, want %q", i+1, got, want[i])
		}
	}
	if !slices.Equal(s.counts, []int{1, 2, 3, 4, 5}) || n.Cells[1].Count != 0 || n.Cells[2].Count != 2 || n.Cells[0].Outputs[3].Count != 1 {
		t.Errorf("counts %v", s.counts)
	}
	if !slices.Equal(places, []int{1, 3, 4, 5, 6}) {
		t.Errorf("places %v", places)
	}
	if info := n.Metadata["language_info"].(map[string]any); info["name"] != "go" || info["version"] != "1.2" {
		t.Errorf("language_info %v", info)
	}
}

func TestRunTags(t *testing.T) {
	n := notebook("fail expected", "fail never", "print on")
	n.Cells[0].Metadata = map[string]any{"tags": []any{"raises-exception"}}
	n.Cells[1].Metadata = map[string]any{"tags": []any{"skip-execution"}}
	if err := Run(t.Context(), n, &script{}, Options{}); err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"error: panic: expected"}, {"stdout: old"}, {"stdout: on\n"}}
	for i, c := range n.Cells {
		if got := briefly(c); !slices.Equal(got, want[i]) {
			t.Errorf("cell %d: %q, want %q", i+1, got, want[i])
		}
	}
	if n.Cells[1].Count != 99 || n.Cells[2].Count != 2 {
		t.Errorf("counts %d, %d", n.Cells[1].Count, n.Cells[2].Count)
	}
}

func TestRunStops(t *testing.T) {
	for src, want := range map[string]struct {
		err     string
		outputs []string
	}{
		"print a\nfail two\n":  {"cell 2 (b): panic: two", []string{"stdout: a\n", "error: panic: two"}},
		"print a\ndie":         {"cell 2 (b): SessionEnded: it died", []string{"stdout: a\n", "error: SessionEnded: it died"}},
		"garbage":              {"cell 2 (b): Protocol: ", nil},
		"print a\ninterrupted": {"by the user", []string{"stdout: a\n"}},
	} {
		n := notebook("print", src, "print never")
		n.Cells[1].ID = "b"
		ctx, stop := context.WithCancelCause(t.Context())
		s := &script{stop: stop}
		err := Run(ctx, n, s, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), want.err) {
			t.Errorf("%q: %v, want %s", src, err, want.err)
		}
		if got := briefly(n.Cells[1]); !slices.Equal(got, want.outputs) {
			t.Errorf("%q: %q, want %q", src, got, want.outputs)
		}
		if len(s.counts) != 2 || n.Cells[2].Outputs != nil || n.Cells[2].Count != 0 {
			t.Errorf("%q: the cell behind it has %+v", src, n.Cells[2])
		}
		stop(nil)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if s := (&script{}); !errors.Is(Run(gone, notebook("print"), s, Options{}), context.Canceled) || len(s.counts) != 0 {
		t.Error("runs although it was stopped before")
	}
}

func TestRunParams(t *testing.T) {
	n := notebook("print a")
	n.Cells[0].Metadata = map[string]any{"tags": []any{"parameters"}}
	if err := Run(t.Context(), n, &script{}, Options{Params: []Param{{"a", "5"}}}); err != nil {
		t.Fatal(err)
	}
	if len(n.Cells) != 2 || n.Cells[1].Source != "a = 5" || n.Cells[1].Count != 2 || !reflect.DeepEqual(n.Cells[1].Metadata, map[string]any{"tags": []any{"injected-parameters"}}) {
		t.Errorf("%+v", n.Cells[1])
	}
}
