//go:build !noasm

package asm

// HasNEON tells whether this build has the NEON loops; every arm64 processor can run them.
func HasNEON() bool { return true }

// TileNEON is TileGo for up to TileRowsNEON rows of one block.
//
//go:noinline
func TileNEON(t *Tile, rows, blocks int) {
	if blocks != 1 {
		panic("asm: a NEON tile is of one block")
	}
	switch rows {
	case 1:
		tileNEON1(t)
	case 2:
		tileNEON2(t)
	case 3:
		tileNEON3(t)
	case 4:
		tileNEON4(t)
	case 5:
		tileNEON5(t)
	default:
		panic("asm: no NEON tile of that size")
	}
}

//go:noinline
func (w *Window) run(s Sliding, isa ISA) {
	switch {
	case isa != NEON || s != SlideDepthwise:
		w.goLoop(s)
	case w.Form == 4:
		windowDepthwiseNEON4(w)
	default:
		windowDepthwiseNEON1(w)
	}
}

func (w *Window) runSquare(_, _ int, _ ISA) { w.goLoop(SlideDepthwise) }

//go:noescape
func tileNEON1(t *Tile)

//go:noescape
func tileNEON2(t *Tile)

//go:noescape
func tileNEON3(t *Tile)

//go:noescape
func tileNEON4(t *Tile)

//go:noescape
func tileNEON5(t *Tile)

//go:noescape
func windowDepthwiseNEON1(w *Window)

//go:noescape
func windowDepthwiseNEON4(w *Window)
