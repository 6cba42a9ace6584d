package primitive

import (
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// matrixSize is the number of elements of the im2col matrices of all images.
func (c *conv) matrixSize() int { return c.g.n * c.panels * c.panelSize() }

// panelSize is the number of elements of a panel of the matrix, which holds its pixels' column for each weight, one row
// of the matrix after the other.
func (c *conv) panelSize() int { return c.g.depth * c.lanes * asm.Lane }

// fill builds panels from..to-1 of the matrix, counted over all images.
func (c *conv) fill(from, to int, call ir.Call) {
	g := c.g
	matrix := call.Workspace[g.copySize():]
	for i := from; i < to; i++ {
		image := g.imageOf(i/c.panels, call.In[0], call.Workspace)
		panel := matrix[i*c.panelSize() : (i+1)*c.panelSize()]
		for v := 0; v < c.lanes; v += 2 {
			a, b := c.lane(i%c.panels, v), c.lane(i%c.panels, v+1)
			asm.Gather(panel[v*asm.Lane:], c.lanes*asm.Lane, image, int(a.at), int(b.at), g.off, g.reach)
		}
	}
}
