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
	typ    ir.Type
	zero   func(r *rand.Rand, w []float32, c sparseCase, p float64)
	goals  map[float64]float64
	levels []float64
	all    bool // for other shapes too
}

func sparseForms() []sparseForm {
	usual := []float64{0.5, 0.8, 0.9, 0.95}
	// Of patterns of four, 5 of 9 weights are zero at least.
	patterns := []float64{0.56, 0.6, 0.8, 0.9}
	return []sparseForm{
		{"csr", primitive.CSR, ir.F32, zeroAnywhere, map[float64]float64{0.5: 1.2, 0.8: 2.6, 0.9: 4.3, 0.95: 7}, append([]float64{0.2, 0.3, 0.4}, usual...), true},
		{"32x1", primitive.BSR, ir.F32, zeroBlocks(32, 1), nil, append([]float64{0.1}, usual...), false},
		{"16x1", primitive.BSR, ir.F32, zeroBlocks(16, 1), map[float64]float64{0.5: 1.7, 0.8: 4, 0.9: 7.5}, append([]float64{0.1, 0.2}, usual...), true},
		{"4x1", primitive.BSR, ir.F32, zeroBlocks(4, 1), nil, append([]float64{0.1, 0.3}, usual...), false},
		{"pattern", primitive.Pattern, ir.F32, zeroPatterns, nil, patterns, false},
		{"pattern as csr", primitive.CSR, ir.F32, zeroPatterns, nil, patterns, false},
		{"16x4", primitive.BSR, ir.I8, zeroBlocks(16, 4), nil, append([]float64{0.1}, usual...), true},
		{"16x1", primitive.BSR, ir.I8, zeroBlocks(16, 1), nil, append([]float64{0.3}, usual...), false},
	}
}

// sparseISAs are the instruction sets whose rows a table has, the best first: those that have loops of their own for that
// type.
func sparseISAs(t ir.Type, there []string) []string {
	order := []string{hardware.ISAAVX512, hardware.ISAAVX2, hardware.ISANEON}
	if t == ir.I8 {
		order = []string{hardware.ISAAVX512VNNI, hardware.ISAAVXVNNI, hardware.ISAAVX2}
	}
	order = slices.DeleteFunc(order, func(isa string) bool { return !slices.Contains(there, isa) })
	if len(order) == 0 {
		return []string{hardware.ISAGo}
	}
	return order
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

// zeroBlocks makes blocks of that many output by input channels at one place of the window zero.
func zeroBlocks(rows, cols int) func(r *rand.Rand, w []float32, c sparseCase, p float64) {
	return func(r *rand.Rand, w []float32, c sparseCase, p float64) {
		taps := c.kernel * c.kernel
		down, across := (c.m+rows-1)/rows, (c.c+cols-1)/cols
		zeroUnits(r, down*across*taps, p, func(i int) {
			m0, c0, k := i/taps/across*rows, i/taps%across*cols, i%taps
			for m := m0; m < min(c.m, m0+rows); m++ {
				for ch := c0; ch < min(c.c, c0+cols); ch++ {
					w[(m*c.c+ch)*taps+k] = 0
				}
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

// Sparse compares each format with the dense direct kernel of its type on one thread: the kernel alone, and with the
// conversions of what it reads and writes. Words are an ISA, a type (f32, i8), formats, shapes (56) or operators (3x3).
func Sparse(ctx context.Context, t Table, words []string) error {
	there := hardware.Probe().ISAs
	isa := ""
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool {
		if slices.Contains(there, w) {
			isa = w
			return true
		}
		return false
	})
	t.Head("convolution", "zeros", "format", "type", "ISA", "dense, ms", "share of the peak", "sparse, ms", "speed-up alone", "95 % interval", "goal", "verdict", "with conversions", "95 % interval")
	missed, rows := 0, 0
	var with []string
	even := map[string][]string{} // by type and instructions
	for i, c := range sparseCases() {
		for _, f := range sparseForms() {
			isas := sparseISAs(f.typ, there)
			best := isas[0]
			if isa != "" {
				isas = []string{isa}
			}
			if i > 0 { // of other shapes, what networks are pruned to, with the best instructions
				isas = isas[:1]
			}
			for _, isa := range isas {
				machine, err := hardware.Resolve(ir.Choice{Name: "cpu", Args: []ir.Arg{{Key: "isa", Op: "=", Value: isa}, {Key: "threads", Op: "=", Value: "1"}}})
				if err != nil {
					return err
				}
				var found []sparsePoint
				for _, level := range f.levels {
					if i > 0 && (!f.all || level < 0.8 || level > 0.9) || !sparseAsked(words, c, f, level) {
						continue
					}
					rows++
					goal := 0.0
					if i == 0 && isa == best && isa != hardware.ISAGo {
						goal = f.goals[level]
					}
					met, p, err := sparseRow(ctx, t, c, f, level, goal, machine)
					if err != nil {
						return fmt.Errorf("%s %s %s with %s: %w", c, f.name, f.typ, isa, err)
					}
					if found = append(found, p); !met {
						missed++
					}
				}
				if i == 0 && len(found) > 1 && found[0].zeros < 0.5 { // patterns begin beyond it
					on := fmt.Sprintf("%s with %s", f.typ, isa)
					if len(even[on]) == 0 {
						with = append(with, on)
					}
					even[on] = append(even[on], f.name+" "+breakEven(found))
				}
			}
		}
	}
	if rows == 0 {
		return fmt.Errorf("no row of the table has all of %q", words)
	}
	t.Note(fmt.Sprintf("Speed-ups are over the dense direct kernel of the same type and instructions, in turns; the share is that of the peak of multiply-adds of that type, measured beside it. %d goals are not met.", missed))
	for _, on := range with {
		t.Note(fmt.Sprintf("%s is as fast as dense at so many zeros (%s; between rows in a straight line of time): %s.", on, sparseCases()[0], strings.Join(even[on], ", ")))
	}
	return nil
}

// sparsePoint is the speed-up at a level of zeros, alone and with conversions.
type sparsePoint struct{ zeros, alone, moved float64 }

// breakEven says from which zeros on a format is faster than dense.
func breakEven(list []sparsePoint) string {
	at := func(of func(p sparsePoint) float64) string {
		for i, p := range list {
			if of(p) < 1 {
				continue
			}
			if i == 0 {
				return fmt.Sprintf("below %.0f %%", 100*p.zeros)
			}
			// The time goes down with what is left.
			q := list[i-1]
			a, b := 1/of(q), 1/of(p)
			return fmt.Sprintf("%.0f %%", 100*(q.zeros+(p.zeros-q.zeros)*(a-1)/(a-b)))
		}
		return fmt.Sprintf("above %.0f %%", 100*list[len(list)-1].zeros)
	}
	alone, moved := at(func(p sparsePoint) float64 { return p.alone }), at(func(p sparsePoint) float64 { return p.moved })
	if alone == moved {
		return alone
	}
	return alone + " (" + moved + " with conversions)"
}

func sparseAsked(words []string, c sparseCase, f sparseForm, level float64) bool {
	for _, w := range words {
		if w != f.name && w != f.format && w != string(f.typ) && !strings.Contains(c.String(), w) && w != fmt.Sprint(level) {
			return false
		}
	}
	return true
}

func sparseRow(ctx context.Context, t Table, c sparseCase, f sparseForm, level, goal float64, m ir.Machine) (met bool, p sparsePoint, err error) {
	r := rand.New(rand.NewPCG(1, 2))
	w := make([]float32, c.m*c.c*c.kernel*c.kernel)
	for i := range w {
		w[i] = float32(0.05 * r.NormFloat64())
	}
	dense, err := newTrial(c, slices.Clone(w), m, f.typ, primitive.Dense)
	if err != nil {
		return false, p, err
	}
	f.zero(r, w, c, level)
	sparse, err := newTrial(c, w, m, f.typ, f.format)
	if err != nil {
		return false, p, err
	}
	var alone, moved []float64
	leastDense, leastSparse, peak := math.Inf(1), math.Inf(1), 0.0
	for round := range sparseRounds {
		var d, s, both float64
		for k := range 2 {
			if (k == 0) == (round%2 == 0) {
				now := primitive.PeakMACs(m, time.Millisecond)
				if f.typ == ir.I8 {
					now.MACs = now.MACs8
				}
				peak = max(peak, now.MACs)
				d, _, err = dense.turn(ctx)
			} else {
				s, both, err = sparse.turn(ctx)
			}
			if err != nil {
				return false, p, err
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
	t.Add(c.String(), fmt.Sprintf("%.0f %%", 100*level), f.name, string(f.typ), node.ISA, fmt.Sprintf("%.4f", leastDense), fmt.Sprintf("%.1f %%", 100*macs/(leastDense/1e3)/peak), fmt.Sprintf("%.4f", leastSparse),
		fmt.Sprintf("%.2f", a), fmt.Sprintf("%.2f to %.2f", aLow, aHigh), wanted, verdict, fmt.Sprintf("%.2f", b), fmt.Sprintf("%.2f to %.2f", bLow, bHigh))
	return met, sparsePoint{level, a, b}, nil
}
