package compress

import (
	"context"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// blockPass is what differs between blocks and punch, which both drop RxC blocks of weights at one kernel position.
type blockPass struct {
	option  ir.Option
	form    form
	scope   string                          // the default
	join    func(squares []float64) float64 // the score of a block, of its columns' sums of squares
	dropped string                          // what is dropped, one of them
}

func blocks() pass {
	return blockPass{
		option: ir.Option{
			Name: "blocks",
			Help: "Sets whole blocks of convolution and linear weights to zero until the fraction p is, those of the smallest L2 norm first, without retraining. " +
				"A block is R output channels by C input channels at one kernel position, so that the weights that stay fill the lanes of a register: " +
				"the format bsr skips the rest, with far less to skip by than csr. At the same sparsity blocks cost more accuracy than prune. " +
				"Blocks count from the first channel; where R or C does not divide, the last block is smaller.",
			Source: "Gray, Radford, Kingma: GPU Kernels for Block-Sparse Weights, 2017; one-shot by norm as prune",
			Params: []ir.Param{
				{Help: "fraction of weights that become zero, 0 to 1"},
				{Help: "the block, output by input channels: the first is 4, 8, 16 or 32, the second at least 1", Examples: []string{"16x1", "32x1", "4x1", "16x4"}},
				byParam(), scopeParam("global"),
			},
		},
		form:  form{level: "fraction", lo: 0, hi: 1, block: true, example: "write blocks(0.8, 16x1)"},
		scope: "global", dropped: "block",
		join: func(squares []float64) float64 {
			sum := 0.0
			for _, s := range squares {
				sum += s
			}
			return math.Sqrt(sum)
		},
	}.pass()
}

// pass makes the row of the table.
func (b blockPass) pass() pass { return ranking(b.option, b.form.read, b.apply) }

func (b blockPass) apply(ctx context.Context, e *change, c ir.Choice, a given, scores [][]float32) (*ir.Graph, string, error) {
	grids, ragged, all, gone := make([]grid, len(e.of)), 0, 0, 0
	for i, w := range e.of {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		grids[i] = gridOf(w, a.row, a.col)
		scores[i] = grids[i].scores(ctx, scores[i], b.join)
		all += len(scores[i])
		if w.Rows%a.row != 0 || w.Cols%a.col != 0 {
			ragged++
		}
	}
	for _, group := range e.groups(c.Arg("scope", b.scope)) {
		var lists []pieces
		n := 0
		for _, i := range group {
			lists = append(lists, pieces{score: scores[i], size: grids[i].size})
			n += e.of[i].Elems()
		}
		k := smallest(ctx, lists, int64(math.Round(a.level*float64(n))))
		for _, i := range group {
			gone += grids[i].drop(ctx, &k, scores[i], e.data[i])
		}
	}
	out, s, err := e.end(ctx, c)
	if err != nil {
		return nil, "", err
	}
	line := fmt.Sprintf("%s: %d of %s dropped, %s", c, gone, plural(all, b.dropped), s)
	if ragged > 0 {
		line += fmt.Sprintf("; of %s the block divides %d, the others end in smaller ones", plural(len(e.of), "layer"), len(e.of)-ragged)
	}
	return out, line, nil
}

// grid cuts a tensor into blocks of rows by cols at one tap. Blocks are numbered by block of rows, block of columns, tap.
type grid struct {
	w          op.Weight
	rows, cols int
	across     int // blocks of columns
}

func gridOf(w op.Weight, rows, cols int) grid {
	return grid{w: w, rows: rows, cols: cols, across: (w.Cols + cols - 1) / cols}
}

// size is the number of elements of a block.
func (g grid) size(i int) int {
	i /= g.w.Taps
	return min(g.rows, g.w.Rows-i/g.across*g.rows) * min(g.cols, g.w.Cols-i%g.across*g.cols)
}

// scores are those of all blocks: join of the sums of squares of a block's columns.
func (g grid) scores(ctx context.Context, of []float32, join func([]float64) float64) []float32 {
	w := g.w
	all := make([]float32, 0, (w.Rows+g.rows-1)/g.rows*g.across*w.Taps)
	squares := make([]float64, w.Cols*w.Taps) // by tap, then column
	for first := 0; first < w.Rows; first += g.rows {
		goOn(ctx)
		clear(squares)
		for row := first; row < min(first+g.rows, w.Rows); row++ {
			for col := range w.Cols {
				at := w.At(row, col, 0)
				for tap := range w.Taps {
					v := float64(of[at+tap*w.TapStep])
					squares[tap*w.Cols+col] += v * v
				}
			}
		}
		for col := 0; col < w.Cols; col += g.cols {
			for tap := range w.Taps {
				all = append(all, float32(join(squares[tap*w.Cols+col:tap*w.Cols+min(col+g.cols, w.Cols)])))
			}
		}
	}
	return all
}

// drop sets the blocks that go to zero and returns their number.
func (g grid) drop(ctx context.Context, k *limit, scores, data []float32) int {
	w := g.w
	gone, i := 0, 0
	goes := make([]bool, g.across*w.Taps)
	for first := 0; first < w.Rows; first += g.rows {
		goOn(ctx)
		for j := range goes {
			if goes[j] = k.drops(scores[i]); goes[j] {
				gone++
			}
			i++
		}
		for row := first; row < min(first+g.rows, w.Rows); row++ {
			for col := range w.Cols {
				at, from := w.At(row, col, 0), col/g.cols*w.Taps
				for tap := range w.Taps {
					if goes[from+tap] {
						data[at+tap*w.TapStep] = 0
					}
				}
			}
		}
	}
	return gone
}
