package primitive

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
)

// This file lays weights of a byte out as the loops read them: for each four elements of the depth those of 16 output
// channels together. A network's worth of them is laid out before its first run, so four are moved at a time.

// four puts four weights together.
func four(a, b, c, d int8) uint32 {
	return uint32(uint8(a)) | uint32(uint8(b))<<8 | uint32(uint8(c))<<16 | uint32(uint8(d))<<24
}

// packStrip lays out one block of input channels of a strip, which begin at channel from of the input: for each place of
// the window and four channels, the strip's output channels. to holds zeros before.
func (c *byteConv) packStrip(to []byte, s byteStrip, w []int8, from, m, mg, cg, taps int) {
	each, tapStep := cg*taps, c.groups*s.vectors*64
	for o := range min(16*s.vectors, m-16*s.first) {
		oc := 16*s.first + o
		row, first := w[oc*each:(oc+1)*each], from-oc/mg*cg
		for g := range c.groups {
			ch := first + 4*g
			at := g*s.vectors*64 + 4*o
			if taps == 1 && ch >= 0 && ch+4 <= cg {
				q := row[ch : ch+4]
				binary.LittleEndian.PutUint32(to[at:], four(q[0], q[1], q[2], q[3]))
				continue
			}
			if ch >= 0 && ch+4 <= cg {
				r := row[ch*taps : (ch+4)*taps]
				r0, r1, r2, r3 := r[:taps], r[taps:2*taps], r[2*taps:3*taps], r[3*taps:4*taps]
				for tap := range taps {
					binary.LittleEndian.PutUint32(to[at:], four(r0[tap], r1[tap], r2[tap], r3[tap]))
					at += tapStep
				}
				continue
			}
			for i := range 4 {
				if ch+i < 0 || ch+i >= cg {
					continue
				}
				for tap := range taps {
					to[at+tap*tapStep+i] = byte(row[(ch+i)*taps+tap])
				}
			}
		}
	}
}

// sumBytes is the sum of weights, eight at a time: without their signs, in pairs.
func sumBytes(w []int8) (sum int32) {
	const pairs = 0x00ff00ff_00ff00ff
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w))
	for len(b) >= 8 {
		some := b[:min(len(b), 8*128)&^7] // before a pair's sum overflows
		b = b[len(some):]
		sum -= 128 * int32(len(some))
		var a uint64
		for ; len(some) >= 8; some = some[8:] {
			v := binary.LittleEndian.Uint64(some) ^ 0x80808080_80808080
			a += v&pairs + v>>8&pairs
		}
		a = a&0x0000ffff_0000ffff + a>>16&0x0000ffff_0000ffff
		sum += int32(a&0xffffffff + a>>32)
	}
	for _, v := range b {
		sum += int32(int8(v))
	}
	return sum
}

// byteMatrix is weights of m outputs and k inputs, one output after the other or, turned, one input after the other. They
// are the sum of the passes.
type byteMatrix struct {
	passes [][]int8
	m, k   int
	turned bool
}

// newByteMatrix does not turn weights that the layout takes as they are.
func newByteMatrix(w, zeros *ir.Tensor, m, k int, turned bool) byteMatrix {
	if turned {
		if d, ok := w.Data.([]int8); ok && noZeroPoint(zeros) {
			return byteMatrix{[][]int8{d}, m, k, true}
		}
		w = transposed(w)
	}
	return byteMatrix{signedWeights(w, zeros, m), m, k, false}
}

// sums are those of each output's weights.
func (x byteMatrix) sums() []int32 {
	sum := make([]int32, x.m)
	for _, w := range x.passes {
		if x.turned {
			for k := range x.k {
				for o, v := range w[k*x.m : (k+1)*x.m] {
					sum[o] += int32(v)
				}
			}
			continue
		}
		for o := range x.m {
			sum[o] += sumBytes(w[o*x.k : (o+1)*x.k])
		}
	}
	return sum
}

// most is the sum of the magnitudes of an output's weights.
func (x byteMatrix) most(o int) (most int64) {
	first, step := o*x.k, 1
	if x.turned {
		first, step = o, x.m
	}
	for _, w := range x.passes {
		for i := range x.k {
			v := int64(w[first+i*step])
			most += max(v, -v)
		}
	}
	return most
}

// pack lays the matrix out in strips of that many blocks of 16 outputs, each strip's passes after each other, many on all
// threads.
func (x byteMatrix) pack(to []byte, p ir.Problem, vectors, wide int) {
	each := vectors * len(x.passes) * wide * 16
	strips := len(to) / max(1, each)
	threads := 1
	if len(to) > manyBytes {
		threads = max(1, min(p.Machine.Threads, strips))
	}
	var next atomic.Int32
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			for s := int(next.Add(1)) - 1; s < strips; s = int(next.Add(1)) - 1 {
				first := s * vectors * 16
				n := min(vectors*16, x.m-first)
				row := min(vectors, ceilDiv(x.m, 16)-s*vectors) * 64 // of four elements of the depth
				for i, w := range x.passes {
					x.packStrip(to[s*each+i*row*wide/4:], w, first, n, row)
				}
				if p.Spent != nil && !x.turned && len(x.passes) == 1 {
					p.Spent(ir.MemoryOf(x.passes[0][first*x.k : (first+n)*x.k]))
				}
			}
		})
	}
	all.Wait()
}

func (x byteMatrix) packStrip(to []byte, w []int8, first, n, row int) {
	fours := x.k / 4
	if x.turned {
		for d := range fours {
			r0, r1 := w[4*d*x.m+first:][:n], w[(4*d+1)*x.m+first:][:n]
			r2, r3 := w[(4*d+2)*x.m+first:][:n], w[(4*d+3)*x.m+first:][:n]
			t := to[d*row:][:4*n]
			for o := range n {
				binary.LittleEndian.PutUint32(t[4*o:], four(r0[o], r1[o], r2[o], r3[o]))
			}
		}
		for k := 4 * fours; k < x.k; k++ {
			for o := range n {
				to[fours*row+4*o+k%4] = byte(w[k*x.m+first+o])
			}
		}
		return
	}
	const piece = 64 // of the depth in fours, which stay in the cache while all outputs go by
	for d0 := 0; d0 < fours; d0 += piece {
		for o := range n {
			r := w[(first+o)*x.k:][:x.k]
			for d := d0; d < min(fours, d0+piece); d++ {
				q := r[4*d : 4*d+4]
				binary.LittleEndian.PutUint32(to[d*row+4*o:], four(q[0], q[1], q[2], q[3]))
			}
		}
	}
	for k := 4 * fours; k < x.k; k++ {
		for o := range n {
			to[fours*row+4*o+k%4] = byte(w[(first+o)*x.k+k])
		}
	}
}
