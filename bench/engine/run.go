package engine

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/ir/stat"
	"github.com/godlas/godlas/install/installtest"
)

//go:embed peer.py
var peerDriver []byte

//go:embed quantise.py
var quantiser []byte

// Table is where a benchmark writes what it found.
type Table interface {
	Head(cells ...string)
	Add(cells ...string)
	Note(line string)
}

// lab is what contests need: Python with the peers, ourselves as a program, a folder.
type lab struct {
	python, self, dir, peer, quantiser string
}

func newLab(ctx context.Context) (*lab, func(), error) {
	env, err := installtest.MakeEngines(ctx, os.Stderr)
	if err != nil {
		return nil, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "dlas-bench")
	if err != nil {
		return nil, nil, err
	}
	l := &lab{python: env.Python, self: self, dir: dir, peer: filepath.Join(dir, "peer.py"), quantiser: filepath.Join(dir, "quantise.py")}
	end := func() { os.RemoveAll(dir) }
	for path, text := range map[string][]byte{l.peer: peerDriver, l.quantiser: quantiser} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			end()
			return nil, nil, err
		}
	}
	return l, end, nil
}

// ours and theirs start an engine with a network.
func (l *lab) ours(ctx context.Context, name, file, input string, threads, batch int, algorithm, isa string) (*entry, error) {
	p, err := start(ctx, threads, l.self, "engine-worker", file, fmt.Sprint(threads), fmt.Sprint(batch), input, algorithm, isa)
	return &entry{name: name, process: p}, err
}

func (l *lab) theirs(ctx context.Context, engine, file, input string, threads, batch int) (*entry, error) {
	p, err := start(ctx, threads, l.python, "-I", l.peer, engine, file, fmt.Sprint(threads), fmt.Sprint(batch), input)
	return &entry{name: engine, process: p}, err
}

// Run times every network whose name has one of the words in it (all: no word) in f32 and int8 on one and two
// threads, and reports whether every goal is met.
func Run(ctx context.Context, t Table, words []string) error {
	if err := asked(words); err != nil {
		return err
	}
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	t.Head("network", "type", "threads", "ours, ms", "ONNX Runtime, ms", "OpenVINO, ms", "ours / better", "95 % interval", "goal", "verdict", "direct alone, without Winograd", "share of the peak", "largest error")
	if err := l.identities(ctx, t); err != nil {
		return err
	}
	kinds, counts := words, []int{1, 2}
	missed := 0
	for _, n := range networks() {
		if !selected(n, words) {
			continue
		}
		f, err := n.write(l.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
		for _, kind := range []string{"f32", "i8"} {
			if other := map[string]string{"f32": "i8", "i8": "f32"}[kind]; slices.Contains(kinds, other) && !slices.Contains(kinds, kind) {
				continue
			}
			for _, threads := range counts {
				if slices.Contains(words, fmt.Sprint(3-threads)) && !slices.Contains(words, fmt.Sprint(threads)) {
					continue
				}
				met, err := l.row(ctx, t, n, f, kind, threads)
				if err != nil {
					t.Add(n.title, kind, fmt.Sprint(threads), err.Error())
				}
				if !met {
					missed++
				}
			}
		}
		f.remove()
	}
	t.Note(fmt.Sprintf("%d goals are not met.", missed))
	return nil
}

// selected reports whether a network is asked for; words that only name a type or a number of threads ask for all.
func selected(n network, words []string) bool {
	some := false
	for _, w := range words {
		if w == "f32" || w == "i8" || w == "1" || w == "2" {
			continue
		}
		some = true
		if fmt.Sprintf("%s-%d", n.name, n.size) == w || strings.Contains(n.name, w) {
			return true
		}
	}
	return !some
}

// asked refuses words by which no network is selected, lest a misspelt one makes a table that leaves it out.
func asked(words []string) error {
	for _, w := range words {
		if !slices.ContainsFunc(networks(), func(n network) bool { return selected(n, []string{w}) }) {
			return fmt.Errorf("no network of the table has %q in its name", w)
		}
	}
	return nil
}

func (l *lab) row(ctx context.Context, t Table, n network, f *files, kind string, threads int) (met bool, err error) {
	file, goal := f.f32, n.f32
	if kind == "i8" {
		file, goal = f.i8, n.i8
		if _, err := os.Stat(file); err != nil {
			if err := f.quantise(ctx, l.python, l.quantiser); err != nil {
				return false, err
			}
		}
	}
	var entries []*entry
	defer func() {
		for _, e := range entries {
			e.process.close()
		}
	}()
	auto, err := l.ours(ctx, "ours", file, f.input, threads, 1, "auto", "")
	if err != nil {
		return false, err
	}
	entries = append(entries, auto)
	direct, err := l.ours(ctx, "direct", file, f.input, threads, 1, "direct", "")
	if err != nil {
		return false, err
	}
	entries = append(entries, direct)
	var peers []*entry
	ms := map[string]string{"onnxruntime": "fails", "openvino": "fails"}
	for _, engine := range []string{"onnxruntime", "openvino"} {
		p, err := l.theirs(ctx, engine, file, f.input, threads, 1)
		if err != nil {
			t.Note(fmt.Sprintf("%s %s: %s drops out: %s", n.title, kind, engine, lastLine(err.Error())))
			continue
		}
		entries, peers = append(entries, p), append(peers, p)
	}
	var peaks Peaks
	if err := contest(usual, entries, func() error { return peaks.raise(auto) }); err != nil {
		return false, err
	}
	for _, p := range peers {
		ms[p.name] = fmt.Sprintf("%.3f", stat.Median(p.ms))
	}
	rival := best(peers)
	r, low, high := ratio(auto, rival)
	without, _, _ := ratio(direct, rival)
	worst, err := f.worst(ctx, kind, auto, peers)
	if err != nil {
		return false, err
	}
	share, err := peaks.share(auto, kind)
	if err != nil {
		return false, err
	}
	v := verdict(r, high, goal)
	t.Add(fmt.Sprintf("%s %dx%d", n.title, n.size, n.size), kind, fmt.Sprint(threads), fmt.Sprintf("%.3f", stat.Median(auto.ms)), ms["onnxruntime"], ms["openvino"],
		fmt.Sprintf("%.3f", r), fmt.Sprintf("%.3f to %.3f", low, high), fmt.Sprintf("%.2f", goal), v, fmt.Sprintf("%.3f", without), share, worst)
	return v != "not met", nil
}

// worst is the largest error of a logit over the largest logit: for f32 ours against float64; for int8, which rounds,
// ours against ONNX Runtime's.
func (f *files) worst(ctx context.Context, kind string, ours *entry, peers []*entry) (string, error) {
	a, err := ours.process.ask(request{Op: "output"})
	if err != nil {
		return "", err
	}
	if kind == "f32" {
		if f.exact == nil {
			x, err := op.Exact(ctx, f.graph, op.Array{Shape: inputShape(f.graph), Data: f.elements}, nil)
			if err != nil {
				return "", err
			}
			f.exact = x.Data
		}
		return fmt.Sprintf("%.1e", largest(a.Out, f.exact)), nil
	}
	for _, p := range peers {
		if p.name == "onnxruntime" {
			b, err := p.process.ask(request{Op: "output"})
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%.1e of ONNX Runtime's", largest(a.Out, b.Out)), nil
		}
	}
	return "", nil
}

func inputShape(g *ir.Graph) ir.Shape { return g.Inputs[0].Shape }

func largest(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	diff, top := 0.0, 0.0
	for i := range got {
		diff = max(diff, math.Abs(got[i]-want[i]))
		top = max(top, math.Abs(want[i]))
	}
	return diff / top
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// Nodes profiles a network of the table in our engine: args are its name, type and threads.
func Nodes(ctx context.Context, t Table, args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("usage: nodes NETWORK f32|i8 THREADS ALGORITHM")
	}
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	t.Head("node", "operator", "kernel", "ms", "MACs", "executed")
	for _, n := range networks() {
		if n.name != args[0] {
			continue
		}
		f, err := n.write(l.dir)
		if err != nil {
			return err
		}
		file := f.f32
		if args[1] == "i8" {
			if err := f.quantise(ctx, l.python, l.quantiser); err != nil {
				return err
			}
			file = f.i8
		}
		threads := 1
		fmt.Sscan(args[2], &threads)
		e, err := l.ours(ctx, "ours", file, f.input, threads, 1, args[3], "")
		if err != nil {
			return err
		}
		defer e.process.close()
		a, err := e.process.ask(request{Op: "nodes", Least: 30})
		if err != nil {
			return err
		}
		total := 0.0
		for _, n := range a.Nodes {
			total += n.MS
			t.Add(n.Name, n.Op, n.Kernel, fmt.Sprintf("%.4f", n.MS), fmt.Sprint(n.MACs), fmt.Sprint(n.MACsExecuted))
		}
		t.Note(fmt.Sprintf("sum %.3f ms", total))
	}
	return nil
}
