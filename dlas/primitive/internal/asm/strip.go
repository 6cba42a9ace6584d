package asm

import "unsafe"

//go:generate go run -C _generate . -set strip -out ../strip_amd64.s -stubs ../strip_amd64.go -pkg asm -layout ../strip_layout_amd64.go

// Strip is a product that skips zeros, with 16 pixels in the lanes of a vector: a tile of rows x cols vectors, for a number
// of output channels one after the other. All distances are in bytes; f(p, d) is the number d bytes behind p.
//
//	for o := range Rows {
//		for r := range rows {
//			for c := range cols {
//				for j := range 16 {
//					sum := Bias[o], or f(Out, o*OutStep + r*OutRow + 64*c + 4*j) where Bias is nil
//					for _, e := range Entries[Ptr[o]:Ptr[o+1]] {
//						sum += f(In, e.Off + r*InRow + stride*64*c + 4*j) * e.W
//					}
//					if Last != 0 {
//						sum = min(max(sum + f(Res, o*ResStep + r*ResRow + 64*c + 4*j), Lo), Hi)
//					}
//					f(Out, o*OutStep + r*OutRow + 64*c + 4*j) = sum
//				}
//			}
//		}
//	}
//
// Res may be nil, which stands for zeros. Ptr may not decrease.
type Strip struct {
	In      *float32
	InRow   int
	Entries *Entry
	Ptr     *int32
	Bias    *float32
	Res     *float32
	ResRow  int
	ResStep int
	Out     *float32
	OutRow  int
	OutStep int
	Rows    int
	Last    int
	Lo, Hi  float32
}

// StripVectors is the most vectors of a tile with AVX-512 and with AVX2, and StripCols the most of a row of it.
const (
	StripVectors512 = 28
	StripVectors256 = 7
	StripCols       = 8
	StripRows       = 4
)

// HasStrip reports whether a tile of that size is there for vectors as the instruction set has them.
func HasStrip(isa ISA, rows, cols int) bool {
	most := StripVectors512
	if isa == AVX2 {
		most = StripVectors256
	}
	return rows >= 1 && cols >= 1 && rows <= StripRows && cols <= StripCols && rows*cols <= most
}

// StripGo is the loop of Strip in Go, for tiles of any size and windows of any stride.
func StripGo(t *Strip, rows, cols, stride int) {
	ptr := unsafe.Slice(t.Ptr, t.Rows+1)
	entries := unsafe.Slice(t.Entries, ptr[t.Rows])
	for o := range t.Rows {
		list := entries[ptr[o]:ptr[o+1]]
		if t.Bias == nil && t.Last == 0 && len(list) == 0 {
			continue
		}
		for r := range rows {
			for c := range cols {
				out := vector(t.Out, o*t.OutStep+r*t.OutRow+64*c)
				// Half of a vector at a time: as many sums as there are registers for.
				for h := 0; h < 16; h += 8 {
					var s [8]float32
					if t.Bias != nil {
						b := *(*float32)(unsafe.Add(unsafe.Pointer(t.Bias), 4*o))
						s = [8]float32{b, b, b, b, b, b, b, b}
					} else {
						s = [8]float32(out[h : h+8])
					}
					stripDot(&s, unsafe.Pointer(t.In), r*t.InRow+stride*64*c+4*h, list)
					if t.Last != 0 {
						if t.Res != nil {
							for j, x := range vector(t.Res, o*t.ResStep+r*t.ResRow+64*c)[h : h+8] {
								s[j] += x
							}
						}
						for j, x := range s {
							if x < t.Lo {
								x = t.Lo
							}
							if x > t.Hi {
								x = t.Hi
							}
							s[j] = x
						}
					}
					copy(out[h:h+8], s[:])
				}
			}
		}
	}
}

func vector(p *float32, bytes int) *[16]float32 {
	return (*[16]float32)(unsafe.Add(unsafe.Pointer(p), bytes))
}

func stripDot(s *[8]float32, in unsafe.Pointer, at int, list []Entry) {
	a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for _, en := range list {
		x, w := (*[8]float32)(unsafe.Add(in, at+int(en.Off))), en.W
		a += x[0] * w
		b += x[1] * w
		c += x[2] * w
		d += x[3] * w
		e += x[4] * w
		f += x[5] * w
		g += x[6] * w
		h += x[7] * w
	}
	*s = [8]float32{a, b, c, d, e, f, g, h}
}

// Turn transposes Count blocks of 16 vectors of 16 numbers. A vector of block i lies 64*i bytes behind that of the first
// where its step is -1, at the same place where it is 0.
//
//	for i := range Count {
//		for k := range 16 {
//			for j := range 16 {
//				f(Dst[j], 64*i&DstStep[j] + 4*k) = f(Src[k], 64*i&SrcStep[k] + 4*j)
//			}
//		}
//	}
type Turn struct {
	Src, Dst         [16]*float32
	SrcStep, DstStep [16]int
	Count            int
}

// TurnGo is the loop of Turn in Go.
func TurnGo(t *Turn) {
	for i := range t.Count {
		var src [16]*[16]float32
		for k := range src {
			src[k] = vector(t.Src[k], 64*i&t.SrcStep[k])
		}
		for j := range 16 {
			d := vector(t.Dst[j], 64*i&t.DstStep[j])
			for k := range src {
				d[k] = src[k][j]
			}
		}
	}
}

// Edge is one step of filling the borders of strips: the vector at byte Dst of a plane gets in lane l lane From[l] of the
// vector at byte Src, or zero where bit l of Mask is not set.
type Edge struct {
	Dst, Src int32
	Mask     uint32
	From     [16]int32
}

// Edges are the steps for each of a number of planes, which lie Step bytes apart.
//
//	for i := range Planes {
//		for _, e := range List {
//			for l := range 16 {
//				f(Plane, i*Step + e.Dst + 4*l) = f(Plane, i*Step + e.Src + 4*e.From[l]), or 0 where bit l of e.Mask is 0
//			}
//		}
//	}
type Edges struct {
	Plane        *float32
	List         *Edge
	Count        int
	Planes, Step int
}

// EdgesGo is the loop of Edges in Go.
func EdgesGo(t *Edges) {
	list := unsafe.Slice(t.List, t.Count)
	for i := range t.Planes {
		for k := range list {
			e := &list[k]
			src := *vector(t.Plane, i*t.Step+int(e.Src))
			dst := vector(t.Plane, i*t.Step+int(e.Dst))
			for l, from := range &e.From {
				var v float32
				if e.Mask>>l&1 != 0 {
					v = src[from&15]
				}
				dst[l] = v
			}
		}
	}
}
