package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// sparseCase is a convolution of the table of sparse formats.
type sparseCase struct {
	kernel, c, m, size, stride int
}

func (c sparseCase) String() string {
	s := fmt.Sprintf("%dx%d %d-%d@%d", c.kernel, c.kernel, c.c, c.m, c.size)
	if c.stride > 1 {
		s += fmt.Sprintf(" stride %d", c.stride)
	}
	return s
}

// sparseForm is a format with the zeros that it is for: a column of goals by sparsity for 3x3 with 64 channels at 56x56,
// kernel alone with the best instructions.
type sparseForm struct {
	name   string // as a row says it
	format string // of package primitive
	zero   func(r *rand.Rand, w []float32, c sparseCase, p float64)
	goals  map[float64]float64
	levels []float64
}

func sparseForms() []sparseForm {
	usual := []float64{0.5, 0.8, 0.9, 0.95}
	all := []sparseForm{
		{"csr", primitive.CSR, zeroAnywhere, map[float64]float64{0.5: 1.2, 0.8: 2.6, 0.9: 4.3, 0.95: 7}, append([]float64{0.3, 0.4}, usual...)},
		{"32x1", "bsr", zeroBlocks(32), nil, usual},
		{"16x1", "bsr", zeroBlocks(16), map[float64]float64{0.5: 1.7, 0.8: 4, 0.9: 7.5}, append([]float64{0.1, 0.2}, usual...)},
		{"4x1", "bsr", zeroBlocks(4), nil, usual},
		// Of patterns of four, 5 of 9 weights are zero at least.
		{"pattern", primitive.Pattern, zeroPatterns, nil, []float64{0.56, 0.6, 0.8, 0.9}},
		{"pattern as csr", primitive.CSR, zeroPatterns, nil, []float64{0.56, 0.6, 0.8, 0.9}},
	}
	return slices.DeleteFunc(all, func(f sparseForm) bool { return primitive.Check(primitive.Direct, f.format) != nil })
}

// sparseCases are the shapes: the one that goals are for, then others that networks have.
func sparseCases() []sparseCase {
	return []sparseCase{
		{3, 64, 64, 56, 1},
		{3, 128, 128, 28, 1},
		{3, 256, 256, 14, 1},
		{3, 512, 512, 7, 1},
		{3, 64, 128, 56, 2},
		{3, 32, 32, 32, 1},
		{1, 256, 256, 56, 1},
		{1, 64, 256, 56, 1},
		{1, 512, 128, 28, 1},
	}
}

// zeroAnywhere makes that share of the weights zero, wherever they are.
func zeroAnywhere(r *rand.Rand, w []float32, _ sparseCase, p float64) {
	zeroUnits(r, len(w), p, func(i int) { w[i] = 0 })
}

// zeroUnits calls zero for that share of n units, chosen at random.
func zeroUnits(r *rand.Rand, n int, p float64, zero func(i int)) {
	for _, i := range r.Perm(n)[:int(math.Round(p*float64(n)))] {
		zero(i)
	}
}

// zeroBlocks makes blocks of that many output channels at one input channel and place of the window zero.
func zeroBlocks(rows int) func(r *rand.Rand, w []float32, c sparseCase, p float64) {
	return func(r *rand.Rand, w []float32, c sparseCase, p float64) {
		depth := c.c * c.kernel * c.kernel
		groups := (c.m + rows - 1) / rows
		zeroUnits(r, groups*depth, p, func(i int) {
			for m := i / depth * rows; m < min(c.m, (i/depth+1)*rows); m++ {
				w[m*depth+i%depth] = 0
			}
		})
	}
}

// zeroPatterns leaves of each 3x3 kernel four weights, in one of eight masks, then no weights of whole kernels, until that
// share is zero.
func zeroPatterns(r *rand.Rand, w []float32, _ sparseCase, p float64) {
	masks := []int{0b000011011, 0b000110110, 0b011011000, 0b110110000, 0b000111010, 0b010011010, 0b010110010, 0b010111000}
	kernels := len(w) / 9
	for i := range kernels {
		mask := masks[r.IntN(len(masks))]
		for k := range 9 {
			if mask>>k&1 == 0 {
				w[9*i+k] = 0
			}
		}
	}
	zeroUnits(r, kernels, max(0, 1-(1-p)*9/4), func(i int) { clear(w[9*i : 9*i+9]) })
}

// sparseRounds is how often a row's kernels take turns, sparseTurn how long a turn is.
const (
	sparseRounds = 13
	sparseTurn   = 3 * time.Millisecond
)

// trial is a program of a single convolution between two nodes over blocks of channels, and the least times of a turn.
type trial struct {
	program *system.Program
	conv    int
	moves   []int // conversions into strips and out of them
	in      []float32
}

func newTrial(c sparseCase, w []float32, m ir.Machine, format string) (*trial, error) {
	r := rand.New(rand.NewPCG(3, 4))
	bias := make([]float32, c.m)
	for i := range bias {
		bias[i] = float32(r.NormFloat64())
	}
	p := c.kernel / 2
	same := ir.Attrs{"kernel_shape": []int{1, 1}, "strides": []int{1, 1}, "pads": []int{0, 0, 0, 0}}
	g := &ir.Graph{
		Name: "trial", Inputs: []ir.Value{{Name: "x", Type: ir.F32, Shape: ir.Shape{1, c.c, c.size, c.size}}}, Outputs: []string{"y"},
		Weights: map[string]*ir.Tensor{"w": ir.NewF32(w, c.m, c.c, c.kernel, c.kernel), "b": ir.NewF32(bias, c.m)},
		Nodes: []*ir.Node{
			{Name: "before", Op: "MaxPool", In: []string{"x"}, Out: []string{"a"}, Attrs: same},
			{Name: "conv", Op: "Conv", In: []string{"a", "w", "b"}, Out: []string{"s"}, Attrs: ir.Attrs{"strides": []int{c.stride, c.stride}, "pads": []int{p, p, p, p}}},
			{Name: "relu", Op: "Relu", In: []string{"s"}, Out: []string{"c"}},
			{Name: "after", Op: "MaxPool", In: []string{"c"}, Out: []string{"y"}, Attrs: same},
		},
	}
	t := &trial{conv: -1}
	var err error
	if t.program, err = system.Compile(g, primitive.Kernels(), m, system.Plan{Algorithm: primitive.Direct, Format: format, Batch: 1}); err != nil {
		return nil, err
	}
	for i, n := range t.program.Nodes() {
		switch {
		case n.Op == "Conv":
			t.conv = i
			if n.Format != format {
				return nil, fmt.Errorf("%s runs %s", c, n.Kernel)
			}
		case strings.Contains(n.Kernel, "strips"):
			t.moves = append(t.moves, i)
		}
	}
	if t.conv < 0 {
		return nil, fmt.Errorf("%s: the convolution is not a node", c)
	}
	t.in = make([]float32, c.c*c.size*c.size)
	for i := range t.in {
		t.in[i] = float32(r.NormFloat64())
	}
	return t, nil
}

// turn runs the trial for a while: the least milliseconds of the convolution, and of it with the conversions.
func (t *trial) turn(ctx context.Context) (alone, moved float64, err error) {
	alone, moved = math.Inf(1), math.Inf(1)
	for begin := time.Now(); time.Since(begin) < sparseTurn; {
		ms, err := t.program.Profile(ctx, t.in, 1)
		if err != nil {
			return 0, 0, err
		}
		sum := ms[t.conv]
		for _, i := range t.moves {
			sum += ms[i]
		}
		alone, moved = min(alone, ms[t.conv]), min(moved, sum)
	}
	return alone, moved, nil
}

// Sparse compares each format with the dense direct kernel on one thread: the kernel alone, and with the conversions of
// what it reads and writes. Words are an ISA, formats, shapes (56) or operators (3x3).
func Sparse(ctx context.Context, t Table, words []string) error {
	isa := ""
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool {
		if slices.Contains([]string{"go", "avx2", "avx512"}, w) {
			isa = w
			return true
		}
		return false
	})
	choice := ir.Choice{Name: "cpu", Args: []ir.Arg{{Key: "threads", Op: "=", Value: "1"}}}
	if isa != "" {
		choice.Args = append(choice.Args, ir.Arg{Key: "isa", Op: "=", Value: isa})
	}
	machine, err := hardware.Resolve(choice)
	if err != nil {
		return err
	}
	t.Head("convolution", "zeros", "format", "ISA", "dense, ms", "share of the peak", "sparse, ms", "speed-up alone", "95 % interval", "goal", "verdict", "with conversions", "95 % interval")
	missed, rows := 0, 0
	for i, c := range sparseCases() {
		for _, f := range sparseForms() {
			for _, level := range f.levels {
				// Of other shapes than that of the goals, what networks are pruned to.
				if i > 0 && (f.goals == nil || level < 0.8 || level > 0.9) || !sparseAsked(words, c, f.name, level) {
					continue
				}
				rows++
				goal := 0.0
				if i == 0 && isa == "" {
					goal = f.goals[level]
				}
				met, err := sparseRow(ctx, t, c, f, level, goal, machine)
				if err != nil {
					return fmt.Errorf("%s %s: %w", c, f.name, err)
				}
				if !met {
					missed++
				}
			}
		}
	}
	if rows == 0 {
		return fmt.Errorf("no row of the table has all of %q", words)
	}
	t.Note(fmt.Sprintf("Speed-ups are over the dense direct kernel, in turns; the share is that of the peak of multiply-adds, measured beside it. %d goals are not met.", missed))
	return nil
}

func sparseAsked(words []string, c sparseCase, format string, level float64) bool {
	for _, w := range words {
		if w != format && !strings.Contains(c.String(), w) && w != fmt.Sprint(level) {
			return false
		}
	}
	return true
}

func sparseRow(ctx context.Context, t Table, c sparseCase, f sparseForm, level, goal float64, m ir.Machine) (met bool, err error) {
	r := rand.New(rand.NewPCG(1, 2))
	w := make([]float32, c.m*c.c*c.kernel*c.kernel)
	for i := range w {
		w[i] = float32(0.05 * r.NormFloat64())
	}
	dense, err := newTrial(c, slices.Clone(w), m, primitive.Dense)
	if err != nil {
		return false, err
	}
	f.zero(r, w, c, level)
	sparse, err := newTrial(c, w, m, f.format)
	if err != nil {
		return false, err
	}
	var alone, moved []float64
	leastDense, leastSparse, peak := math.Inf(1), math.Inf(1), 0.0
	for round := range sparseRounds {
		var d, s, both float64
		for k := range 2 {
			if (k == 0) == (round%2 == 0) {
				peak = max(peak, primitive.PeakMACs(m, time.Millisecond).MACs)
				d, _, err = dense.turn(ctx)
			} else {
				s, both, err = sparse.turn(ctx)
			}
			if err != nil {
				return false, err
			}
		}
		leastDense, leastSparse = min(leastDense, d), min(leastSparse, s)
		alone, moved = append(alone, d/s), append(moved, d/both)
	}
	out := (c.size + c.stride - 1) / c.stride
	macs := float64(out*out*c.m*c.c) * float64(c.kernel*c.kernel)
	a, aLow, aHigh := stat.MedianInterval(alone)
	b, bLow, bHigh := stat.MedianInterval(moved)
	wanted, verdict := "", ""
	met = true
	if goal > 0 {
		wanted = fmt.Sprintf("%.1f", goal)
		switch {
		case aLow >= goal:
			verdict = "met"
		case a >= goal:
			verdict = "met, interval straddles"
		default:
			verdict, met = "not met", false
		}
	}
	node := sparse.program.Nodes()[sparse.conv]
	t.Add(c.String(), fmt.Sprintf("%.0f %%", 100*level), f.name, node.ISA, fmt.Sprintf("%.4f", leastDense), fmt.Sprintf("%.1f %%", 100*macs/(leastDense/1e3)/peak), fmt.Sprintf("%.4f", leastSparse),
		fmt.Sprintf("%.2f", a), fmt.Sprintf("%.2f to %.2f", aLow, aHigh), wanted, verdict, fmt.Sprintf("%.2f", b), fmt.Sprintf("%.2f to %.2f", bLow, bHigh))
	return met, nil
}
