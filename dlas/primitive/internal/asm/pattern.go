package asm

import "unsafe"

//go:generate go run -C _generate . -set pattern -out ../pattern_amd64.s -stubs ../pattern_amd64.go -pkg asm -layout ../pattern_layout_amd64.go

// PatternPtrs is the number of elements of Ptr that an output channel has in PatternGo.
const PatternPtrs = 3

// PatternGo is Strip for weights in runs: one to three weights side by side in a row of a window, so that a vector of
// pixels is loaded once for all of them. Entries are words of four bytes: a run's offset and its weights, one run after the
// other. An output channel has its runs of three first, then those of two, then those of one; three elements of Ptr say at
// which word each of these begins.
//
//	for o := range Rows {
//		// as in Strip, but with
//		for width, from, to := range {3, Ptr[3*o], Ptr[3*o+1]}, {2, Ptr[3*o+1], Ptr[3*o+2]}, {1, Ptr[3*o+2], Ptr[3*o+3]} {
//			for at := from; at < to; at += 1 + width {
//				for k := range width {
//					sum += f(In, word(at) + r*InRow + stride*64*c + 64*k + 4*j) * float(word(at+1+k))
//				}
//			}
//		}
//	}
func PatternGo(t *Strip, rows, cols, stride int) {
	ptr := unsafe.Slice(t.Ptr, PatternPtrs*t.Rows+1)
	words := unsafe.Slice((*int32)(unsafe.Pointer(t.Entries)), ptr[PatternPtrs*t.Rows])
	for o := range t.Rows {
		runs := ptr[PatternPtrs*o:][:PatternPtrs+1]
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
				for i := range PatternPtrs {
					patternDot(&sum, unsafe.Add(unsafe.Pointer(t.In), r*t.InRow+stride*64*c), words[runs[i]:runs[i+1]], 3-i)
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

// patternDot adds the products of runs of that many weights, half a vector at a time as stripDot does.
func patternDot(sum *[16]float32, in unsafe.Pointer, words []int32, width int) {
	if len(words) == 0 {
		return
	}
	for half := 0; half < 16; half += 8 {
		s := (*[8]float32)(sum[half:])
		a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
		for at := 0; at+width < len(words); at += 1 + width {
			from := unsafe.Add(in, int(words[at])+4*half)
			for k := range width {
				x, w := (*[8]float32)(unsafe.Add(from, 64*k)), *(*float32)(unsafe.Pointer(&words[at+1+k]))
				a += x[0] * w
				b += x[1] * w
				c += x[2] * w
				d += x[3] * w
				e += x[4] * w
				f += x[5] * w
				g += x[6] * w
				h += x[7] * w
			}
		}
		*s = [8]float32{a, b, c, d, e, f, g, h}
	}
}
