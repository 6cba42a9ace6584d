// Package symbols holds the compiled packages that a cell can import besides
// the standard library: gonum, and godlas's own.
package symbols

import (
	"github.com/godlas/godlas/dlas/cells/symbols/godlas"
	"github.com/godlas/godlas/dlas/cells/symbols/gonum"
	"github.com/godlas/godlas/kernel/interp"
)

//go:generate go run ../../../kernel/interp/internal/gensyms -out gonum -package gonum -without std gonum.org/v1/gonum/blas gonum.org/v1/gonum/blas/blas64 gonum.org/v1/gonum/cmplxs gonum.org/v1/gonum/diff/fd gonum.org/v1/gonum/dsp/fourier gonum.org/v1/gonum/dsp/window gonum.org/v1/gonum/floats gonum.org/v1/gonum/floats/scalar gonum.org/v1/gonum/graph gonum.org/v1/gonum/graph/multi gonum.org/v1/gonum/graph/network gonum.org/v1/gonum/graph/path gonum.org/v1/gonum/graph/simple gonum.org/v1/gonum/graph/topo gonum.org/v1/gonum/graph/traverse gonum.org/v1/gonum/integrate gonum.org/v1/gonum/integrate/quad gonum.org/v1/gonum/interp gonum.org/v1/gonum/lapack gonum.org/v1/gonum/mat gonum.org/v1/gonum/mathext gonum.org/v1/gonum/num/quat gonum.org/v1/gonum/optimize gonum.org/v1/gonum/spatial/r2 gonum.org/v1/gonum/spatial/r3 gonum.org/v1/gonum/stat gonum.org/v1/gonum/stat/combin gonum.org/v1/gonum/stat/distmv gonum.org/v1/gonum/stat/distuv gonum.org/v1/plot gonum.org/v1/plot/font gonum.org/v1/plot/palette gonum.org/v1/plot/palette/brewer gonum.org/v1/plot/palette/moreland gonum.org/v1/plot/plotter gonum.org/v1/plot/plotutil gonum.org/v1/plot/text gonum.org/v1/plot/vg gonum.org/v1/plot/vg/draw gonum.org/v1/plot/vg/vgimg gonum.org/v1/plot/vg/vgpdf gonum.org/v1/plot/vg/vgsvg
//go:generate go run ../../../kernel/interp/internal/gensyms -out godlas -package godlas -without "std gonum.org/... golang.org/... codeberg.org/... git.sr.ht/... github.com/ajstarks/..." github.com/godlas/godlas/dlas github.com/godlas/godlas/dlas/ir github.com/godlas/godlas/kernel/display github.com/godlas/godlas/plotting

// Libraries returns the tables, to hand to the interpreter after interp.Std.
func Libraries() []interp.Library {
	return []interp.Library{
		{Name: "gonum", Data: gonum.Data, Symbols: gonum.Symbols},
		{Name: "godlas", Data: godlas.Data, Symbols: godlas.Symbols},
	}
}
