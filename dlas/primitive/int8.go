package primitive

import (
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// byteLevel is what an ISA has for quantised networks.
type byteLevel struct {
	isa     string
	pixels  int     // most pixels of a tile
	vectors int     // most blocks of 16 output channels of a tile
	halves  bool    // a tile may take two rows
	wide    bool    // the loops on whole maps (windows, runs) are there
	pairs   bool    // weights are 16 bits wide
	rate    float64 // multiply-accumulates a cycle, about
}

// tile runs a tile on the level's loop.
func (l *byteLevel) tile(t *asm.ByteTile, pixels, half, vectors, groups int) {
	switch l.isa {
	case "avx512vnni":
		asm.ByteTile512(t, pixels, half, vectors, groups)
	case "avxvnni":
		asm.ByteVNNI(t, pixels, groups)
	case "avx2":
		asm.BytePair(t, pixels, groups)
	default:
		asm.ByteTileGo(t, pixels, half, vectors, groups)
	}
}

// packed is the weights as the level's loop wants them.
func (l *byteLevel) packed(w ir.Memory) ir.Memory {
	if !l.pairs {
		return w
	}
	to := mem.Alloc(2 * len(w))
	asm.BytePairs(w.I8(), to.I8())
	return to
}

// place is where weights begin among those packed.
func (l *byteLevel) place(at int) int {
	if l.pairs {
		return 2 * at
	}
	return at
}

func byteLevels() []byteLevel {
	list := []byteLevel{{isa: "go", pixels: asm.HalfTile, vectors: 2, rate: 0.5}}
	if asm.HasAVX2() {
		list = append(list, byteLevel{isa: "avx2", pixels: 4, vectors: 1, pairs: true, rate: 25})
	}
	if asm.HasByteVNNI() {
		list = append(list, byteLevel{isa: "avxvnni", pixels: 6, vectors: 1, rate: 60})
	}
	if asm.HasByteTile512() {
		list = append(list, byteLevel{isa: "avx512vnni", pixels: asm.MostBytePixels, vectors: 2, halves: true, wide: true, rate: 120})
	}
	return list
}

// int8Kernels are the rows of quantised networks.
func int8Kernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, l := range byteLevels() {
		for _, algorithm := range []string{Direct, Gemm, SpatialPack} {
			ks = append(ks, byteConvKernel(l, algorithm, Dense), byteConvKernel(l, algorithm, BSR))
		}
		ks = append(ks, byteWinogradKernel(l), byteGemmKernel(l), byteDepthwiseKernel(l))
		ks = append(ks, byteMapKernels(l)...)
	}
	return ks
}

// scalar is the only element of a constant input, as the number that it is; ok is false where there is none.
func scalar(p ir.Problem, i int) (v float64, ok bool) {
	if i >= len(p.Weights) || p.Weights[i] == nil || p.Weights[i].Shape.Elems() != 1 {
		return 0, false
	}
	switch d := p.Weights[i].Data.(type) {
	case []float32:
		return float64(d[0]), true
	case []uint8:
		return float64(d[0]), true
	case []int8:
		return float64(d[0]), true
	}
	return 0, false
}

// number is a scalar that Fits has found to be there, or 0.
func number(p ir.Problem, i int) float64 {
	v, _ := scalar(p, i)
	return v
}

func scale32(p ir.Problem, i int) float32 { return float32(number(p, i)) }

// scalars demands that the inputs at these positions are constants of one element where they are given.
func scalars(p ir.Problem, positions ...int) error {
	for _, i := range positions {
		if i >= len(p.Node.In) || p.Node.In[i] == "" {
			continue
		}
		if _, ok := scalar(p, i); !ok {
			return fmt.Errorf("input %d (%q) is no constant of one element", i, p.Node.In[i])
		}
	}
	return nil
}

// clampBytes are the attributes least and most as bounds of a byte; those of i8 are moved up by 128.
func clampBytes(n *ir.Node, t ir.Type) (lo, hi uint32) {
	from, to, move := 0, 255, 0
	if t == ir.I8 {
		from, to, move = -128, 127, 128
	}
	l, h := max(n.Attrs.Int("least", from), from), min(n.Attrs.Int("most", to), to)
	l = min(l, to)
	h = max(h, l)
	return uint32(l + move), uint32(h + move)
}

// flipTable turns u8 into the i8 that is 128 less, by its bits.
func flipTable() *[256]uint8 {
	var t [256]uint8
	for i := range t {
		t[i] = uint8(i) ^ 0x80
	}
	return &t
}

// tableOf is a constant input of 256 bytes, or nil.
func tableOf(p ir.Problem, i int) *[256]uint8 {
	if i >= len(p.Weights) || p.Weights[i] == nil {
		return nil
	}
	return (*[256]uint8)(p.Weights[i].Data.([]uint8))
}

// signedWeights are the weights less their zero points, which i8 or u8 with its zero point may be: as one byte each, or
// where that is too small as the sum of two, or of three for 255. The result may be w's own elements.
func signedWeights(w, zeros *ir.Tensor, channels int) [][]int8 {
	if d, ok := w.Data.([]int8); ok && noZeroPoint(zeros) {
		return [][]int8{d}
	}
	at := func(t *ir.Tensor, i int) int {
		switch d := t.Data.(type) {
		case []uint8:
			return int(d[i])
		case []int8:
			return int(d[i])
		}
		return 0
	}
	n := w.Shape.Elems()
	each := n / channels
	passes := [][]int8{make([]int8, n)}
	for i := range n {
		v := at(w, i)
		if zeros != nil {
			v -= at(zeros, min(i/each, zeros.Shape.Elems()-1))
		}
		for pass := 0; v != 0; pass++ {
			if pass == len(passes) {
				passes = append(passes, make([]int8, n))
			}
			b := min(max(v, -128), 127)
			passes[pass][i], v = int8(b), v-b
		}
	}
	return passes
}

// noZeroPoint reports whether all zero points are 0.
func noZeroPoint(zeros *ir.Tensor) bool {
	if zeros == nil {
		return true
	}
	for _, b := range zeros.Memory() {
		if b != 0 {
			return false
		}
	}
	return true
}

// requantScale is the factor from the sums of products to the result.
func requantScale(x, w, y float32) float32 { return float32(float32(x*w) / y) }

// perChannel is element c of a constant that has one element or one a channel.
func perChannel(t *ir.Tensor, c int) float32 {
	d := t.F32()
	return d[min(c, len(d)-1)]
}

// fitsInt reports whether a sum scaled so is surely an int32: the loops convert it without a look.
func fitsInt(most int64, scale float32) bool {
	return float64(most)*math.Abs(float64(scale)) < 1<<31-1
}
