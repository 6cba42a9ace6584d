package compress

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// half is what the passes fp16 and bf16 differ in.
type half struct {
	name, long string
	typ        ir.Type
	bits       func(float32) uint16
	infinite   uint16 // the bits of infinity: what is too large becomes it
	most       string // the largest number
	help       string
	source     string
}

func fp16() pass {
	return half{
		name: "fp16", long: "float16", typ: ir.F16, bits: halfBits, infinite: 0x7c00, most: "65504",
		help: "Convolution and linear weights are rounded to IEEE half precision, to the nearest and even on a tie, and stored in two bytes; sums stay in float32, " +
			"so that accuracy hardly changes. Half the bytes; faster where reading weights bounds a layer, as in large linear ones. Biases and batch norm stay float32.",
		source: "IEEE 754-2008, binary16",
	}.pass()
}

func bf16() pass {
	return half{
		name: "bf16", long: "bfloat16", typ: ir.BF16, bits: brainBits, infinite: 0x7f80, most: "3.39e38",
		help: "Convolution and linear weights are rounded to bfloat16, the upper half of a float32, to the nearest and even on a tie, and stored in two bytes; " +
			"kernels compute with them in float32. The range of float32 with 8 bits of precision: eight times as coarse as fp16. Biases and batch norm stay float32.",
		source: "Wang and Kanwar, BFloat16: The Secret to High Performance on Cloud TPUs, 2019",
	}.pass()
}

func (h half) pass() pass {
	return changing(ir.Option{Name: h.name, Help: h.help, Source: h.source}, form{example: "write " + h.name}.read, h.apply)
}

// apply rounds. Each weight's relative error is at most half a unit of the last place, but for numbers below the least
// normal one, whose absolute error is at most half of the least number there is.
func (h half) apply(ctx context.Context, e *change, c ir.Choice, _ given, _ Tools) (*ir.Graph, string, error) {
	weights, lost, asFloats := 0, 0, 0
	for i, w := range e.of {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		bits := make([]uint16, len(e.data[i]))
		for j, v := range e.data[i] {
			if j%part == 0 {
				goOn(ctx)
			}
			b := h.bits(v)
			if b&0x7fff == h.infinite {
				return nil, "", &ir.Error{
					Layer: ir.Compress, What: fmt.Sprintf("%s: element %d of %q is %g, beyond the range of %s, whose largest number is %s", c, j, w.Name, v, h.long, h.most),
					Try: map[bool]string{true: "bf16, which has the range of float32"}[h.typ == ir.F16 && !math.IsInf(float64(v), 0)],
				}
			}
			if b&0x7fff == 0 && v != 0 {
				b = 0
				lost++
			}
			bits[j] = b
		}
		t := e.from.Weights[w.Name]
		made := &ir.Tensor{Shape: slices.Clone(t.Shape), Type: h.typ, Data: bits}
		if !storable(e.g, w) {
			made = &ir.Tensor{Shape: made.Shape, Type: ir.F32, Data: op.Floats(made)}
			asFloats++
		}
		e.g.Weights[w.Name] = made
		weights += len(bits)
	}
	line := fmt.Sprintf("%s: %d conv and linear weights in %s are %s", c, weights, plural(len(e.of), "layer"), h.long)
	if lost > 0 {
		line += fmt.Sprintf("; %d are so small that they became zero", lost)
	}
	if asFloats > 0 {
		line += fmt.Sprintf("; %s rounded, but stored as float32, for a node reads them that takes no other type", plural(asFloats, "layer"))
	}
	return e.g, line, nil
}

// storable reports whether all that need a tensor take it in two bytes: Conv, Gemm and MatMul as their second input.
func storable(g *ir.Graph, w op.Weight) bool {
	for _, n := range g.Nodes {
		for i, in := range n.In {
			if in == w.Name && (i != 1 || n.Op != "Conv" && n.Op != "Gemm" && n.Op != "MatMul") {
				return false
			}
		}
	}
	return true
}

// halfBits rounds to half precision, ties to even.
func halfBits(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	b &^= 1 << 31
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00
	case b >= 0x477ff000: // 65520, from which the nearest is infinity
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14 the step is 2^-24: adding 1/2 leaves the steps as the last bits
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
	}
	b += 0xfff + b>>13&1
	return sign | uint16(b>>13-112<<10)
}

// brainBits rounds to bfloat16, ties to even.
func brainBits(x float32) uint16 {
	b := math.Float32bits(x)
	if b&^(1<<31) > 0x7f800000 {
		return uint16(b>>16&0x8000) | 0x7fc0
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
