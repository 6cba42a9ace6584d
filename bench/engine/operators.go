package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/dlas/ir/stat"
	"github.com/godlas/godlas/dlas/model/onnx"
)

// Operators times single operators against ONNX Runtime on one thread; words choose those that have one of them in their
// name. Both read and write plain values, so that ours has the conversions into blocks in its time that a network has not.
func Operators(ctx context.Context, t Table, words []string) error {
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	t.Head("operator", "input", "ours, ms", "ONNX Runtime, ms", "ours / theirs", "95 % interval", "goal", "verdict", "kernels")
	missed, rows := 0, 0
	for _, c := range operatorCases() {
		if len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool {
			return strings.Contains(strings.ToLower(c.name), strings.ToLower(w))
		}) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rows++
		met, err := l.operator(ctx, t, c)
		if err != nil {
			t.Add(c.name, fmt.Sprint(c.shape), lastLine(err.Error()))
		}
		if !met {
			missed++
		}
	}
	if rows == 0 {
		return fmt.Errorf("no operator of the table has one of %q in its name", words)
	}
	t.Note(fmt.Sprintf("%d of %d goals are not met. f32 unless the name says u8, batch of one, one thread.", missed, rows))
	return nil
}

// short are blocks of calls that mostly take less than a millisecond.
var short = timing{rounds: 11, warm: 3 * time.Millisecond, length: 12 * time.Millisecond, least: 2}

func (l *lab) operator(ctx context.Context, t Table, c operatorCase) (met bool, err error) {
	file, input := filepath.Join(l.dir, "operator.onnx"), filepath.Join(l.dir, "operator.raw")
	out, err := os.Create(file)
	if err != nil {
		return false, err
	}
	err = onnx.Write(out, c.graph(), nil)
	if e := out.Close(); err == nil {
		err = e
	}
	if err != nil {
		return false, err
	}
	rng := rand.New(rand.NewPCG(3, 0))
	x := make([]float32, c.shape.Elems())
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	if err := writeRaw(input, x); err != nil {
		return false, err
	}
	ours, err := l.ours(ctx, "ours", file, input, 1, 1, "auto", "")
	if err != nil {
		return false, err
	}
	defer ours.process.close()
	theirs, err := l.theirs(ctx, "onnxruntime", file, input, 1, 1)
	if err != nil {
		return false, err
	}
	defer theirs.process.close()
	if err := contest(short, []*entry{ours, theirs}, nil); err != nil {
		return false, err
	}
	a, err := ours.process.ask(request{Op: "nodes", Least: 1})
	if err != nil {
		return false, err
	}
	var kernels []string
	for _, n := range a.Nodes {
		if !slices.Contains(kernels, n.Kernel) {
			kernels = append(kernels, n.Kernel)
		}
	}
	median, low, high := ratio(ours, theirs)
	v := verdict(median, high, c.most)
	t.Add(c.name, fmt.Sprint(c.shape), fmt.Sprintf("%.4f", stat.Median(ours.ms)), fmt.Sprintf("%.4f", stat.Median(theirs.ms)),
		fmt.Sprintf("%.2f", median), fmt.Sprintf("%.2f to %.2f", low, high), fmt.Sprintf("%.0f", c.most), v, strings.Join(kernels, " "))
	return v != "not met", nil
}
