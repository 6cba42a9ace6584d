package asm

import "math"

// Window slides a window over the pixels of one block of 16 channels. For each pixel of Rows rows of width pixels
// (Groups groups of as many as the form has; the last group is moved back by InBack and OutBack bytes, so that it may
// overlap the one before):
//
//	for j := range Vec {
//		sum := Bias[j]
//		for kh := range KH {
//			for kw := range KW {
//				sum += W[(kh*KW+kw)*Vec+j] * In[y*InRow+x*Stride+kh*HStep+kw*WStep+4*j]
//			}
//		}
//		Out[y*OutRow+x*64+4*j] = min(max(sum, Lo), Hi)
//	}
//
// All steps are in bytes and multiples of 64. Max and Sum have no weights: they are the largest, and the sum times
// Scale, of the pixels. The loops for windows of 3x3 and 5x5 do Q rows of output at a time, OutPitch bytes apart; InRow
// and OutRow are then the steps of Q rows.
type Window struct {
	In            []float32
	W, Bias       []float32
	Out           []float32
	Half          int // bytes: which half of a block the AVX2 loops do
	KH, KW        int
	HStep, WStep  int
	Stride        int
	InRow, OutRow int
	OutPitch      int
	Rows, Groups  int
	InBack        int
	OutBack       int
	Form          int
	Lo, Hi, Scale float32
}

// Sliding is what a window does with its pixels.
type Sliding uint8

// The loops over windows.
const (
	SlideDepthwise Sliding = iota
	SlideMax
	SlideSum
)

// Pixels is a part of a map for Slide: so many rows and columns of output, the first of which reads from In[0] and
// goes to Out[0]. In must hold all that the windows read.
type Pixels struct {
	Window
	Width int // pixels of a row of output; OutPitch is the step of a row, InPitch of a row of input
	// SH is the step of the windows in rows of input, InPitch bytes each.
	SH, InPitch int
}

// slideMACs bounds one call of a loop to some 50 microseconds.
const slideMACs = 1 << 21

// Slide runs a window over a part of a map. Lanes of Out that no pixel has are not written.
func (p *Pixels) Slide(s Sliding, isa ISA) {
	rows := p.Rows
	if rows < 1 || p.Width < 1 {
		return
	}
	w := &p.Window
	reach := ((rows-1)*p.SH*p.InPitch+(p.KH-1)*w.HStep+(p.Width-1)*w.Stride+(p.KW-1)*w.WStep)/4 + Vec
	if p.KH < 1 || p.KW < 1 || min(p.SH, p.InPitch, w.HStep, w.WStep, w.Stride, w.OutPitch) < 0 || reach > len(w.In) ||
		((rows-1)*w.OutPitch)/4+p.Width*Vec > len(w.Out) || s == SlideDepthwise && (len(w.W) < p.KH*p.KW*Vec || len(w.Bias) < Vec) {
		panic("asm: window leaves its arrays")
	}
	if s == SlideDepthwise && isa != GoISA && p.KH == p.KW && (p.KH == 3 || p.KH == 5) && w.WStep == 64 && w.HStep == p.InPitch &&
		p.SH*64 == w.Stride && p.SH <= 2 {
		p.square(isa)
		return
	}
	forms := [...]int{14, 7, 4, 1}
	form := 1
	for _, f := range forms {
		if f <= p.Width && (f < 14 || isa == AVX512 && p.Width%14 == 0) && (f != 7 || p.Width%7 == 0 || p.Width%4 != 0) {
			form = f
			break
		}
	}
	p.cut(form)
	w.Form = form
	w.InRow, w.OutRow = p.SH*p.InPitch, w.OutPitch
	p.each(rows, 1, s, false, isa)
}

// cut divides a row into groups.
func (p *Pixels) cut(pixels int) {
	w := &p.Window
	w.Groups = (p.Width + pixels - 1) / pixels
	back := w.Groups*pixels - p.Width
	w.InBack, w.OutBack = back*w.Stride, back*64
}

// each runs the loop over as many steps of q rows at a time as one call may do; square is for the loops of 3x3 and 5x5.
func (p *Pixels) each(rows, q int, s Sliding, square bool, isa ISA) {
	most := max(1, slideMACs/(16*p.KH*p.KW*p.Width*q))
	w := p.Window
	for y := 0; y < rows/q; y += most {
		w.Rows = min(most, rows/q-y)
		w.In, w.Out = p.In[y*w.InRow/4:], p.Out[y*w.OutRow/4:]
		if square {
			w.runSquare(p.KH, p.SH, isa)
		} else {
			w.run(s, isa)
		}
	}
}

// square runs the loops for 3x3 and 5x5.
func (p *Pixels) square(isa ISA) {
	rows := p.Rows
	w := &p.Window
	j := 1
	for _, f := range [...]int{7, 4} {
		if f <= p.Width && (f == 4 || p.Width%7 == 0 || p.Width%4 != 0) {
			j = f
			break
		}
	}
	p.cut(j)
	clamp := 0
	if !math.IsInf(float64(w.Lo), -1) || !math.IsInf(float64(w.Hi), 1) {
		clamp = 1
	}
	done := 0
	if isa == AVX512 && p.KH == 3 && rows > 1 {
		w.Form = 32 + 2*j + clamp
		w.InRow, w.OutRow = 2*p.SH*p.InPitch, 2*w.OutPitch
		p.each(rows, 2, SlideDepthwise, true, isa)
		done = rows / 2 * 2
	}
	if done < rows {
		w.Form = 16 + 2*j + clamp
		w.InRow, w.OutRow = p.SH*p.InPitch, w.OutPitch
		p.In, p.Out = p.In[done*w.InRow/4:], p.Out[done*w.OutRow/4:]
		p.each(rows-done, 1, SlideDepthwise, true, isa)
	}
}

// goLoop is one call in Go.
func (w *Window) goLoop(s Sliding) {
	for y := range w.Rows {
		in, out := y*w.InRow/4, y*w.OutRow/4
		for g := range w.Groups {
			if g == w.Groups-1 {
				in -= w.InBack / 4
				out -= w.OutBack / 4
			}
			for range w.Form {
				w.pixel(s, w.In[in:], (*[Vec]float32)(w.Out[out:]))
				in += w.Stride / 4
				out += Vec
			}
		}
	}
}

func (w *Window) pixel(s Sliding, in []float32, out *[Vec]float32) {
	var acc [Vec]float32
	switch s {
	case SlideDepthwise:
		copy(acc[:], w.Bias)
	case SlideMax:
		for j := range acc {
			acc[j] = float32(math.Inf(-1))
		}
	}
	for kh := range w.KH {
		for kw := range w.KW {
			x := (*[Vec]float32)(in[(kh*w.HStep+kw*w.WStep)/4:])
			switch s {
			case SlideDepthwise:
				k := (*[Vec]float32)(w.W[(kh*w.KW+kw)*Vec:])
				for j := range acc {
					acc[j] += x[j] * k[j]
				}
			case SlideMax:
				for j := range acc {
					acc[j] = max(acc[j], x[j])
				}
			default:
				for j := range acc {
					acc[j] += x[j]
				}
			}
		}
	}
	for j, v := range acc {
		if s == SlideSum {
			v *= w.Scale
		}
		if v < w.Lo {
			v = w.Lo
		}
		if v > w.Hi {
			v = w.Hi
		}
		out[j] = v
	}
}
