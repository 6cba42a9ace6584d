package primitive

import (
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// outGroup is up to three blocks of 16 output channels that one tile computes.
type outGroup struct {
	first, blocks int // its first output channel; its blocks
	w             int // bytes from the beginning of the weights
	in            int // bytes from the first channel of the input to the first that it reads
	deep          chain
	macs          int     // of one pixel
	picks         []int32 // which elements of the depth have weights that are not zero, where zeros are left out
	places        int     // bytes before the weights: where the input has these
}

// chain is the depth of a product as a tile goes through it: blocks of channels, the last of which may have fewer.
type chain struct{ blocks, depth, last int }

// channels is the chain of that many channels in blocks of 16.
func channels(n int) chain {
	b := ceilDiv(n, asm.Block)
	return chain{blocks: b, depth: asm.Block, last: n - (b-1)*asm.Block}
}

// packedWeights are the weights of all groups, each in the order in which its tiles read them: by block of input
// channels, row and column of the window, channel of the block; and for each of these 16 numbers for each block of output
// channels. The bias has its zeros where there are no channels.
type packedWeights struct {
	groups []outGroup
	data   ir.Memory
	bias   []float32
	size   int // bytes of a weight
	ahead  int
	picked bool // zeros are left out
}

// blocksOf cuts the blocks of m output channels into groups of 1 to 3. want is the size that a schedule asks for; 0 makes
// pairs, and one of three where the number is odd.
func blocksOf(l level, m, want int) []int {
	n := ceilDiv(m, asm.Block)
	most := 1
	for l.mostRows(most+1) > 0 {
		most++
	}
	var list []int
	for n > 0 {
		b := min(2, most)
		switch {
		case want > 0:
			b = min(want, most)
		case n == 3:
			b = min(3, most)
		}
		b = min(b, n)
		list = append(list, b)
		n -= b
	}
	return list
}

// order says where a weight of an output channel lies: its source index for every position of the depth, as its group
// multiplies them; -1 stands for zero.
type order func(g *outGroup) []int32

// pack packs weights w (m rows of `each` numbers, output channel by output channel) in the order of each group.
func pack[T weight](p *packedWeights, w []T, bias []float32, m, each int, orderOf order) {
	orders := make([][]int32, len(p.groups))
	for i := range p.groups {
		g := &p.groups[i]
		if orders[i] = orderOf(g); p.picked {
			orders[i] = g.pick(usedOf(w, g.first, g.first+g.blocks*asm.Block, m, each), orders[i])
		}
	}
	p.alloc(m, int(unsafe.Sizeof(w[0])))
	copy(p.bias, bias)
	for i := range p.groups {
		g := &p.groups[i]
		packGroup(packedGroup[T](p, g), g, w, m, each, orders[i])
	}
}

// weight is a Go type that weights are stored in: float32, or the bits of a float16.
type weight interface{ float32 | uint16 }

// alloc gives every group its place, and all of them memory. What is fetched ahead may lie past the end, which costs
// nothing.
func (p *packedWeights) alloc(m, size int) {
	p.size = size
	bytes := 0
	for i := range p.groups {
		g := &p.groups[i]
		g.w = bytes
		bytes += g.places + size*g.macs
	}
	if p.picked {
		bytes += asm.Block * size // a group may be empty
	}
	p.data = mem.Alloc(bytes)
	p.bias = mem.F32(ceilDiv(m, asm.Block) * asm.Block)
}

// packedGroup is where a group's weights go.
func packedGroup[T weight](p *packedWeights, g *outGroup) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(&p.data[g.w+g.places])), g.macs)
}

// packGroup goes over the depth in pieces that stay in the cache, and in each over the output channels, whose numbers lie
// together in w, four at a time.
func packGroup[T weight](dst []T, g *outGroup, w []T, m, each int, from []int32) {
	const piece = 128
	width := g.blocks * asm.Block
	n := min(width, m-g.first)
	w = w[g.first*each:]
	for k0 := 0; k0 < len(from); k0 += piece {
		f := from[k0:min(len(from), k0+piece)]
		run := isRun(f)
		for c := 0; c < n; c++ {
			to := dst[k0*width+c:]
			if c+4 > n {
				row := w[c*each : (c+1)*each]
				for i, at := range f {
					if at >= 0 {
						to[i*width] = row[at]
					}
				}
				continue
			}
			r0, r1, r2, r3 := w[c*each:(c+1)*each], w[(c+1)*each:(c+2)*each], w[(c+2)*each:(c+3)*each], w[(c+3)*each:(c+4)*each]
			if c += 3; run {
				at := int(f[0])
				packFour(to, width, r0[at:at+len(f)], r1[at:], r2[at:], r3[at:])
				continue
			}
			for i, at := range f {
				if at >= 0 {
					t := to[i*width:][:4]
					t[0], t[1], t[2], t[3] = r0[at], r1[at], r2[at], r3[at]
				}
			}
		}
	}
}

// isRun reports whether these places follow each other.
func isRun(f []int32) bool {
	for i, at := range f {
		if at != f[0]+int32(i) || at < 0 {
			return false
		}
	}
	return true
}

// packFour writes the numbers of four rows beside each other, as many as the first has, width apart.
func packFour[T weight](to []T, width int, r0, r1, r2, r3 []T) {
	r1, r2, r3 = r1[:len(r0)], r2[:len(r0)], r3[:len(r0)]
	for i := range r0 {
		t := to[i*width:][:4]
		t[0], t[1], t[2], t[3] = r0[i], r1[i], r2[i], r3[i]
	}
}

// fetching is what a part is to have fetched into the second-level cache while it multiplies: its groups' weights after
// the first, so many bytes a group.
type fetching struct {
	own  ir.Memory
	each int
}

// fetching is that of groups from..to-1, after which the thread goes on up to end.
func (p *packedWeights) fetching(from, to, end int) fetching {
	if p.ahead == 0 {
		return fetching{}
	}
	var f fetching
	if begin, last := p.end(from+1), p.end(end); begin < last {
		f.own = p.data[begin:last]
		f.each = max(p.size*p.groups[from].macs, ceilDiv(len(f.own), to-from))
	}
	return f
}

// end is where the groups before one end.
func (p *packedWeights) end(group int) int {
	if group < len(p.groups) {
		return p.groups[group].w
	}
	return len(p.data)
}

// take is what is fetched during the next group.
func (f *fetching) take() ir.Memory {
	n := min(f.each, len(f.own))
	m := f.own[:n]
	f.own = f.own[n:]
	return m
}

// load gives a tile the weights of group i, and has other memory fetched evenly while that many tiles are computed.
func (p *packedWeights) load(t *asm.Tile, i int, next ir.Memory, tiles int) {
	g := &p.groups[i]
	t.W = unsafe.Pointer(&p.data[g.w+g.places])
	t.Bias = &p.bias[g.first]
	t.Blocks, t.Depth, t.LastDepth = g.deep.blocks, g.deep.depth, g.deep.last
	if p.picked {
		t.Off, t.Depth = unsafe.Pointer(&p.data[g.w]), len(g.picks)
	}
	t.Ahead = p.ahead
	t.Next, t.NextStep = t.W, 0
	if len(next) > 0 {
		t.Next = unsafe.Pointer(&next[0])
		t.NextStep = min(mostNext, 4*len(next)/max(1, g.macs/g.blocks/asm.Block*tiles)+1)
	}
}

// mostNext is what a tile fetches at most of the next group for every four elements of its depth.
const mostNext = 256

// bytes is what the weights take.
func (p *packedWeights) bytes() int64 { return int64(len(p.data)) + 4*int64(len(p.bias)) }

// ahead is how many bytes before they are multiplied weights are fetched.
const ahead = 4096
