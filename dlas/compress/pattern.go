package compress

import (
	"context"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

var patternForm = form{level: "fraction", lo: 0, hi: 1, example: "write pattern(0.7)"}

// leastPattern is what is zero where every kernel keeps five of its nine weights.
const leastPattern = 4.0 / 9

func pattern() pass {
	o := ir.Option{
		Name: "pattern",
		Help: "Each 3x3 kernel keeps 4 of its 9 weights (5 where p is below 5/9), those of that one of a few fixed patterns in which its L2 norm is largest; then " +
			"whole kernels become zero, those of the smallest norm first, until the fraction p of the weights of all 3x3 kernels is. Without retraining. Layers " +
			"with other kernels are left as they are. The format of the same name, pattern in L4, skips what is zero. p below 4/9 cannot be reached with patterns: an error.",
		Source: "Niu et al., PatDNN, ASPLOS 2020; Ma et al., PCONV, AAAI 2020",
		Params: []ir.Param{
			{Help: "fraction of the weights of 3x3 kernels that become zero, 4/9 to 1"},
			byParam(),
			{Key: "keep", Help: "weights that a kernel keeps; auto is 4 from p = 5/9 on", Default: "auto", Values: []string{"auto", "4", "5"}},
			scopeParam("global"),
		},
	}
	return ranking(o, readPattern, applyPattern)
}

// patterned is what pattern is given: the fraction of zeros, and the weights that a kernel keeps.
type patterned struct {
	p    float64
	keep int
}

func readPattern(o ir.Option, c ir.Choice) (patterned, error) {
	a, err := patternForm.read(o, c)
	if err != nil {
		return patterned{}, err
	}
	p, keep := a.level, 4
	switch k := c.Arg("keep", "auto"); {
	case p < leastPattern:
		return patterned{}, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s: a pattern keeps at most 5 of 9 weights, so the fraction is at least 4/9, which is 0.4445", c), Try: "for fewer zeros take prune or blocks"}
	case k == "5" || k == "auto" && p < 5.0/9:
		keep = 5
	case p < 5.0/9:
		return patterned{}, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s: with 4 of 9 weights kept the fraction is at least 5/9, which is 0.5556", c), Try: "leave keep out"}
	}
	return patterned{p, keep}, nil
}

// masks are the fixed patterns of a kernel, bit y*3+x for each position kept. All have the centre. Of four: the squares of
// 2x2 in each corner, and the centre with three of its four neighbours. Of five: the cross, and each of these squares with
// one more neighbour of the centre.
func masks(keep int) []uint16 {
	const (
		n, w, centre, e, s = 1 << 1, 1 << 3, 1 << 4, 1 << 5, 1 << 7
		nw, ne, sw, se     = 1<<0 | n | w | centre, 1<<2 | n | e | centre, 1<<6 | s | w | centre, 1<<8 | s | e | centre
	)
	if keep == 5 {
		return []uint16{n | w | centre | e | s, nw | e, nw | s, ne | w, ne | s, sw | n, sw | e, se | n, se | w}
	}
	return []uint16{nw, ne, sw, se, centre | n | w | e, centre | n | w | s, centre | n | e | s, centre | w | e | s}
}

func applyPattern(ctx context.Context, e *change, c ir.Choice, a patterned, scores [][]float32) (*ir.Graph, string, error) {
	p, keep := a.p, a.keep
	patterns := masks(keep)
	sizes := make([][]uint8, len(e.of)) // the weights that are left of each kernel
	kernels, layers, all, gone := 0, 0, 0, 0
	for i, w := range e.of {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		if !w.Kernel.Equal(ir.Shape{3, 3}) {
			continue
		}
		layers++
		all += w.Elems()
		kernels += w.Rows * w.Cols
		scores[i], sizes[i] = fitPatterns(ctx, w, patterns, scores[i], e.data[i])
	}
	if layers == 0 {
		return nil, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s: %s has no 3x3 kernels", c, e.g.Name), Try: "take prune or blocks"}
	}
	for _, group := range e.groups(c.Arg("scope", "global")) {
		var lists []pieces
		n, left := 0, 0
		for _, i := range group {
			if sizes[i] == nil {
				continue
			}
			n += e.of[i].Elems()
			for _, s := range sizes[i] {
				left += int(s)
			}
			lists = append(lists, pieces{score: scores[i], size: func(k int) int { return int(sizes[i][k]) }})
		}
		k := smallest(ctx, lists, max(0, int64(math.Round(p*float64(n)))-int64(n-left)))
		for _, i := range group {
			if sizes[i] == nil {
				continue
			}
			for j, v := range scores[i] {
				if j%part == 0 {
					goOn(ctx)
				}
				if k.drops(v) {
					clear(kernel(e.of[i], e.data[i], j))
				}
			}
		}
	}
	zeros := 0
	for i, w := range e.of {
		if sizes[i] == nil {
			continue
		}
		for j := range w.Rows * w.Cols {
			if j%part == 0 {
				goOn(ctx)
			}
			empty := true
			for _, v := range kernel(w, e.data[i], j) {
				if v == 0 {
					zeros++
				} else {
					empty = false
				}
			}
			if empty {
				gone++
			}
		}
	}
	out, s, err := e.end(ctx, c)
	if err != nil {
		return nil, "", err
	}
	line := fmt.Sprintf("%s: %d of 9 weights kept by %d patterns and %d of %d kernels dropped, so that %.4f of the weights of 3x3 kernels are zero; %s",
		c, keep, len(patterns), gone, kernels, float64(zeros)/float64(all), s)
	if other := len(e.of) - layers; other > 0 {
		line += fmt.Sprintf("; %s without 3x3 kernels left as before", plural(other, "layer"))
	}
	return out, line, nil
}

// kernel is kernel i of a convolution's weights, in which kernels lie one after the other.
func kernel(w op.Weight, data []float32, i int) []float32 {
	return data[i*w.Taps : (i+1)*w.Taps]
}

// fitPatterns leaves of each kernel the pattern of the largest norm, the first one of equals, and returns each kernel's norm
// and how many of its weights are not zero.
func fitPatterns(ctx context.Context, w op.Weight, patterns []uint16, scores, data []float32) (norms []float32, left []uint8) {
	norms, left = make([]float32, w.Rows*w.Cols), make([]uint8, w.Rows*w.Cols)
	for i := range norms {
		if i%(part/16) == 0 {
			goOn(ctx)
		}
		var squares [9]float64
		for j, v := range kernel(w, scores, i) {
			squares[j] = float64(v) * float64(v)
		}
		best, most := patterns[0], -1.0
		for _, p := range patterns {
			sum := 0.0
			for j, s := range squares {
				if p>>j&1 != 0 {
					sum += s
				}
			}
			if sum > most {
				best, most = p, sum
			}
		}
		norms[i] = float32(math.Sqrt(most))
		k := kernel(w, data, i)
		for j := range k {
			if best>>j&1 == 0 {
				k[j] = 0
			} else if k[j] != 0 {
				left[i]++
			}
		}
	}
	return norms, left
}
