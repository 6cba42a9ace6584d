package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
	"github.com/godlas/godlas/dlas/model"
)

// shrunk is a row of the table of compressed networks: L3's choice, and how many times faster than ONNX Runtime is on the
// uncompressed network it is to be.
type shrunk struct {
	compress string
	goal     float64
}

// Random weights are larger in layers with few inputs, so that a pass that ranks all weights together spares the first
// layers and empties the last: those that it leaves alone cost the same. Hence rows for both scopes, and for trained weights,
// where these are at hand.
func shrunks() []shrunk {
	return []shrunk{
		{"prune(0.9)", 2},
		{"prune(0.9, scope=layer)", 2},
		{"blocks(0.8, 16x1)", 3},
		{"blocks(0.8, 16x1, scope=layer)", 3},
		{"channels(0.5)", 2.5},
		{"int8", 3},
		{"blocks(0.8, 16x1) int8", 4},
		{"blocks(0.8, 16x1, scope=layer) int8", 4},
	}
}

// weighted is the network with some weights, whose uncompressed file all engines read.
type weighted struct {
	weights string // what the table calls them
	model   string // what our stack takes as a model
	*files
}

// weights are the network with random weights and, where DLAS_DATA has them, with trained ones.
func (l *lab) weights(ctx context.Context, n network, t Table) ([]weighted, error) {
	f, err := n.write(l.dir)
	if err != nil {
		return nil, err
	}
	list := []weighted{{"random", n.name, f}}
	// A file has whatever weights there are for the pictures that the network is for.
	trained := filepath.Join(l.dir, "trained.onnx")
	if err := dlas.New().Model(n.name).Export(ctx, trained); err != nil {
		return nil, err
	}
	read, err := model.ReadFile(trained, model.FileOptions{})
	if err != nil {
		return nil, err
	}
	if !read.Graph.Trained {
		t.Note("No rows of trained weights: DLAS_DATA names no folder with those of " + n.title + ".")
		return list, nil
	}
	return append(list, weighted{"trained", ir.QuoteName(trained), &files{graph: read.Graph, f32: trained, input: f.input}}), nil
}

// Compressed times ResNet-18 at 224 pixels on one thread, compressed as rows say, against ONNX Runtime and ourselves on the
// uncompressed network in f32, ourselves with dense kernels. Words choose the rows that have them all.
func Compressed(ctx context.Context, t Table, words []string) error {
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	n := networks()[slices.IndexFunc(networks(), func(n network) bool { return n.name == "imagenet-resnet18" })]
	t.Head("weights", "compression", "ours, ms", "ONNX Runtime uncompressed, ms", "ours uncompressed dense, ms", "times faster than ONNX Runtime", "95 % interval", "goal", "verdict", "times faster than own dense", "95 % interval", "kernels")
	nets, err := l.weights(ctx, n, t)
	if err != nil {
		return err
	}
	missed, rows, trained := 0, 0, 0
	for _, w := range nets {
		for _, s := range shrunks() {
			if slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(w.weights+" "+s.compress, word) }) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if rows++; w.weights == "trained" {
				trained++
			}
			met, err := l.shrunkRow(ctx, t, n, w, s)
			if err != nil {
				t.Add(w.weights, s.compress, err.Error())
			}
			if !met {
				missed++
			}
		}
	}
	if rows == 0 {
		return fmt.Errorf("no row of the table has all of %q", words)
	}
	about := "ResNet-18 224x224, one thread"
	if trained > 0 {
		about += "; trained weights are those of a product-quantised network (every layer of a few values), as they are decoded"
	}
	t.Note(fmt.Sprintf("%s. %d goals are not met.", about, missed))
	return nil
}

func (l *lab) shrunkRow(ctx context.Context, t Table, n network, f weighted, s shrunk) (met bool, err error) {
	file := filepath.Join(l.dir, "compressed.onnx")
	images := fmt.Sprintf("random(%dx3x%dx%d)", calibration, n.size, n.size)
	if err := dlas.New().Data(images).Model(f.model).Compress(s.compress).Export(ctx, file); err != nil {
		return false, err
	}
	var entries []*entry
	defer func() {
		for _, e := range entries {
			e.process.close()
		}
	}()
	var all [3]*entry
	for i, start := range []func() (*entry, error){
		func() (*entry, error) { return l.ours(ctx, "ours", file, f.input, 1, 1, "auto", "") },
		func() (*entry, error) { return l.theirs(ctx, "onnxruntime", f.f32, f.input, 1, 1) },
		func() (*entry, error) { return l.ours(ctx, "dense", f.f32, f.input, 1, 1, "auto dense", "") },
	} {
		if all[i], err = start(); err != nil {
			return false, err
		}
		entries = append(entries, all[i])
	}
	if err := contest(usual, entries, nil); err != nil {
		return false, err
	}
	ours, theirs, dense := all[0], all[1], all[2]
	times := func(than *entry) (median float64, interval string, low float64) {
		m, low, high := ratio(than, ours)
		return m, fmt.Sprintf("%.2f to %.2f", low, high), low
	}
	a, interval, low := times(theirs)
	b, denseInterval, denseLow := times(dense)
	verdict := "not met"
	switch {
	case denseLow < 1:
		verdict = "slower than own dense"
	case low >= s.goal:
		verdict, met = "met", true
	case a >= s.goal:
		verdict, met = "met, interval straddles", true
	}
	kernels, err := kernelsOf(ours)
	if err != nil {
		return false, err
	}
	show := func(e *entry) string { return fmt.Sprintf("%.3f", stat.Median(e.ms)) }
	t.Add(f.weights, s.compress, show(ours), show(theirs), show(dense), fmt.Sprintf("%.2f", a), interval, fmt.Sprintf("%.1f", s.goal), verdict, fmt.Sprintf("%.2f", b), denseInterval, kernels)
	return met, nil
}

// kernelsOf counts the kernels of the convolutions and the conversions of an engine of ours.
func kernelsOf(e *entry) (string, error) {
	a, err := e.process.ask(request{Op: "nodes", Least: 1})
	if err != nil {
		return "", err
	}
	counts := map[string]int{}
	for _, n := range a.Nodes {
		if strings.Contains(n.Op, "Conv") || n.Op == "Layout" {
			counts[n.Kernel]++
		}
	}
	var list []string
	for k, n := range counts {
		list = append(list, fmt.Sprintf("%d %s", n, k))
	}
	slices.Sort(list)
	return strings.Join(list, ", "), nil
}
