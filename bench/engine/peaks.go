package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
	"github.com/godlas/godlas/dlas/model/onnx"
)

// peakTime is how long each quantity is measured in each round.
const peakTime = 20e6 // ns

// raise measures the peaks once more and keeps the highest.
func (p *Peaks) raise(e *entry) error {
	a, err := e.process.ask(request{Op: "peaks", For: peakTime})
	if err != nil {
		return err
	}
	p.MACs, p.MACs8, p.Bytes = max(p.MACs, a.Peaks.MACs), max(p.MACs8, a.Peaks.MACs8), max(p.Bytes, a.Peaks.Bytes)
	return nil
}

// share is the multiply-accumulates that the network's kernels issue, over what the machine could do in the time. More
// than all of it is an error: then something was not measured.
func (p *Peaks) share(e *entry, kind string) (string, error) {
	a, err := e.process.ask(request{Op: "nodes", Least: 3})
	if err != nil {
		return "", err
	}
	total, peak := 0.0, p.MACs
	if kind == "i8" {
		peak = p.MACs8
	}
	for _, n := range a.Nodes {
		total += float64(n.MACsExecuted)
	}
	share := total / (stat.Median(e.ms) / 1e3) / peak
	text := fmt.Sprintf("%.0f %% of %.0f GMAC/s", share*100, peak/1e9)
	if share > 1 {
		return text, fmt.Errorf("the kernels issued %s", text)
	}
	return text, nil
}

// identities notes how long a call of a network takes that does nothing.
func (l *lab) identities(ctx context.Context, t Table) error {
	g := &ir.Graph{
		Name: "identity", Inputs: []ir.Value{{Name: "x", Type: ir.F32, Shape: ir.Shape{1, 10}}}, Outputs: []string{"y"},
		Nodes: []*ir.Node{{Name: "identity", Op: "Identity", In: []string{"x"}, Out: []string{"y"}}}, Weights: map[string]*ir.Tensor{},
	}
	path, input := filepath.Join(l.dir, "identity.onnx"), filepath.Join(l.dir, "identity.raw")
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	err = onnx.Write(out, g, nil)
	if e := out.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = writeRaw(input, make([]float32, 10))
	}
	if err != nil {
		return err
	}
	ours, err := l.ours(ctx, "ours", path, input, 1, 1, "auto", "")
	if err != nil {
		return err
	}
	entries := []*entry{ours}
	for _, engine := range []string{"onnxruntime", "openvino"} {
		p, err := l.theirs(ctx, engine, path, input, 1, 1)
		if err != nil {
			return err
		}
		entries = append(entries, p)
	}
	err = contest(usual, entries, nil)
	line := "A call of a network that does nothing takes"
	for _, e := range entries {
		if err == nil {
			line += fmt.Sprintf(" %.4f ms (%s)", stat.Median(e.ms), e.name)
		}
		e.process.close()
	}
	if err == nil {
		t.Note(line + ".")
	}
	return err
}
