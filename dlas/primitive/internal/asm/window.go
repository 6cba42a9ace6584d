package asm

import "math"

// Window slides a window over the pixels of blocks of 16 channels. Of each of Planes blocks, InPlane, OutPlane and WPlane
// bytes apart, for each pixel of a row of width pixels, and for each of Rows rows (Groups groups of as many pixels as the
// form has; the last group is moved back by InBack and OutBack bytes, the last row by InRowBack and OutRowBack, so that
// they may overlap the ones before):
//
//	for j := range Vec {
//		sum := Bias[16*plane+j]
//		for kh := range KH {
//			for kw := range KW {
//				sum += W[(kh*KW+kw)*Vec+j] * In[y*InRow+x*Stride+kh*HStep+kw*WStep+4*j]
//			}
//		}
//		Out[y*OutRow+x*64+4*j] = min(max(sum, Lo), Hi)
//	}
//
// All steps are in bytes and multiples of 64. Max and Sum have no weights: they are the largest, and the sum times
// Scale, of the pixels. The loops for windows of 3x3 and 5x5 may do two rows of output at a time, OutPitch bytes apart;
// InRow and OutRow are then the steps of two rows.
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
	InRowBack     int
	OutRowBack    int
	Planes        int
	InPlane       int
	OutPlane      int
	WPlane        int
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
	// SiLU has x / (1 + e^-x) of every sum stored. Lo and Hi must let all pass, and Fuses be true.
	SiLU bool
}

// Fuses reports whether the loop that does this applies SiLU itself.
func (p *Pixels) Fuses(s Sliding, isa ISA) bool { return isa == AVX512 && p.squares(s, isa) }

// squares reports whether there is a loop for just this window.
func (p *Pixels) squares(s Sliding, isa ISA) bool {
	return s == SlideDepthwise && (isa == AVX2 || isa == AVX512) && p.KH == p.KW && (p.KH == 3 || p.KH == 5) && p.WStep == 64 && p.HStep == p.InPitch &&
		p.SH*64 == p.Stride && p.SH <= 2
}

// slideMACs bounds one call of a loop to some 50 microseconds.
const slideMACs = 1 << 21

// Slide runs a window over a part of a map, over Planes blocks of it (0 is 1). Lanes of Out that no pixel has are not
// written.
func (p *Pixels) Slide(s Sliding, isa ISA) {
	p.Planes = max(p.Planes, 1)
	rows := p.Rows
	if rows < 1 || p.Width < 1 {
		return
	}
	w := &p.Window
	w.WPlane = 64 * p.KH * p.KW
	reach := ((p.Planes-1)*w.InPlane+(rows-1)*p.SH*p.InPitch+(p.KH-1)*w.HStep+(p.Width-1)*w.Stride+(p.KW-1)*w.WStep)/4 + Vec
	if p.KH < 1 || p.KW < 1 || min(p.SH, p.InPitch, w.HStep, w.WStep, w.Stride, w.OutPitch, w.InPlane, w.OutPlane) < 0 || reach > len(w.In) ||
		((p.Planes-1)*w.OutPlane+(rows-1)*w.OutPitch)/4+p.Width*Vec > len(w.Out) ||
		s == SlideDepthwise && (len(w.W) < p.Planes*p.KH*p.KW*Vec || len(w.Bias) < p.Planes*Vec) {
		panic("asm: window leaves its arrays")
	}
	square := p.squares(s, isa)
	if p.SiLU && !p.Fuses(s, isa) {
		panic("asm: no window applies SiLU here")
	}
	q := 1
	if square {
		if isa == AVX512 && rows > 1 {
			q = 2
		}
		p.square(q)
	} else {
		p.general(isa)
	}
	w.InRow, w.OutRow = q*p.SH*p.InPitch, q*w.OutPitch
	// As many rows, or as many blocks, as one call may do.
	most := max(1, slideMACs/(16*p.KH*p.KW*p.Width*q))
	steps := (rows + q - 1) / q
	planes := min(p.Planes, max(1, most/steps))
	c := p.Window
	for b := 0; b < p.Planes; b += planes {
		c.Planes = min(planes, p.Planes-b)
		for y := 0; y < steps; y += most {
			c.Rows = min(most, steps-y)
			c.In, c.Out = p.In[(b*w.InPlane+y*w.InRow)/4:], p.Out[(b*w.OutPlane+y*w.OutRow)/4:]
			if s == SlideDepthwise {
				c.W, c.Bias = p.W[b*w.WPlane/4:], p.Bias[b*Vec:]
			}
			c.InRowBack, c.OutRowBack = 0, 0
			if y+c.Rows == steps && rows%q > 0 {
				c.InRowBack, c.OutRowBack = p.SH*p.InPitch, w.OutPitch
			}
			if square {
				c.runSquare(p.KH, p.SH, isa)
			} else {
				c.run(s, isa)
			}
		}
	}
}

// general decides how many pixels the general loops take at a time.
func (p *Pixels) general(isa ISA) {
	form := 1
	if isa == NEON && p.Width >= 4 {
		form = 4
	}
	for _, f := range [...]int{14, 7, 4, 1} {
		if isa != NEON && f <= p.Width && (f < 14 || isa == AVX512 && p.Width%14 == 0) && (f != 7 || p.Width%7 == 0 || p.Width%4 != 0) {
			form = f
			break
		}
	}
	p.cut(form)
	p.Form = form
}

// cut divides a row into groups.
func (p *Pixels) cut(pixels int) {
	w := &p.Window
	w.Groups = (p.Width + pixels - 1) / pixels
	back := w.Groups*pixels - p.Width
	w.InBack, w.OutBack = back*w.Stride, back*64
}

// square decides how many pixels the loops for 3x3 and 5x5 take at a time, of q rows.
func (p *Pixels) square(q int) {
	w := &p.Window
	j := 1
	for _, f := range [...]int{7, 4} {
		if f <= p.Width && (f == 4 || p.Width%7 == 0 || p.Width%4 != 0) {
			j = f
			break
		}
	}
	p.cut(j)
	w.Form = 16*q + 2*j
	if !math.IsInf(float64(w.Lo), -1) || !math.IsInf(float64(w.Hi), 1) {
		w.Form++
	}
	if p.SiLU {
		w.Form += 64
	}
}

// goLoop is one call in Go.
func (w *Window) goLoop(s Sliding) {
	for b := range w.Planes {
		var k, bias []float32
		if s == SlideDepthwise {
			k, bias = w.W[b*w.WPlane/4:], w.Bias[b*Vec:]
		}
		for y := range w.Rows {
			in, out := (b*w.InPlane+y*w.InRow)/4, (b*w.OutPlane+y*w.OutRow)/4
			if y == w.Rows-1 {
				in -= w.InRowBack / 4
				out -= w.OutRowBack / 4
			}
			for g := range w.Groups {
				if g == w.Groups-1 {
					in -= w.InBack / 4
					out -= w.OutBack / 4
				}
				for range w.Form {
					w.pixel(s, w.In[in:], k, bias, (*[Vec]float32)(w.Out[out:]))
					in += w.Stride / 4
					out += Vec
				}
			}
		}
	}
}

func (w *Window) pixel(s Sliding, in, weights, bias []float32, out *[Vec]float32) {
	var acc [Vec]float32
	switch s {
	case SlideDepthwise:
		copy(acc[:], bias)
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
				k := (*[Vec]float32)(weights[(kh*w.KW+kw)*Vec:])
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
