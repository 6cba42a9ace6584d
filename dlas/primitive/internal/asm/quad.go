package asm

import "unsafe"

//go:generate go run -C _generate . -set quad -out ../quad_amd64.s -stubs ../quad_amd64.go -pkg asm -layout ../quad_layout_amd64.go

// Quad is an element of the depth that some of four output channels want, and their weights.
type Quad struct {
	Off int32
	W   [4]float32
}

// The most vectors of a tile of quads with AVX-512 and with AVX2, and the most of a row of it.
const (
	QuadVectors512 = 6
	QuadVectors256 = 1
	QuadCols       = 6
)

// QuadGo is StripGo for four output channels at a time: Rows counts the fours, Entries are Quads.
//
//	for i := range Rows {
//		for q := range 4 {
//			o := 4*i + q
//			// as in Strip, but with
//			sum := Bias[o], or f(Out, o*OutStep + r*OutRow + 64*c + 4*j) where Bias is nil
//			for _, e := range Entries[Ptr[i]:Ptr[i+1]] {
//				sum += f(In, e.Off + r*InRow + stride*64*c + 4*j) * e.W[q]
//			}
//		}
//	}
func QuadGo(t *Strip, rows, cols, stride int) {
	ptr := unsafe.Slice(t.Ptr, t.Rows+1)
	quads := unsafe.Slice((*Quad)(unsafe.Pointer(t.Entries)), ptr[t.Rows])
	for i := range t.Rows {
		list := quads[ptr[i]:ptr[i+1]]
		for q := range 4 {
			o := 4*i + q
			for r := range rows {
				for c := range cols {
					var sum [16]float32
					out := vector(t.Out, o*t.OutStep+r*t.OutRow+64*c)
					if t.Bias != nil {
						b := *(*float32)(unsafe.Add(unsafe.Pointer(t.Bias), 4*o))
						for j := range sum {
							sum[j] = b
						}
					} else {
						sum = *out
					}
					for k := range list {
						x, w := vector(t.In, int(list[k].Off)+r*t.InRow+stride*64*c), list[k].W[q]
						for j, v := range x {
							sum[j] += v * w
						}
					}
					if t.Last != 0 {
						if t.Res != nil {
							for j, x := range vector(t.Res, o*t.ResStep+r*t.ResRow+64*c) {
								sum[j] += x
							}
						}
						for j, x := range sum {
							if x < t.Lo {
								x = t.Lo
							}
							if x > t.Hi {
								x = t.Hi
							}
							sum[j] = x
						}
					}
					*out = sum
				}
			}
		}
	}
}
