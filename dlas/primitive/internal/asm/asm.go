// Package asm holds the hot loops of the kernels, each as generated assembly and as a loop in Go that does the same: the
// register tile of dense products (Tile), products that skip zeros (Sparse), Winograd's transforms, lanes of channels,
// quantised products. A file of _generate describes a set of them.
//
// The functions through which a loop is entered are never inlined, so that each call is a safe point for the garbage
// collector. A caller must keep one call below about 100 microseconds (MaxMACs), since assembly cannot be preempted.
package asm

//go:generate go run -C _generate . -set plain -out ../plain_amd64.s -stubs ../plain_amd64.go -pkg asm -layout ../plain_layout_amd64.go

// Lane is the number of pixels in a lane.
const Lane = 8

// MaxMACs bounds the multiply-accumulates of one call of a loop: some 50 microseconds in AVX2, far less than a
// garbage collector's patience in Go, whose loops can be preempted.
const MaxMACs = 1 << 21

// Entry is a weight that is not zero, with the position of what it multiplies.
type Entry struct {
	Off int32
	W   float32
}

// Sparse computes Rows output rows for 8 lanes of pixels, or for the first two of them (Narrow):
//
//	for r := range Rows {
//		for v := range lanes {
//			for j := range Lane {
//				sum := Bias[r]
//				for _, e := range Entries[Ptr[r]:Ptr[r+1]] {
//					sum += In[At[v]+e.Off+j] * e.W
//				}
//				i := To[v] + r*Pitch + j
//				Out[i] = min(max(sum+Res[i], Lo), Hi)
//			}
//		}
//	}
//
// Res may be nil, which stands for zeros. Ptr may not decrease.
type Sparse struct {
	In      []float32
	Entries []Entry
	Ptr     []int32
	Bias    []float32
	Out     []float32
	Res     []float32
	At, To  [8]int
	Pitch   int
	Rows    int
	Lo, Hi  float32
	Reach   int // 1 + the largest Off, none of which is negative
}

func (s *Sparse) check(lanes int) {
	if s.Rows < 1 || len(s.Ptr) <= s.Rows || len(s.Bias) < s.Rows || s.Pitch < 0 || s.Ptr[0] < 0 || int(s.Ptr[s.Rows]) > len(s.Entries) {
		panic("asm: sparse block has too few weights")
	}
	last := (s.Rows-1)*s.Pitch + Lane
	for v := range lanes {
		if s.At[v] < 0 || s.At[v]+s.Reach+Lane-1 > len(s.In) {
			panic("asm: sparse block reads outside its input")
		}
		if s.To[v] < 0 || s.To[v]+last > len(s.Out) || s.Res != nil && s.To[v]+last > len(s.Res) {
			panic("asm: sparse block writes outside its output")
		}
	}
}
