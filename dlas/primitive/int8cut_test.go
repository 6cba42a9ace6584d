package primitive

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// TestTileWork holds the calls of quantised tiles to the work that they may do, whatever is summed up.
func TestTileWork(t *testing.T) {
	for _, l := range byteLevels() {
		if l.isa == isaGo {
			continue
		}
		for depth := 4; depth < 1<<20; depth = depth*5/4 + 4 {
			for _, want := range []int{0, 4, 14} {
				pixels, vectors := l.tileOf(want, 0, depth)
				work := 16 * depth * pixels * vectors
				if pixels < 1 || vectors < 1 || pixels > l.pixels || vectors > l.vectors || want > 0 && pixels > want {
					t.Fatalf("%s: %d pixels, %d blocks", l.isa, pixels, vectors)
				}
				if cycles := float64(work) / l.rate; cycles > callCycles && pixels*vectors > 1 {
					t.Errorf("%s: a call sums %d products for %d pixels and %d blocks: %.0f cycles", l.isa, depth, pixels, vectors, cycles)
				}
				if depth < 1<<10 && want == 0 && pixels < l.pixels {
					t.Errorf("%s: %d products for only %d pixels", l.isa, depth, pixels)
				}
			}
		}
	}
}

// TestWindowWork holds the calls of quantised windows to the rows that they may take.
func TestWindowWork(t *testing.T) {
	for _, size := range []int{1, 7, 224, 400, 1200} {
		n := &ir.Node{Op: "MaxPool", Attrs: ir.Attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}}}
		s := ir.Shape{1, 40, size, size}
		p := ir.Problem{Node: n, In: []ir.Shape{s}, Out: []ir.Shape{s}, Machine: testMachine(2), InLayout: []ir.Layout{ir.Blocked}, OutLayout: []ir.Layout{ir.Blocked}}
		v, err := op.WindowOf(n, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		b := newByteWindows(p, byteLevels()[0], v, windowMax)
		if rows := ceilDiv(size, b.chunks); rows*size*9 > 1<<17+9*size {
			t.Errorf("%d pixels wide: a call takes %d rows", size, rows)
		}
	}
}

// TestLongRuns compares element-wise loops over maps that are too large for one call with single calls of the loops in Go.
func TestLongRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	random := func(n int) []uint8 {
		b := make([]uint8, n)
		for i := range b {
			b[i] = uint8(r.IntN(200)) // no NaN where four of them are a float
		}
		return b
	}
	mul, add := make([]float32, 16), make([]float32, 16)
	for i := range mul {
		mul[i], add[i] = r.Float32(), r.Float32()
	}
	table := (*[256]uint8)(random(256))
	for _, size := range []struct{ rows, width int }{{1, callPixels + 7}, {55, 301}} {
		for loop := loopAdd; loop <= loopSum; loop++ {
			row := 16 * (size.width + 3)
			a, b := random(4*row*size.rows), random(row*size.rows)
			run := asm.ByteRun{
				A: &a[0], B: &b[0], Mul: &mul[0], Add: &add[0], Table: table, Rows: size.rows, ARow: row, BRow: row, OutRow: row,
				Quads: size.width / 4, Tail: size.width % 4, AScale: 0.01, BScale: 0.02, Hi: 255,
			}
			out := row
			switch loop {
			case loopQuantize:
				run.ARow, run.AZero, run.BZero = 4*row, 0, 255
			case loopFloat:
				out = 4 * row
				run.OutRow, run.Quads, run.Tail = out, 0, size.width
			case loopSum:
				run.OutRow, run.Quads, run.Tail = 0, 0, size.width
			}
			want := make([]uint8, out*size.rows)
			run.Out = &want[0]
			callBytes(&run, loop, false)
			for _, wide := range []bool{false, byteLevels()[len(byteLevels())-1].wide} {
				got := make([]uint8, out*size.rows)
				run.Out = &got[0]
				runBytes(&run, loop, wide)
				if !bytes.Equal(got, want) {
					t.Errorf("loop %d, assembly %v, %v: the calls make another map", loop, wide, size)
				}
			}
		}
	}
}
