package asm

import (
	"math"
	"unsafe"
)

// ByteFixed scales sums of Pixels pixels of a block of 16 channels in fixed point:
//
//	for i, o := range Pixels, 16 {
//		sum := Sums[16*i+o] // or TableA[A[16*i+o]] + TableB[B[16*i+o]] in the loop of sums
//		c := Point[16+o]
//		if sum < 0 {
//			c = Point[32+o]
//		}
//		Out[16*i+o] = min(max(floor(sum*Point[o]+c)+Zero, Lo), Hi)
//	}
//
// of which sum*Point[o]+c is rounded down if it is rounded. |sum*Point| must stay below 2^31.
type ByteFixed struct {
	Sums           *int32
	A, B           *uint8
	TableA, TableB *[256]int32
	Point          *float64
	Out            *uint8
	Pixels         int
	Zero           int32
	Lo, Hi         int32
	_              int32
}

// ByteFixedGo is the loop of ByteFixed in Go.
func ByteFixedGo(f *ByteFixed) {
	point := unsafe.Slice(f.Point, 48)
	for i := range 16 * f.Pixels {
		f.put(i, *Plus(f.Sums, 4*i), point)
	}
}

// ByteFixedSumGo is the loop of sums of ByteFixed in Go.
func ByteFixedSumGo(f *ByteFixed) {
	point := unsafe.Slice(f.Point, 48)
	for i := range 16 * f.Pixels {
		f.put(i, f.TableA[*Plus(f.A, i)]+f.TableB[*Plus(f.B, i)], point)
	}
}

func (f *ByteFixed) put(i int, sum int32, point []float64) {
	o := i % 16
	c := point[16+o]
	if sum < 0 {
		c = point[32+o]
	}
	x := float64(sum)
	y := math.FMA(x, point[o], c)
	floor := math.Floor(y)
	if floor == y && math.FMA(x, point[o], c-floor) < 0 { // the product was a little less
		floor--
	}
	*Plus(f.Out, i) = uint8(min(max(floor+float64(f.Zero), float64(f.Lo)), float64(f.Hi)))
}
