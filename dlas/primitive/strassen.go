package primitive

import (
	"errors"
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// Strassen is the matrix product by seven products of quarters.
const Strassen = "strassen"

// strassenKernels are 1x1 convolutions by one level of Strassen's algorithm, with Winograd's sums. The sums of the weights
// are made when they are packed, those of the input before a part multiplies, and those of the products in registers:
// asm.Seven. Source: Strassen, Gaussian elimination is not optimal, Numerische Mathematik 13, 1969.
func strassenKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, l := range levels() {
		if l.half || l.isa != isaGo && l.isa != isaAVX512 {
			continue
		}
		ks = append(ks, ir.Kernel{
			Name: "conv_f32_strassen_dense__" + l.isa, Op: "Conv", Algorithm: Strassen, Format: Dense, Type: ir.F32, ISA: l.isa,
			// Its sums may be larger than the result, as Winograd's.
			Exact:   ir.ExactWinograd,
			Fits:    func(p ir.Problem) error { return strassenFits(p, l) },
			Cost:    func(p ir.Problem) float64 { return strassenCost(p, l) },
			Layouts: func(p ir.Problem) (in, out []ir.Layout) { return denseLayouts(p, false) },
			Bind:    func(p ir.Problem, s ir.Schedule) (ir.Bound, error) { return bindStrassen(p, s, l) },
		})
	}
	return ks
}

// strassenFits wants halves of whole blocks of channels, and pixels that make pairs of tiles.
func strassenFits(p ir.Problem, l level) error {
	if err := denseFits(p, l); err != nil {
		return err
	}
	c, err := newConvolution(p, l)
	if err != nil {
		return err
	}
	w := c.win
	switch {
	case c.groups != 1:
		return fmt.Errorf("strassen does not run a convolution with %d groups", c.groups)
	case w.KH != 1 || w.KW != 1:
		return fmt.Errorf("strassen is for 1x1 windows, not %dx%d", w.KH, w.KW)
	case w.SH != 1 || w.SW != 1:
		return fmt.Errorf("strassen does not run stride %dx%d", w.SH, w.SW)
	case w.Top+w.Left+w.Bottom+w.Right > 0:
		return errors.New("strassen does not pad")
	case c.c%(2*asm.Block) != 0 || c.m%(2*asm.Block) != 0:
		return fmt.Errorf("strassen halves blocks of %d channels: %d and %d are no multiples of %d", asm.Block, c.c, c.m, 2*asm.Block)
	case c.c > strassenDepth:
		return fmt.Errorf("strassen does not run %d channels", c.c)
	}
	if s := stretchOf(c.oh, c.ow); s == 0 {
		return fmt.Errorf("strassen pairs equal tiles, which %dx%d pixels do not make", c.oh, c.ow)
	}
	one, two := largestOf(p.Weights[1].F32(), c.m, c.c)
	if max(one, two) > unevenWeights*min(one, two) {
		return fmt.Errorf("strassen adds what two halves of the channels are multiplied by, and the largest of each, %.2g and %.2g, are too unequal", one, two)
	}
	return nil
}

// unevenWeights is how many times larger the weights of one half of the input channels may be than those of the other. A
// large half adds its rounding errors to the other's products: where the inputs are as unequal the other way round, so
// that both halves count, the error grows by this.
const unevenWeights = 16

// largestOf are the largest magnitudes of the weights of both halves of the input channels, of some of m rows of c.
func largestOf(w []float32, m, c int) (one, two float32) {
	for i := range min(m, 16) {
		row := w[m*i/min(m, 16)*c:][:c]
		for _, x := range row[:c/2] {
			one = max(one, x, -x)
		}
		for _, x := range row[c/2:] {
			two = max(two, x, -x)
		}
	}
	return one, two
}

// strassenDepth is the most input channels: a call is not to take longer.
const strassenDepth = 4096

// stretchOf is how many neighbours each of the four stretches of a pair of tiles has: as many as there are registers for,
// so that a map is a number of pairs; 0: there is none. A row has one stretch or an even number of them: of others the two
// stretches of one tile are neighbours and those of its pair lie on two rows, which are further apart where maps have borders.
func stretchOf(h, w int) int {
	for s := 7; s >= 4; s-- {
		if n := w / s; w%s == 0 && (n == 1 || n%2 == 0) && h*n%4 == 0 && asm.HasSeven(2*s) {
			return s
		}
	}
	return 0
}

// Of a call, what it takes besides its products, and of the sums each four vectors, in cycles, as measured.
const (
	sevenCall = 420.0
	sevenSum  = 14.0
)

// strassenCost estimates the cycles of one run, as denseCost does, with which it is compared.
func strassenCost(p ir.Problem, l level) float64 {
	c, err := newConvolution(p, l)
	if err != nil {
		return 0
	}
	tile := 2 * stretchOf(c.oh, c.ow)
	pairs := float64(c.n * c.oh * c.ow / (2 * tile))
	half := c.m / 2 / asm.Block
	deep := 7 * float64(c.c/2)
	cost := pairs * float64(half/2) * (deep*l.cycles(tile, 2) + sevenCall)
	cost += pairs * float64(half%2) * (deep*l.cycles(tile, 1) + sevenCall)
	cost += pairs * float64(tile*c.c/2/asm.Block) * sevenSum
	if l.isa == isaGo {
		cost *= goTimes
	}
	bytes := 7. / 4 * 4 * float64(c.m*c.c)
	come := bytes / comeBytes(bytes, p.Machine.L2)
	cost = max(cost, come) + overlap*min(cost, come)
	threads := float64(max(1, p.Machine.Threads))
	switch {
	case threads == 1:
		return cost
	case !worthParts(float64(c.m*c.c) * float64(c.n*c.oh*c.ow)):
		return threads * cost
	}
	return cost + threads*directShare
}
