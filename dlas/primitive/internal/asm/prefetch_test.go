package asm

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/godlas/godlas/internal/gain"
)

// BenchmarkRulePrefetchTile multiplies by weights that no cache of the core holds, fetched ahead and not: a layer of 4x4
// pixels and 512 channels, whose weights are read once for two tiles.
func BenchmarkRulePrefetchTile(b *testing.B) {
	if !HasAVX512() {
		b.Skip("no AVX-512")
	}
	r := rand.New(rand.NewPCG(1, 1))
	const layers = 48
	c := newTileCase(r, 8, 2, 2, [2]int{16, 16}, 32, 3, false)
	n := c.t.weights() * 2 * Block
	w := random(r, layers*n) // 28 MB
	run := func(ahead, step int) {
		c.t.Ahead, c.t.NextStep = ahead, step
		for i := range layers {
			c.t.W = unsafe.Pointer(&w[i*n])
			c.t.Next = c.t.W
			if step > 0 {
				c.t.Next = unsafe.Pointer(&w[(i+1)%layers*n])
			}
			Tile512(&c.t, 8, 2)
		}
	}
	gain.Of(b, func() { run(4096, 256) }, func() { run(0, 0) })
}

// BenchmarkRulePrefetchInput convolves 1x1 over a map that lies behind the second-level cache: the blocks of a pixel are
// too far apart for the processor to see what comes next.
func BenchmarkRulePrefetchInput(b *testing.B) {
	if !HasAVX512() {
		b.Skip("no AVX-512")
	}
	const rows, pixels, inBlocks, pixel = 14, 28 * 28, 48, 4 * Block
	r := rand.New(rand.NewPCG(3, 1))
	c := newTileCase(r, rows, 2, 4, [2]int{16, 16}, inBlocks, 1, false)
	in := random(r, 4*inBlocks*pixels*Block) // 4 images, 9.6 MB
	t := c.t
	t.InPixel, t.InBlock, t.InTile, t.Tiles = pixel, pixels*pixel, rows*pixel, pixels/rows
	t.OutTile, t.ResTile, t.Next = 0, 0, t.W
	Spread(&t.At, rows, 7, pixel, 7*pixel)
	run := func(reach int) {
		for i := range 4 {
			t.In, t.Reach = &in[i*inBlocks*pixels*Block], reach
			Tile512(&t, rows, 2)
		}
	}
	gain.Of(b, func() { run(4 * pixel) }, func() { run(0) })
}

// BenchmarkRulePrefetchWinograd multiplies as Winograd's layers of 512 channels and 14x14 pixels do: two groups of tiles
// by the same weights, while those of the next panel are fetched.
func BenchmarkRulePrefetchWinograd(b *testing.B) {
	if !HasAVX512() {
		b.Skip("no AVX-512")
	}
	r := rand.New(rand.NewPCG(2, 1))
	const panels, width, quads, rows, panel = 36 * 12, 32, 128, 8, 4 * 128 * 32
	a := WinoMul{VBlock: 16 * rows, MBlock: 16 * rows, Quads: quads, Count: 2, VStep: 4 * quads * rows, MStep: width * rows}
	v, u, m := random(r, 2*4*quads*rows), random(r, panels*panel), make([]float32, 2*width*rows) // 28 MB
	run := func(ahead, step int) {
		for i := range panels {
			a.V, a.U, a.M = v, u[i*panel:], m
			a.Ahead, a.AheadStep = ahead, step
			WinoProduct(AVX512, rows, width, &a)
		}
	}
	gain.Of(b, func() { run(panel, 2*width) }, func() { run(0, 0) })
}
