package engine

import (
	"github.com/godlas/godlas/dlas/ir"
)

type (
	addCase  = func(name string, shape ir.Shape, most float64, build func(b *caseBuilder) string)
	addCases = func(name string, most float64, build func(b *caseBuilder) string)
)

// operatorCasesOfSums are normalizations, reductions and products.
func operatorCasesOfSums(add addCase, both addCases) {
	layerNorm := func(c int) func(b *caseBuilder) string {
		return one("LayerNormalization", ir.Attrs{"axis": -1, "epsilon": 1e-6}, weight(c), weight(c))
	}
	add("LayerNormalization", tokens, usualGoal, layerNorm(768))
	add("LayerNormalization", ir.Shape{1, 3136, 96}, usualGoal, layerNorm(96))
	add("LayerNormalization of nine nodes", tokens, usualGoal, func(b *caseBuilder) string {
		d := b.do("Sub", nil, "x", b.do("ReduceMean", ir.Attrs{"axes": []int{-1}}, "x"))
		v := b.do("ReduceMean", ir.Attrs{"axes": []int{-1}}, b.do("Pow", nil, d, b.float(2)))
		d = b.do("Div", nil, d, b.do("Sqrt", nil, b.do("Add", nil, v, b.float(1e-6))))
		return b.do("Add", nil, b.do("Mul", nil, d, b.weight(768)), b.weight(768))
	})
	add("LayerNormalization of channels", ir.Shape{1, 96, 56, 56}, usualGoal, func(b *caseBuilder) string {
		x := b.do("Transpose", ir.Attrs{"perm": []int{0, 2, 3, 1}}, "x")
		x = b.do("LayerNormalization", ir.Attrs{"axis": -1, "epsilon": 1e-6}, x, b.weight(96), b.weight(96))
		return b.do("Transpose", ir.Attrs{"perm": []int{0, 3, 1, 2}}, x)
	})
	add("Softmax", scores, usualGoal, one("Softmax", ir.Attrs{"axis": -1}))
	add("Softmax", ir.Shape{1, 1000}, usualGoal, one("Softmax", ir.Attrs{"axis": -1}))
	add("Softmax of channels", ir.Shape{1, 21, 65, 65}, usualGoal, one("Softmax", ir.Attrs{"axis": 1}))
	add("LogSoftmax", scores, rareGoal, one("LogSoftmax", ir.Attrs{"axis": -1}))
	add("ReduceMean of rows", tokens, usualGoal, one("ReduceMean", ir.Attrs{"axes": []int{-1}}))
	add("ReduceMean of tokens", tokens, usualGoal, one("ReduceMean", ir.Attrs{"axes": []int{1}}))
	both("ReduceMean of maps", usualGoal, one("ReduceMean", ir.Attrs{"axes": []int{2, 3}}))
	both("ReduceMean of channels", usualGoal, one("ReduceMean", ir.Attrs{"axes": []int{1}}))
	both("ReduceMax of channels", rareGoal, one("ReduceMax", ir.Attrs{"axes": []int{1}}))
	both("ReduceSum of maps", rareGoal, one("ReduceSum", nil, ints(2, 3)))
	both("ReduceL2 of channels", rareGoal, one("ReduceL2", ir.Attrs{"axes": []int{1}}))
	both("InstanceNormalization", rareGoal, func(b *caseBuilder) string {
		c := b.g.Inputs[0].Shape[1]
		return b.do("InstanceNormalization", nil, "x", b.weight(c), b.weight(c))
	})
	both("GroupNormalization of five nodes", rareGoal, func(b *caseBuilder) string {
		s := b.g.Inputs[0].Shape
		x := b.do("Reshape", nil, "x", b.ints(0, 32, -1))
		x = b.do("InstanceNormalization", nil, x, b.weight(32), b.weight(32))
		x = b.do("Reshape", nil, x, b.ints(1, int64(s[1]), int64(s[2]), int64(s[3])))
		return b.do("Add", nil, b.do("Mul", nil, x, b.weight(s[1], 1, 1)), b.weight(s[1], 1, 1))
	})
	both("BatchNormalization", usualGoal, func(b *caseBuilder) string {
		c := b.g.Inputs[0].Shape[1]
		v := make([]float32, c)
		for i := range v {
			v[i] = 1 + float32(i)/64
		}
		return b.do("BatchNormalization", nil, "x", b.weight(c), b.weight(c), b.weight(c), b.floats(v...))
	})
	add("MatMul of a query and keys", heads, usualGoal, func(b *caseBuilder) string {
		return b.do("MatMul", nil, "x", b.do("Transpose", ir.Attrs{"perm": []int{0, 1, 3, 2}}, "x"))
	})
	add("MatMul of scores and values", heads, usualGoal, func(b *caseBuilder) string {
		return b.do("MatMul", nil, b.weight(scores...), "x")
	})
	add("MatMul by weights, Add", tokens, usualGoal, func(b *caseBuilder) string {
		return b.do("Add", nil, b.do("MatMul", nil, "x", b.weight(768, 768)), b.weight(768))
	})
	add("MatMul by weights, Add", ir.Shape{1, 49, 384}, usualGoal, func(b *caseBuilder) string {
		return b.do("Add", nil, b.do("MatMul", nil, "x", b.weight(384, 1536)), b.weight(1536))
	})
	add("Gemm", ir.Shape{1, 2048}, usualGoal, one("Gemm", ir.Attrs{"transB": 1}, weight(1000, 2048), weight(1000)))
	add("attention", tokens, usualGoal, func(b *caseBuilder) string {
		part := func(perm ...int) string {
			x := b.do("Add", nil, b.do("MatMul", nil, "x", b.weight(768, 768)), b.weight(768))
			return b.do("Transpose", ir.Attrs{"perm": perm}, b.do("Reshape", nil, x, b.ints(1, 197, 12, 64)))
		}
		q, k, v := part(0, 2, 1, 3), part(0, 2, 3, 1), part(0, 2, 1, 3)
		s := b.do("Softmax", ir.Attrs{"axis": -1}, b.do("Div", nil, b.do("MatMul", nil, q, k), b.float(8)))
		o := b.do("Transpose", ir.Attrs{"perm": []int{0, 2, 1, 3}}, b.do("MatMul", nil, s, v))
		return b.do("Add", nil, b.do("MatMul", nil, b.do("Reshape", nil, o, b.ints(1, 197, 768)), b.weight(768, 768)), b.weight(768))
	})
	add("ArgMax of channels", ir.Shape{1, 21, 65, 65}, rareGoal, func(b *caseBuilder) string {
		return b.do("Cast", ir.Attrs{"to": 1}, b.do("ArgMax", ir.Attrs{"axis": 1}, "x"))
	})
	add("TopK 5", ir.Shape{1, 1000}, rareGoal, topK(5))
	add("TopK 300", ir.Shape{1, 8400}, rareGoal, topK(300))
	add("CumSum", tokens, rareGoal, one("CumSum", nil, func(b *caseBuilder) string {
		return b.add(&ir.Tensor{Type: ir.I64, Shape: ir.Shape{}, Data: []int64{1}})
	}))
}

func topK(k int64) func(b *caseBuilder) string {
	return func(b *caseBuilder) string {
		b.g.Nodes = append(b.g.Nodes, &ir.Node{Name: "top", Op: "TopK", In: []string{"x", b.ints(k)}, Out: []string{"top", "places"}})
		return "top"
	}
}

// operatorCasesOfMoves move elements about.
func operatorCasesOfMoves(add addCase, both addCases) {
	transpose := func(perm ...int) func(b *caseBuilder) string { return one("Transpose", ir.Attrs{"perm": perm}) }
	both("Transpose NCHW to NHWC", usualGoal, transpose(0, 2, 3, 1))
	add("Transpose NHWC to NCHW", ir.Shape{1, 56, 56, 64}, usualGoal, transpose(0, 3, 1, 2))
	add("Transpose to heads", ir.Shape{1, 197, 12, 64}, usualGoal, transpose(0, 2, 1, 3))
	add("Transpose of keys", heads, usualGoal, transpose(0, 1, 3, 2))
	both("Concat of channels", usualGoal, func(b *caseBuilder) string { return b.do("Concat", ir.Attrs{"axis": 1}, "x", "x") })
	add("Concat of rows", tokens, usualGoal, func(b *caseBuilder) string { return b.do("Concat", ir.Attrs{"axis": -1}, "x", "x") })
	add("Concat of boxes", ir.Shape{1, 85, 80, 80}, usualGoal, func(b *caseBuilder) string {
		x := b.do("Reshape", nil, "x", b.ints(1, 85, -1))
		return b.do("Concat", ir.Attrs{"axis": 2}, x, x)
	})
	both("Slice of channels", rareGoal, one("Slice", nil, ints(0), ints(32), ints(1)))
	both("Slice of every second pixel", rareGoal, one("Slice", nil, ints(0, 0), ints(1000, 1000), ints(2, 3), ints(2, 2)))
	both("Split, Add", rareGoal, func(b *caseBuilder) string {
		b.g.Nodes = append(b.g.Nodes, &ir.Node{Name: "split", Op: "Split", In: []string{"x"}, Out: []string{"a", "b"}, Attrs: ir.Attrs{"axis": 1}})
		h := int64(b.g.Inputs[0].Shape[1] / 2)
		b.g.Nodes[0].In = append(b.g.Nodes[0].In, b.ints(h, h))
		return b.do("Add", nil, "a", "b")
	})
	for _, mode := range []string{"constant", "reflect", "edge"} {
		both("Pad "+mode, rareGoal, one("Pad", ir.Attrs{"mode": mode}, ints(0, 0, 3, 3, 0, 0, 3, 3)))
	}
	add("Gather of a token", tokens, rareGoal, one("Gather", ir.Attrs{"axis": 1}, ints(0)))
	add("Gather of rows", tokens, rareGoal, one("Gather", ir.Attrs{"axis": 1}, func(b *caseBuilder) string {
		v := make([]int64, 256)
		for i := range v {
			v[i] = int64(i * 7 % 197)
		}
		return b.ints(v...)
	}))
	add("DepthToSpace", ir.Shape{1, 256, 28, 28}, rareGoal, one("DepthToSpace", ir.Attrs{"blocksize": 2}))
	add("DepthToSpace CRD", ir.Shape{1, 256, 28, 28}, rareGoal, one("DepthToSpace", ir.Attrs{"blocksize": 2, "mode": "CRD"}))
	add("SpaceToDepth", wide, rareGoal, one("SpaceToDepth", ir.Attrs{"blocksize": 2}))
	add("channel shuffle", wide, rareGoal, func(b *caseBuilder) string {
		x := b.do("Transpose", ir.Attrs{"perm": []int{0, 2, 1, 3, 4}}, b.do("Reshape", nil, "x", b.ints(1, 2, 32, 56, 56)))
		return b.do("Reshape", nil, x, b.ints(1, 64, 56, 56))
	})
	add("window partition", ir.Shape{1, 56, 56, 96}, rareGoal, func(b *caseBuilder) string {
		x := b.do("Reshape", nil, "x", b.ints(1, 8, 7, 8, 7, 96))
		return b.do("Reshape", nil, b.do("Transpose", ir.Attrs{"perm": []int{0, 1, 3, 2, 4, 5}}, x), b.ints(64, 49, 96))
	})
	both("Expand, Tile", rareGoal, func(b *caseBuilder) string { return b.do("Tile", nil, "x", b.ints(1, 1, 2, 2)) })
	for _, r := range []struct{ mode, coordinates string }{
		{"nearest", "asymmetric"}, {"nearest", "half_pixel"}, {"linear", "half_pixel"}, {"linear", "align_corners"}, {"linear", "asymmetric"}, {"linear", "pytorch_half_pixel"}, {"cubic", "half_pixel"},
	} {
		attrs := ir.Attrs{"mode": r.mode, "coordinate_transformation_mode": r.coordinates}
		if r.mode == "nearest" {
			attrs["nearest_mode"] = "floor"
		}
		goal := usualGoal
		if r.mode == "cubic" {
			goal = rareGoal
		}
		resize := one("Resize", attrs, none, floats(1, 1, 2, 2))
		add("Resize "+r.mode+" "+r.coordinates, ir.Shape{1, 64, 40, 40}, goal, resize)
		add("Resize "+r.mode+" "+r.coordinates, ir.Shape{1, 256, 20, 20}, goal, resize)
	}
	add("Resize linear to 513", ir.Shape{1, 21, 65, 65}, usualGoal, one("Resize", ir.Attrs{"mode": "linear"}, none, none, ints(1, 21, 513, 513)))
	both("Resize nearest u8", usualGoal, quantised("Resize", ir.Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, none, floats(1, 1, 2, 2)))
	both("Concat u8", usualGoal, func(b *caseBuilder) string {
		x := b.bytes("x")
		return b.bytes(b.do("Concat", ir.Attrs{"axis": 1}, x, x))
	})
	both("Transpose u8", usualGoal, quantised("Transpose", ir.Attrs{"perm": []int{0, 2, 3, 1}}))
}

// operatorCasesOfWindows are convolutions and poolings that the networks of the benchmark engine lack.
func operatorCasesOfWindows(add addCase, both addCases) {
	up := func(in, out, k, pad int) func(b *caseBuilder) string {
		return one("ConvTranspose", ir.Attrs{"kernel_shape": []int{k, k}, "strides": []int{2, 2}, "pads": []int{pad, pad, pad, pad}}, weight(in, out, k, k), weight(out))
	}
	for _, k := range []struct{ k, pad int }{{2, 0}, {4, 1}, {3, 1}} {
		name := []string{"", "", "ConvTranspose 2x2", "ConvTranspose 3x3", "ConvTranspose 4x4"}[k.k]
		add(name, ir.Shape{1, 128, 28, 28}, usualGoal, up(128, 64, k.k, k.pad))
		add(name, ir.Shape{1, 256, 14, 14}, usualGoal, up(256, 128, k.k, k.pad))
	}
	conv := func(in, out, k, group, dilation int) func(b *caseBuilder) string {
		pad := dilation * (k - 1) / 2
		return one("Conv", ir.Attrs{"kernel_shape": []int{k, k}, "group": group, "pads": []int{pad, pad, pad, pad}, "dilations": []int{dilation, dilation}}, weight(out, in/group, k, k), weight(out))
	}
	add("Conv of 32 groups", ir.Shape{1, 128, 56, 56}, usualGoal, conv(128, 128, 3, 32, 1))
	add("Conv of 32 groups", ir.Shape{1, 512, 14, 14}, usualGoal, conv(512, 512, 3, 32, 1))
	add("Conv of 2 groups", ir.Shape{1, 128, 28, 28}, usualGoal, conv(128, 128, 3, 2, 1))
	add("Conv dilated by 2", ir.Shape{1, 256, 28, 28}, usualGoal, conv(256, 256, 3, 1, 2))
	add("Conv dilated by 12", ir.Shape{1, 256, 33, 33}, usualGoal, conv(256, 64, 3, 1, 12))
	add("Conv depthwise 7x7", ir.Shape{1, 96, 56, 56}, usualGoal, conv(96, 96, 7, 96, 1))
	add("Conv depthwise 7x7", ir.Shape{1, 384, 14, 14}, usualGoal, conv(384, 384, 7, 384, 1))
	add("Conv depthwise dilated by 2", ir.Shape{1, 256, 28, 28}, usualGoal, conv(256, 256, 3, 256, 2))
	add("Conv of one axis", ir.Shape{1, 64, 1024}, usualGoal, one("Conv", ir.Attrs{"kernel_shape": []int{3}, "pads": []int{1, 1}}, weight(128, 64, 3), weight(128)))
	add("Conv of three axes", ir.Shape{1, 16, 8, 28, 28}, rareGoal, one("Conv", ir.Attrs{"kernel_shape": []int{3, 3, 3}, "pads": []int{1, 1, 1, 1, 1, 1}}, weight(32, 16, 3, 3, 3), weight(32)))
	both("MaxPool 5x5", usualGoal, one("MaxPool", ir.Attrs{"kernel_shape": []int{5, 5}, "pads": []int{2, 2, 2, 2}}))
	both("AveragePool counting pads", usualGoal, one("AveragePool", ir.Attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}, "count_include_pad": 1}))
	both("GlobalMaxPool", rareGoal, one("GlobalMaxPool", nil))
	both("Sigmoid u8", usualGoal, quantised("Sigmoid", nil))
	both("Add u8", usualGoal, func(b *caseBuilder) string {
		x := b.bytes("x")
		return b.bytes(b.do("Add", nil, x, x))
	})
	both("AveragePool u8", usualGoal, quantised("AveragePool", ir.Attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}}))
}
