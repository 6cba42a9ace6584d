// Package symbols holds the compiled packages that a cell can import besides
// the standard library: gonum, and godlas's own. One of these has the path of
// GoNB's package, whose names it has. With gonum come the packages that its
// signatures name, and x/sys/cpu, which finds out by assembly what modules ask.
package symbols

import (
	"github.com/godlas/godlas/dlas/cells/symbols/godlas"
	"github.com/godlas/godlas/dlas/cells/symbols/gonum"
	"github.com/godlas/godlas/kernel/interp"
)

//go:generate go run ../../../kernel/interp/internal/gensyms -out gonum -package gonum -without std -skip "gonum.org/v1/gonum gonum.org/v1/gonum/blas/testblas gonum.org/v1/gonum/blas/testblas/benchautogen gonum.org/v1/gonum/graph/testgraph gonum.org/v1/gonum/integrate/testquad gonum.org/v1/gonum/lapack/testlapack gonum.org/v1/plot/cmpimg gonum.org/v1/plot/gob" gonum.org/v1/gonum/... gonum.org/v1/plot/... golang.org/x/image/draw golang.org/x/image/font golang.org/x/image/font/opentype golang.org/x/image/font/sfnt golang.org/x/image/math/f64 golang.org/x/image/math/fixed golang.org/x/image/tiff golang.org/x/image/vector golang.org/x/sys/cpu
//go:generate go run ../../../kernel/interp/internal/gensyms -out godlas -package godlas -without "std gonum.org/... golang.org/... codeberg.org/... git.sr.ht/... github.com/ajstarks/..." -as github.com/godlas/godlas/kernel/display/gonbui=github.com/janpfeifer/gonb/gonbui github.com/godlas/godlas/dlas github.com/godlas/godlas/dlas/ir github.com/godlas/godlas/kernel/display github.com/godlas/godlas/kernel/display/comm github.com/godlas/godlas/kernel/display/gonbui github.com/godlas/godlas/kernel/display/widget github.com/godlas/godlas/plotting

// Libraries returns the tables, to hand to the interpreter after interp.Std.
func Libraries() []interp.Library {
	return []interp.Library{
		{Name: "gonum", Data: gonum.Data, Symbols: gonum.Symbols},
		{Name: "godlas", Data: godlas.Data, Symbols: godlas.Symbols, Stops: true},
	}
}
