// Package primitive is DLAS's fourth layer: the kernels, one row of a table for each way to run an operator.
//
// Dense products (convolutions direct, by im2col and by packed tiles, linear layers) share one register tile
// (asm.Tile); convdirect.go says how a convolution is laid out, tiles.go how a map is cut into tiles, dense.go runs
// them. Convolutions that skip zeros run over strips of the map (strips.go, stripconv.go); those with groups have another loop (convsparse.go). Winograd, lanes of channels (depthwise, pooling,
// element-wise) and quantised kernels have files of their own names.
package primitive

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// Names of algorithms and formats.
const (
	Auto   = "auto"
	Direct = "direct"
	Gemm   = "gemm"
	Dense  = "dense"
	CSR    = "csr"
	BSR    = "bsr"
	// Punched is the format of block-punched weights.
	Punched = "punched"
	// Pattern is the format of 3x3 kernels that have few masks.
	Pattern = "pattern"

	depthwise = "depthwise"
)

// algorithms describes the algorithms that a user can choose.
func algorithms() []ir.Option {
	return []ir.Option{
		{Name: Auto, Help: "For each convolution the kernel whose estimated time is least: direct dense, winograd where it does less work than it costs, or direct csr where enough of the weights are zero: the estimates count the conversions into strips and out of them, so that a chain of sparse nodes pays for the way once. A format may be named with it.", Source: "the estimates are each kernel's own; their constants were measured"},
		{Name: Direct, Help: "Convolution straight from the map, without a matrix. Dense: the map lies in blocks of 16 channels with its border of zeros, and a tile of up to 14 pixels by 32 output channels stays in registers; csr: the map is cut into 16 strips with their borders, and the lanes of a vector are pixels, one of each strip.", Source: "Gibson et al., DLAS: A Conceptual Model for Across-Stack Deep Learning Acceleration, 2025"},
		{Name: Gemm, Help: "Convolution as a matrix product: every pixel's window is written out as a column of the im2col matrix first. workspace_bytes shows the matrix.", Source: "Chellapilla, Puri, Simard: High Performance Convolutional Neural Networks for Document Processing, 2006"},
		{Name: Winograd, Help: "3x3 convolutions of stride 1 by minimal filtering: tiles of the map and the weights are transformed so that 16 multiplications make 2x2 outputs (of 36), or 36 make 4x4 (of 144); the schedule says which. Other nodes run what auto would choose, and say so. Its exactness class is 1e-4; of quantised convolutions it is exact, 4x4 outputs in whole numbers of 16 bits, for the layers whose weights prove that no sum leaves its range.", Source: "Lavin, Gray: Fast Algorithms for Convolutional Neural Networks, 2016"},
		{Name: Strassen, Help: "1x1 convolutions as a matrix product of quarters, by seven products of quarters instead of eight; the sums of weights are made once, those of the input before they are multiplied. Channels, in and out, are multiples of 32 and pixels such as make pairs of equal tiles; other nodes run what auto would choose, and say so. Its exactness class is 1e-4.", Source: "Strassen: Gaussian elimination is not optimal, 1969"},
		{Name: depthwise, Help: "Convolutions whose channels are each a group of its own, 16 of them at a time. They run so under every choice, having no other kernels; other nodes run what auto would choose, and say so.", Source: "Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, 2017"},
		{Name: SpatialPack, Help: "Convolution over packed pieces of the map: for each tile of neighbouring pixels everything that their windows cover is copied together first. workspace_bytes shows the pieces.", Source: "Chen et al., TVM: An Automated End-to-End Optimizing Compiler for Deep Learning, 2018"},
	}
}

// formats describes the weight formats that a user can choose.
func formats() []ir.Option {
	return []ir.Option{
		{Name: Dense, Help: "Every weight is stored and multiplied, zeros too: a pruned network is not faster.", Source: "Gibson et al., DLAS, 2025"},
		{Name: CSR, Help: "Compressed sparse rows: the weights that are not zero, each with its position; zeros are neither stored nor multiplied, the others cost more each: with 16 pixels in the lanes, a fifth to a third.", Source: "Tinney, Walker: Direct solutions of sparse network equations, 1967"},
		{Name: BSR, Help: "Blocks of weights: for 16 or 32 output channels together the elements of the depth (an input channel at a place of the window) that are not zero for all of them, each with its place; and blocks 4x1 over maps with pixels in the lanes, where that takes less time. The first reads the same maps in blocks of 16 channels as dense; what is pruned in blocks of 32x1 or 16x1 is left out whole. Of quantised weights blocks of 16x4 are, which is what one instruction multiplies.", Source: "Gray, Radford, Kingma: GPU Kernels for Block-Sparse Weights, 2017"},
		{Name: Punched, Help: "Block-punched weights: what is zero for four output channels together (blocks of 8x4 output by input channels that lack the same places of the window are two such fours high) is left out, over maps with pixels in the lanes.", Source: "Cai et al.: YOLObile: Real-Time Object Detection on Mobile Devices via Compression-Compilation Co-Design, 2021"},
		{Name: Pattern, Help: "3x3 kernels of at most 5 weights with at most 16 masks in a layer: what a kernel keeps of a row of its window is one run with one position, and a vector of pixels is loaded once for all weights of a run, over maps with pixels in the lanes. Zeros are neither stored nor multiplied.", Source: "Niu et al.: PatDNN: Achieving Real-Time DNN Execution on Mobile Devices with Pattern-based Weight Pruning, ASPLOS 2020"},
	}
}

// Options describes the choices of this layer: algorithms and formats.
func Options() []ir.Option { return append(algorithms(), formats()...) }

func names(options []ir.Option) []string {
	list := make([]string, len(options))
	for i, o := range options {
		list[i] = o.Name
	}
	return list
}

// IsFormat reports whether a word of this layer names a format. Every other word is taken for an algorithm.
func IsFormat(word string) bool { return slices.Contains(names(formats()), word) }

// pairs lists what there are kernels for, as a user chooses it: an algorithm and a format.
func pairs() []string {
	var list []string
	for _, k := range table() {
		pair := k.Algorithm + " " + k.Format
		if k.Op == "Conv" && k.Algorithm != "" && !slices.Contains(list, pair) {
			list = append(list, pair)
		}
	}
	return list
}

// Check says in one line why there are no kernels for an algorithm and a format; an empty format leaves it open.
func Check(algorithm, format string) error {
	there := pairs()
	fail := func(what string) error {
		return &ir.Error{Layer: ir.Primitive, What: what, Try: "there is: " + strings.Join(append([]string{Auto}, there...), ", ")}
	}
	switch {
	case !slices.Contains(names(algorithms()), algorithm):
		return ir.Unknown(ir.Primitive, "algorithm", algorithm, names(algorithms()))
	case format == "":
		return nil
	case !slices.Contains(names(formats()), format):
		return ir.Unknown(ir.Primitive, "format", format, names(formats()))
	case algorithm != Auto && !slices.Contains(there, algorithm+" "+format):
		return fail("there is no " + algorithm + " with " + format)
	}
	return nil
}

// Kernels is the table: all rows that this build and this processor can run.
func Kernels() []ir.Kernel { return slices.Clone(table()) }

// table is made once: hundreds of rows take a good part of the time in which a small network is compiled.
var table = sync.OnceValue(newTable)

func newTable() []ir.Kernel {
	ks := append(convKernels(), matrixKernels()...)
	ks = append(ks, stripKernels()...)
	ks = append(ks, stripMoves()...)
	for _, isa := range []string{"go", "avx2"} {
		avx2 := isa == "avx2"
		if avx2 && !asm.HasAVX2() {
			continue
		}
		ks = append(ks, groupedKernel(isa))
	}
	ks = append(ks, layoutKernels()...)
	ks = append(ks, int8Kernels()...)
	ks = append(ks, winogradKernels()...)
	ks = append(ks, strassenKernels()...)
	ks = append(ks, padBlocked())
	ks = append(ks, transposeKernels()...)
	ks = append(ks, laneKernels()...)
	ks = append(ks, productKernels()...)
	ks = append(ks, upKernels()...)
	ks = append(ks,
		row("Concat", "concat_f32", "", "go", bindConcat),
		row("Flatten", "copy_f32", "", "go", bindCopy),
		row("Identity", "copy_f32", "", "go", bindCopy),
		row("Pad", "pad_f32", "", "go", bindPad, padsOutward),
	)
	ks = append(ks, rareKernels()...)
	ks = append(ks, logicKernels()...)
	ks = append(ks, plainKernels()...)
	for i := range ks {
		ks[i].Fits = guarded(ks[i])
	}
	return ks
}

// row is a kernel that is the only one of its operator and ISA.
func row(operator, name, format, isa string, bind func(ir.Problem) ir.Bound, conditions ...func(ir.Problem) error) ir.Kernel {
	return ir.Kernel{
		Name: name + "__" + isa, Op: operator, Format: format, Type: ir.F32, ISA: isa, Exact: ir.ExactF32,
		Fits: func(p ir.Problem) error {
			for _, c := range conditions {
				if err := c(p); err != nil {
					return err
				}
			}
			return nil
		},
		Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bind(p), nil },
	}
}

// constant demands that the inputs at these positions are weights where they are given.
func constant(positions ...int) func(ir.Problem) error {
	return func(p ir.Problem) error {
		for _, i := range positions {
			if i < len(p.Node.In) && p.Node.In[i] != "" && p.Weights[i] == nil {
				return fmt.Errorf("input %d (%q) is not constant", i, p.Node.In[i])
			}
		}
		return nil
	}
}

// clamps demands that a node ends in nothing but a clamp.
func clamps(p ir.Problem) error {
	switch act := p.Node.Attrs.Str("act", op.ActNone); act {
	case op.ActNone, op.ActRelu, op.ActRelu6, op.ActClip:
		return nil
	default:
		return fmt.Errorf("it does not end in %s", act)
	}
}

// groupedKernel runs convolutions of any number of groups over plain maps.
func groupedKernel(isa string) ir.Kernel {
	avx2 := isa == "avx2"
	weights := constant(1, 2)
	return ir.Kernel{
		Name: "conv_f32_grouped_dense__" + isa, // a row of its own runs those of one channel a group
		Op:   "Conv", Algorithm: depthwise, Format: Dense, Type: ir.F32, ISA: isa, Exact: ir.ExactF32,
		Fits: func(p ir.Problem) error {
			if err := weights(p); err != nil {
				return err
			}
			if err := clamps(p); err != nil {
				return err
			}
			if p.Node.Attrs.Int("group", 1) < 2 {
				return errors.New("depthwise does not run a convolution with 1 groups")
			}
			_, err := newGeometry(p)
			return err
		},
		Cost: func(p ir.Problem) float64 { return convCost(p, avx2) },
		Bind: func(p ir.Problem, s ir.Schedule) (ir.Bound, error) { return bindConv(p, s, avx2) },
	}
}
