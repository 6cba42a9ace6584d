package nb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// Runner runs cells, each after the one before; see [Start]. Execute hands output frames to out in the order of the
// session. Its error means that there is no session any more; how a cell ended is in Done.
type Runner interface {
	Execute(ctx context.Context, ex pipe.Execute, out func(pipe.Frame)) (pipe.Done, error)
	GoVersion() string
}

// Restarter is a Runner that can begin a fresh session, without the variables of the last, after it has ended.
type Restarter interface {
	Restart(ctx context.Context) error
}

// Options of a run.
type Options struct {
	Params  []Param
	Timeout time.Duration // a cell that takes longer is interrupted and fails; 0 waits for ever
	// Each is called after each code cell that was run, with its place among all cells from 1. May be nil.
	Each func(place int, c *Cell, took time.Duration)
}

// CellError is the failure of a cell that is not tagged raises-exception.
type CellError struct {
	Place  int // among all cells, from 1
	ID     string
	EName  string
	EValue string
}

func (e *CellError) Error() string {
	id := ""
	if e.ID != "" {
		id = " (" + e.ID + ")"
	}
	first, _, _ := strings.Cut(e.EValue, "\n")
	return fmt.Sprintf("cell %d%s: %s: %s", e.Place, id, e.EName, first)
}

// Run runs the code cells of n in order and puts their outputs and counts into n, as nbclient does: consecutive output of one
// stream is one output, updates reach all cells, cells tagged skip-execution are left as they are, and a
// failing cell tagged raises-exception is one that does what it should, also where it ends its session and r is a
// Restarter. Another failing cell ends the run with a *CellError;
// the cells behind it have no outputs. When ctx ends the running cell is interrupted and the run ends.
func Run(ctx context.Context, n *Notebook, r Runner, o Options) error {
	if err := n.Inject(o.Params); err != nil {
		return err
	}
	for _, c := range n.Cells {
		if runs(c) {
			c.Outputs, c.Count = nil, 0
		}
	}
	if n.Metadata == nil {
		n.Metadata = map[string]any{}
	}
	n.Metadata["language_info"] = map[string]any{"name": "go", "version": r.GoVersion(), "file_extension": ".go", "mimetype": "text/x-go"}
	states := widgetStates{}
	defer func() { states.store(n.Metadata) }()
	count := 0
	for i, c := range n.Cells {
		if !runs(c) || strings.TrimSpace(c.Source) == "" {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		count++
		start := time.Now()
		err := n.runCell(ctx, c, r, count, o.Timeout, states)
		if o.Each != nil {
			o.Each(i+1, c, time.Since(start))
		}
		if err == nil {
			continue
		}
		var failed *CellError
		if errors.As(err, &failed) {
			failed.Place, failed.ID = i+1, c.ID
		}
		return err
	}
	return nil
}

func runs(c *Cell) bool { return c.Kind == "code" && !c.Tagged("skip-execution") }

func (n *Notebook) runCell(ctx context.Context, c *Cell, r Runner, count int, timeout time.Duration, states widgetStates) error {
	c.Count = count
	col := collector{n: n, c: c, widgets: states}
	timed := ctx
	if timeout > 0 {
		var stop context.CancelFunc
		timed, stop = context.WithTimeout(ctx, timeout)
		defer stop()
	}
	done, err := r.Execute(timed, pipe.Execute{Code: c.Source, Count: count, CellID: c.ID}, col.add)
	col.finish()
	if timed.Err() != nil && ctx.Err() == nil && (err != nil || done.Err != nil) {
		return &CellError{EName: "Timeout", EValue: fmt.Sprintf("it has not ended within %v", timeout)}
	}
	if err != nil {
		col.append(Output{Type: "error", EName: "SessionEnded", EValue: err.Error(), Traceback: []string{err.Error()}})
		if again, ok := r.(Restarter); ok && ctx.Err() == nil && c.Tagged("raises-exception") {
			return again.Restart(ctx)
		}
		return &CellError{EName: "SessionEnded", EValue: err.Error()}
	}
	switch {
	case col.err != nil:
		return &CellError{EName: "Protocol", EValue: col.err.Error()}
	case done.Err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case c.Tagged("raises-exception"):
		return nil
	}
	return &CellError{EName: done.Err.Name, EValue: done.Err.Value}
}

// collector puts the output of a running cell into the notebook.
type collector struct {
	n     *Notebook
	c     *Cell
	clear bool  // before the next output
	err   error // the first frame that could not be read
	size  int   // bytes of text
	lost  int   // of text beyond maxText

	widgets widgetStates
}

// maxText bounds the text of one cell: a notebook with more opens nowhere.
const maxText = 16 << 20

// finish says how much text was left out.
func (col *collector) finish() {
	if col.lost > 0 {
		col.append(Output{Type: "stream", Name: "stderr", Text: "\n[left out here: " + pipe.Bytes(int64(col.lost)) + " of text]\n"})
	}
}

func (col *collector) add(f pipe.Frame) {
	var err error
	switch f.Kind {
	case pipe.KindStream:
		var name string
		var text []byte
		if name, text, err = pipe.DecodeStream(f); err == nil {
			if col.size += len(text); col.size > maxText {
				col.lost += len(text)
				return
			}
			col.append(Output{Type: "stream", Name: name, Text: string(text)})
		}
	case pipe.KindDisplay, pipe.KindUpdate, pipe.KindResult:
		var d pipe.Display
		if d, err = decodeDisplay(f); err == nil {
			col.display(f.Kind, d)
		}
	case pipe.KindClear:
		var w pipe.Clear
		if w, err = pipe.Decode[pipe.Clear](f); err == nil {
			if col.clear = w.Wait; !w.Wait {
				col.c.Outputs = nil
			}
		}
	case pipe.KindError:
		var e pipe.Error
		if e, err = pipe.Decode[pipe.Error](f); err == nil {
			col.append(Output{Type: "error", EName: e.Name, EValue: e.Value, Traceback: e.Traceback})
		}
	case pipe.KindPayload:
		col.payload(f)
	case pipe.KindCommOpen, pipe.KindCommMsg, pipe.KindCommClose:
		err = col.widgets.take(f)
	}
	if col.err == nil {
		col.err = err
	}
}

func (col *collector) display(kind pipe.Kind, d pipe.Display) {
	switch kind {
	case pipe.KindUpdate:
		for _, c := range col.n.Cells {
			for i := range c.Outputs {
				if o := &c.Outputs[i]; o.id == d.DisplayID && o.id != "" {
					o.Data, o.Metadata = d.Data, d.Metadata
				}
			}
		}
	case pipe.KindResult:
		col.append(Output{Type: "execute_result", Data: d.Data, Metadata: d.Metadata, Count: col.c.Count})
	default:
		col.append(Output{Type: "display_data", Data: d.Data, Metadata: d.Metadata, id: d.DisplayID})
	}
}

// payload shows a page of help as output: a notebook that is run has no pager.
func (col *collector) payload(f pipe.Frame) {
	var p struct {
		Source string         `json:"source"`
		Data   map[string]any `json:"data"`
	}
	if json.Unmarshal(f.Body, &p) == nil && p.Source == "page" {
		col.append(Output{Type: "display_data", Data: p.Data})
	}
}

func (col *collector) append(o Output) {
	if col.clear {
		col.c.Outputs, col.clear = nil, false
	}
	if k := len(col.c.Outputs); o.Type == "stream" && k > 0 {
		if last := &col.c.Outputs[k-1]; last.Type == "stream" && last.Name == o.Name {
			last.Text += o.Text
			return
		}
	}
	col.c.Outputs = append(col.c.Outputs, o)
}

// decodeDisplay keeps numbers as they were written.
func decodeDisplay(f pipe.Frame) (pipe.Display, error) {
	dec := json.NewDecoder(bytes.NewReader(f.Body))
	dec.UseNumber()
	var d pipe.Display
	err := dec.Decode(&d)
	return d, err
}
