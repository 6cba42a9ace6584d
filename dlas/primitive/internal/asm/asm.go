// Package asm holds the two hot loops of convolution, each as a loop in Go and as generated AVX2 code that does the
// same. What they read is given by positions into one array of inputs, so the same loops run over a padded map (direct)
// and over an im2col matrix (gemm).
//
// Pixels go in lanes of 8 neighbours; a panel is 2 or 8 such lanes, which may lie anywhere. The methods check that all
// positions are inside their arrays and panic otherwise; they are the functions through which every loop is entered,
// and because they are never inlined each call is a safe point for the garbage collector. A caller must keep one call
// below about 100 microseconds (MaxMACs), since assembly cannot be preempted.
package asm

//go:generate go run -C _generate . -set plain -out ../plain_amd64.s -stubs ../plain_amd64.go -pkg asm -layout ../plain_layout_amd64.go

// Lane is the number of pixels in a lane.
const Lane = 8

// MaxMACs bounds the multiply-accumulates of one call of a loop: some 50 microseconds in AVX2, far less than a
// garbage collector's patience in Go, whose loops can be preempted.
const MaxMACs = 1 << 21

// Dense computes a block of output rows (channels) for two lanes of pixels. In groups of Rows() rows:
//
//	for g := range Groups {
//		for r := range rows {
//			for v := range 2 {
//				for j := range Lane {
//					sum := Bias[g*rows+r]
//					for k, off := range Off {
//						sum += In[At[v]+off+j] * W[(g*len(Off)+k)*rows+r]
//					}
//					i := To[v] + (g*rows+r)*Pitch + j
//					Out[i] = min(max(sum+Res[i], Lo), Hi)
//				}
//			}
//		}
//	}
//
// Res may be nil, which stands for zeros.
type Dense struct {
	In     []float32
	Off    []int32
	W      []float32
	Bias   []float32
	Out    []float32
	Res    []float32
	At, To [2]int
	Pitch  int
	Groups int
	Lo, Hi float32
	Reach  int // 1 + the largest of Off, none of which is negative
}

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

// check panics where the loop would leave an array: the assembly has no bounds checks of its own.
func (d *Dense) check(rows int) {
	n := d.Groups * rows
	if d.Groups < 1 || len(d.Bias) < n || len(d.W) < n*len(d.Off) || d.Pitch < 0 {
		panic("asm: dense block has too few weights")
	}
	last := (n-1)*d.Pitch + Lane
	for v := range d.At {
		if d.At[v] < 0 || d.At[v]+d.Reach+Lane-1 > len(d.In) {
			panic("asm: dense block reads outside its input")
		}
		if d.To[v] < 0 || d.To[v]+last > len(d.Out) || d.Res != nil && d.To[v]+last > len(d.Res) {
			panic("asm: dense block writes outside its output")
		}
	}
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
