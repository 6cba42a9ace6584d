//go:build !noasm

package asm

// Pick512 is PickGo in AVX-512, for up to PickRows512[blocks] rows of 1 or 2 blocks. A caller keeps a call below about
// MaxMACs lanes' worth of work, since assembly cannot be preempted; the call itself is a safe point.
//
//go:noinline
func Pick512(t *Tile, rows, blocks int) {
	if t.InPixel == 4*Block && rows > len(t.At) && callPick512Near(t, rows, blocks) {
		return
	}
	if !callPick512(t, rows, blocks) {
		panic("asm: no AVX-512 tile of picked products of that size")
	}
}

// Pick256 is PickGo in AVX2, for up to PickRows256 rows of one block.
//
//go:noinline
func Pick256(t *Tile, rows, blocks int) {
	if !callPick256(t, rows, blocks) {
		panic("asm: no AVX2 tile of picked products of that size")
	}
}
