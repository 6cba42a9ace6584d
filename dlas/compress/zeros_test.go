package compress

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// TestBlocksAreWhole holds blocks, in all of which the views differ, to a count of its own: every block is zero or as it
// was, those that went are the smallest, and no other number of blocks comes nearer to the fraction.
func TestBlocksAreWhole(t *testing.T) {
	for _, c := range []struct {
		text       string
		p          float64
		rows, cols int
		punched    bool
		layers     bool
	}{
		{"blocks(0.6, 16x1)", 0.6, 16, 1, false, false},
		{"blocks(0.45, 4x1, scope=layer)", 0.45, 4, 1, false, true},
		{"blocks(0.5, 8x3)", 0.5, 8, 3, false, false},
		{"punch(0.6, 8x4)", 0.6, 8, 4, true, true},
		{"punch(0.3, 8x4, scope=global)", 0.3, 8, 4, true, false},
	} {
		g := mixed()
		g.Weights["plain.w"] = ir.NewF32(op.Floats(g.Weights["plain.w"]), 33, 21)
		out, _ := applied(t, g, c.text)
		kept, gone, zeros, total, largest := math.Inf(1), 0.0, 0, 0, 0
		check := func(what string) {
			if gone > kept*1.000001 {
				t.Errorf("%s: %s: a block of score %v went and one of %v stayed", c.text, what, gone, kept)
			}
			if off := math.Abs(float64(zeros) - c.p*float64(total)); off > float64(largest)/2+1 {
				t.Errorf("%s: %s: %d of %d are zero, and a block has at most %d", c.text, what, zeros, total, largest)
			}
			kept, gone, zeros, total, largest = math.Inf(1), 0, 0, 0, 0
		}
		for _, w := range op.Weights(g) {
			before, after := g.Weights[w.Name].F32(), out.Weights[w.Name].F32()
			for row := 0; row < w.Rows; row += c.rows {
				for col := 0; col < w.Cols; col += c.cols {
					for tap := range w.Taps {
						score, size, left := 0.0, 0, 0
						for cc := col; cc < min(col+c.cols, w.Cols); cc++ {
							column := 0.0
							for r := row; r < min(row+c.rows, w.Rows); r++ {
								i := w.At(r, cc, tap)
								size++
								column += float64(before[i]) * float64(before[i])
								if after[i] != 0 {
									left++
									if after[i] != before[i] {
										t.Fatalf("%s changed a weight that stays", c.text)
									}
								}
							}
							if c.punched {
								column = math.Sqrt(column)
							}
							score += column
						}
						if !c.punched {
							score = math.Sqrt(score)
						}
						total += size
						largest = max(largest, size)
						switch left {
						case 0:
							gone = max(gone, score)
							zeros += size
						case size:
							kept = min(kept, score)
						default:
							t.Fatalf("%s leaves %d of %d weights of a block of %s", c.text, left, size, w.Name)
						}
					}
				}
			}
			if c.layers {
				check(w.Name)
			}
		}
		if !c.layers {
			check("the network")
		}
	}
}

// TestPatterns: a kernel that stays has no more weights than it keeps, all in one of the fixed patterns, and that one is the
// best; other kernels are as they were.
func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		p          float64
		keep, most int
	}{{0.45, 5, 9}, {0.5, 5, 9}, {0.6, 4, 8}, {0.85, 4, 8}} {
		g := mixed()
		out, lines := applied(t, g, fmt.Sprintf("pattern(%v)", c.p))
		used := map[uint16]bool{}
		zeros, total := 0, 0
		for _, w := range op.Weights(g) {
			before, after := op.Floats(g.Weights[w.Name]), op.Floats(out.Weights[w.Name])
			if !w.Kernel.Equal(ir.Shape{3, 3}) {
				if !slices.Equal(before, after) {
					t.Errorf("pattern changed %s", w.Name)
				}
				continue
			}
			for k := 0; k < len(before); k += 9 {
				var mask uint16
				norm := 0.0
				for j := range 9 {
					if v := after[k+j]; v != 0 {
						mask |= 1 << j
						norm += float64(v) * float64(v)
					} else {
						zeros++
					}
				}
				total += 9
				if mask == 0 {
					continue
				}
				used[mask] = true
				if !slices.Contains(masks(c.keep), mask) {
					t.Fatalf("pattern(%v) leaves %09b", c.p, mask)
				}
				for _, m := range masks(c.keep) {
					other := 0.0
					for j := range 9 {
						if m>>j&1 != 0 {
							other += float64(before[k+j]) * float64(before[k+j])
						}
					}
					if other > norm*1.000001 {
						t.Fatalf("pattern(%v) takes %09b where %09b keeps more", c.p, mask, m)
					}
				}
			}
		}
		if off := math.Abs(float64(zeros) - c.p*float64(total)); off > float64(c.keep)/2+1 {
			t.Errorf("pattern(%v): %d of %d are zero", c.p, zeros, total)
		}
		if len(used) != c.most || !strings.Contains(lines[0], fmt.Sprintf("%.4f of the weights of 3x3 kernels", float64(zeros)/float64(total))) {
			t.Errorf("pattern(%v) uses %d patterns and says %q", c.p, len(used), lines[0])
		}
	}
	for keep, want := range map[int]int{4: 8, 5: 9} {
		ms := masks(keep)
		slices.Sort(ms)
		if len(slices.Compact(ms)) != want {
			t.Errorf("of %d: %d patterns", keep, len(ms))
		}
		for _, m := range ms {
			n := 0
			for j := range 9 {
				n += int(m >> j & 1)
			}
			if n != keep || m>>4&1 == 0 || m > 511 {
				t.Errorf("%09b is no pattern of %d with the centre", m, keep)
			}
		}
	}
}
