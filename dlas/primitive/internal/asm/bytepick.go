package asm

import "unsafe"

//go:generate go run -C _generate . -set bsr_int8 -out ../bsr_int8_amd64.s -stubs ../bsr_int8_amd64.go -pkg asm -layout ../bsr_int8_layout_amd64.go
//go:generate go run -C _generate . -set bsr_int8_256 -out ../bsr_int8_256_amd64.s -stubs ../bsr_int8_256_amd64.go -pkg asm
//go:generate go run -C _generate . -dots ../bsr_int8_256_amd64.s

// BytePickGo is ByteTileGo for weights that are zero but for some groups of four input channels at a place of the window,
// of which Off has the places, Depth of them: the sums are
//
//	sum := Bias[16*v+o]
//	for k, c := range Depth, 4 {
//		sum += In[Off[k] + i*Pixel + c] * W[(k*vectors+v)*64 + 4*o + c]
//	}
//
// and go on as there. The counts and steps that describe the depth of other tiles are not read. Depth may be 0.
func BytePickGo(t *ByteTile, pixels, half, vectors int) {
	off := unsafe.Slice(t.Off, t.Depth)
	for i := range pixels {
		at, out, res := i*t.Pixel, 16*i, 16*i
		if i >= half {
			j := i - half
			at, out, res = t.In2+j*t.Pixel, t.Out2+16*j, t.Res2+16*j
		}
		var sum [32]int32
		copy(sum[:16*vectors], unsafe.Slice(t.Bias, 16*vectors))
		w := t.W
		for _, o := range off {
			x := (*[4]uint8)(unsafe.Pointer(Plus(t.In, at+int(o))))
			x0, x1, x2, x3 := int32(x[0]), int32(x[1]), int32(x[2]), int32(x[3])
			row := unsafe.Slice(w, 64*vectors)
			for c := range 16 * vectors {
				r := row[4*c : 4*c+4]
				sum[c] += x0*int32(r[0]) + x1*int32(r[1]) + x2*int32(r[2]) + x3*int32(r[3])
			}
			w = Plus(w, 64*vectors)
		}
		t.finish(sum[:16*vectors], out, res)
	}
}
