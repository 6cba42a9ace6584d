package primitive

import (
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// SpatialPack is the algorithm that packs the input tile by tile.
const SpatialPack = "spatialpack"

// levels are the instruction sets that this build and this processor have tiles for, each for both types of weights.
func levels() []level {
	l := []level{{isa: isaGo}, {isa: isaGo, half: true}}
	if asm.HasAVX2() {
		l = append(l, level{isa: isaAVX2}, level{isa: isaAVX2, half: true})
	}
	if asm.HasAVX512() {
		l = append(l, level{isa: isaAVX512}, level{isa: isaAVX512, half: true})
	}
	if asm.HasNEON() {
		l = append(l, level{isa: isaNEON})
	}
	return l
}

// convKernels are the dense rows of convolutions. Weights of 16 bits, which are as exact as float32 on the weights that
// they are, halve what is read where that takes the time; only direct takes them.
func convKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, l := range levels() {
		for _, algorithm := range []string{Direct, Gemm, SpatialPack} {
			if !l.half || algorithm == Direct {
				ks = append(ks, denseKernel(algorithm, l))
			}
			if (!l.half || algorithm == Direct) && l.isa != isaNEON {
				picks := l
				picks.picks = true
				ks = append(ks, denseKernel(algorithm, picks))
			}
		}
	}
	return ks
}

func denseKernel(algorithm string, l level) ir.Kernel {
	format := Dense
	if l.picks {
		format = BSR
	}
	k := ir.Kernel{
		Name: strings.Join([]string{"conv", string(l.weight()), algorithm, format}, "_") + "__" + l.isa,
		Op:   "Conv", Algorithm: algorithm, Format: format, Type: l.weight(), ISA: l.isa, Exact: ir.ExactF32,
		Fits: func(p ir.Problem) error {
			if err := denseFits(p, l); err != nil {
				return err
			}
			if algorithm == Direct {
				return nil
			}
			return copiesFit(p)
		},
		Cost:      func(p ir.Problem) float64 { return denseCost(p, l, algorithm) },
		Layouts:   func(p ir.Problem) (in, out []ir.Layout) { return denseLayouts(p, algorithm == Direct) },
		Schedules: func(p ir.Problem) []ir.Schedule { return denseSchedules(p, l) },
		Bind:      func(p ir.Problem, s ir.Schedule) (ir.Bound, error) { return bindDense(p, s, l, algorithm) },
	}
	if l.picks {
		k.Worth = someZeros
	}
	return k
}

// copyCycles is what copying an element costs.
const blockCopyCycles = 0.15

// denseCost estimates the cycles of one run: of the tiles and of what is copied.
func denseCost(p ir.Problem, l level, algorithm string) float64 {
	c, err := newConvolution(p, l)
	if err != nil {
		return 0
	}
	c.plainIn = algorithm == Direct && readsPlanes(p)
	cost := 0.0
	perDepth := map[int]float64{}
	maps, rows := c.n, c.oh
	if c.spans(algorithm) {
		maps, rows = 1, c.n*c.oh
	}
	stored := 1.0
	if l.picks {
		cost, stored = pickCost(c, rows)
	} else {
		for _, g := range c.outGroups(0) {
			if perDepth[g.blocks] == 0 {
				perDepth[g.blocks] = tilesCost(l, rows, c.ow, g.blocks)
			}
			cost += perDepth[g.blocks] * float64(g.macs/g.blocks/asm.Block)
		}
	}
	cost *= float64(maps)
	if l.isa == isaGo {
		cost *= goTimes
	}
	// Weights that other nodes' have pushed out since the last run take their own time to come, part of which the products
	// do not hide: as in winograd.cost, with which this one is compared.
	size := l.weight().Size()
	if l.picks { // stored as float32 whatever they come as
		size = 4
	}
	bytes := stored * float64(c.m*c.weightRow*size)
	come := bytes / comeBytes(bytes, p.Machine.L2)
	cost = max(cost, come) + overlap*min(cost, come)
	if algorithm != Direct {
		cost += blockCopyCycles * float64(c.n*c.oh*c.ow*c.c*c.win.KH*c.win.KW)
	}
	threads := float64(max(1, p.Machine.Threads))
	weights := stored * float64(c.m*c.weightRow)
	switch {
	case threads == 1:
		return cost
	case !worthParts(weights*float64(c.n*c.oh*c.ow) + weightMACs*weights):
		return threads * cost // all others wait
	}
	return cost + threads*directShare
}

// directShare is the cycles that a node takes longer than a thread's share of it: to hand it over, and for what another
// core has made. Measured on ResNets over maps of 8 to 32 pixels with two threads.
const directShare = 12e3

// goTimes is how many times longer the loop in Go takes than level.cycles says.
const goTimes = 19

// actOf is what a node's fused activation has to do after its tiles; nil where they limit the range themselves.
func actOf(n *ir.Node) (fn asm.Fn, some bool) {
	switch n.Attrs.Str("act", op.ActNone) {
	case op.ActSilu:
		return asm.FnSiLU, true
	case op.ActHardSwish:
		return asm.FnHardSwish, true
	case op.ActSigmoid:
		return asm.FnSigmoid, true
	}
	return 0, false
}

// actFor is actOf bound to an instruction set.
func actFor(n *ir.Node, l level) fusedAct {
	fn, some := actOf(n)
	if !some {
		return nil
	}
	isa := asm.ISAOf(l.isa)
	return func(v []float32) { asm.Map{}.Act(fn, isa, v) }
}
