package primitive

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// stripKernels are the convolutions that skip zeros wherever they are: each weight that is not zero is multiplied with a
// tile of vectors of 16 pixels, one of each strip of the map. Pixels in lanes are what makes single weights worth a vector
// instruction (Elsen et al., Fast Sparse ConvNets, CVPR 2020, for windows of one pixel; strips make larger windows aligned).
func stripKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, isa := range stripISAs() {
		for _, row := range stripRowsOf() {
			level, algorithm, form := asm.ISAOf(isa), row.algorithm, row.form
			ks = append(ks, ir.Kernel{
				Name: strings.Join([]string{"conv", "f32", algorithm, row.name}, "_") + "__" + isa,
				Op:   "Conv", Algorithm: algorithm, Format: row.format, Type: ir.F32, ISA: isa, Exact: ir.ExactF32, Strips: true,
				Fits: func(p ir.Problem) error {
					if err := stripFits(p); err != nil {
						return err
					}
					if m := p.Out[0][1]; m%form.unit() != 0 {
						return fmt.Errorf("its %d output channels are no multiple of %d", m, form.unit())
					}
					if form.pattern {
						return patternFits(p)
					}
					if algorithm == Direct {
						return nil
					}
					return copiesFit(p)
				},
				Cost:    func(p ir.Problem) float64 { return stripCost(p, level, form) },
				Worth:   someZeros,
				Layouts: stripLayouts,
				Schedules: func(p ir.Problem) []ir.Schedule {
					if form.quads {
						return quadSchedules(p, level)
					}
					return stripSchedules(p, level)
				},
				Bind: func(p ir.Problem, s ir.Schedule) (ir.Bound, error) { return bindStrips(p, s, isa, form) },
			})
		}
	}
	return ks
}

func stripFits(p ir.Problem) error {
	if err := constant(1, 2)(p); err != nil {
		return err
	}
	if p.TypeIn(0) != ir.F32 || p.TypeOut(0) != ir.F32 || p.Weights[1].Type != ir.F32 {
		return errors.New("it runs f32 with weights of f32")
	}
	if p.Weights[0] != nil || len(p.Weights) > 3 && p.Weights[3] != nil {
		return errors.New("an input that is a constant has no strips")
	}
	if g := p.Node.Attrs.Int("group", 1); g > 1 {
		return fmt.Errorf("it does not run a convolution with %d groups", g)
	}
	_, err := newStrips(p)
	return err
}

// stripConv is a sparse convolution over strips bound to a node. A part is some tiles of the map and a range of output
// channels; the borders of the output are a phase of their own.
type stripConv struct {
	*strips
	stripPlan
	isa          asm.ISA
	form         stripForm
	in, out, res ir.Strides
	tiles        []stripTile
	entries      []asm.Entry
	ptr          [][]int32 // of each chunk: where the entries of its output channels begin
	weights      int       // of patterns
	bias         []float32
	lo, hi       float32
	act          fusedAct
	edges        *edges

	inRow     int // bytes from row to row of a tile in what it reads
	tapRow    int // bytes from row to row of a window, and from column to column
	tapCol    int
	perTile   int // elements of a tile's packed input or its part of the matrix
	copyParts int
	tileParts int
	rowParts  int  // parts of the output channels
	across    int  // tiles beside each other
	whole     bool // a part has whole rows of tiles, and fills what comes of them into borders itself
}

// stripTile is a tile of the map: its size, its place in each value, in elements.
type stripTile struct {
	rows, cols   int
	in, out, res int
}

func bindStrips(p ir.Problem, sch ir.Schedule, isa string, form stripForm) (ir.Bound, error) {
	s, err := newStrips(p)
	if err != nil {
		return ir.Bound{}, err
	}
	// What the program gave in the end.
	x, y := p.LayoutIn(0), p.LayoutOut(0)
	if x.Block != ir.Strips || y.Block != ir.Strips {
		return ir.Bound{}, errors.New("it reads and writes strips")
	}
	s.from, s.to = x.Grid, y.Grid
	c := &stripConv{strips: s, isa: asm.ISAOf(isa), form: form, bias: biasOf(p, s.m), act: actFor(p.Node, level{isa: isa})}
	c.lo, c.hi = clampOf(p.Node)
	w := p.Weights[1].F32()
	c.stripPlan = s.plan(c.isa, sch, s.density(c.form), c.form)
	c.in, c.out = x.StridesOf(p.In[0]), y.StridesOf(p.Out[0])
	if len(p.In) > 3 && p.In[3] != nil {
		c.res = p.LayoutIn(3).StridesOf(p.In[3])
	}
	c.edges = edgesOf(c.isa, y, p.Out[0])
	c.layOut()
	c.cutTiles()
	switch {
	case form.quads:
		c.packQuads(w)
	case form.pattern:
		c.packPatterns(w)
	default:
		c.packEntries(w)
	}
	if p.Spent != nil {
		p.Spent(p.Weights[1].Memory())
	}
	c.share()
	return c.bound(), nil
}

// layOut says where windows find their pixels.
func (c *stripConv) layOut() {
	w := c.win
	switch {
	case c.form.matrix:
		c.perTile = 16 * c.rows * c.cols * c.c * w.KH * w.KW
	case c.form.copied:
		wide := (c.cols-1)*w.SW + (w.KW-1)*w.DW + 1
		c.perTile = c.c * c.channelBytes(c.rows, c.cols, c.form) / 4
		c.inRow, c.tapRow, c.tapCol = 64*w.SH*wide, 64*w.DH*wide, 64*w.DW
	default:
		c.inRow, c.tapRow, c.tapCol = 4*w.SH*c.in.Row, 4*w.DH*c.in.Row, 64*w.DW
	}
}

// offset is how far behind a tile's first vector that of a weight lies, in bytes.
func (c *stripConv) offset(channel, kh, kw int) int {
	switch {
	case c.form.matrix:
		return ((channel*c.win.KH+kh)*c.win.KW + kw) * 64 * c.rows * c.cols
	case c.form.copied:
		return channel*c.channelBytes(c.rows, c.cols, c.form) + kh*c.tapRow + kw*c.tapCol
	}
	return 4*channel*c.in.Block + kh*c.tapRow + kw*c.tapCol
}

func (c *stripConv) cutTiles() {
	y := 0
	c.across = ceilDiv(c.to.W, c.cols)
	for _, rows := range pieces(c.to.H, c.rows) {
		x := 0
		for _, cols := range pieces(c.to.W, c.cols) {
			c.tiles = append(c.tiles, stripTile{
				rows: rows, cols: cols,
				in:  c.in.Origin + (y*c.win.SH-c.win.Top)*c.in.Row + (x*c.win.SW-c.win.Left)*ir.Lanes,
				out: c.out.Origin + y*c.out.Row + x*ir.Lanes, res: c.res.Origin + y*c.res.Row + x*ir.Lanes,
			})
			x += cols
		}
		y += rows
	}
}

// packEntries leaves the zeros out. Entries of a chunk follow each other by output channel, those of an output channel in
// the order in which their pixels lie.
func (c *stripConv) packEntries(w []float32) {
	n := 0
	for _, v := range w {
		if v != 0 {
			n++
		}
	}
	room := mem.Alloc(8 * max(1, n))
	c.entries = unsafe.Slice((*asm.Entry)(unsafe.Pointer(&room[0])), max(1, n))
	taps, at := c.win.KH*c.win.KW, 0
	for first := 0; first < c.c; first += c.chunk {
		ptr := []int32{int32(at)}
		for m := range c.m {
			for ch := first; ch < min(c.c, first+c.chunk); ch++ {
				for k, v := range w[(m*c.c+ch)*taps : (m*c.c+ch+1)*taps] {
					if v != 0 {
						c.entries[at] = asm.Entry{Off: int32(c.offset(ch, k/c.win.KW, k%c.win.KW)), W: v}
						at++
					}
				}
			}
			ptr = append(ptr, int32(at))
		}
		c.ptr = append(c.ptr, ptr)
	}
}

// share cuts the work into parts: by tiles, and where there are few of them by output channels too.
func (c *stripConv) share() {
	threads := max(1, c.p.Machine.Threads)
	total := c.nonzero() * c.form.unit() * ir.Lanes * c.vectors() * c.n
	isa := map[asm.ISA]string{asm.AVX512: isaAVX512, asm.AVX2: isaAVX2}[c.isa]
	longest := max(1, level{isa: isa}.longestPart()/4) // zeros cost too
	want := max(1, ceilDiv(total, longest))
	alone := want == 1 && c.alone(c.cycles)
	if !alone && threads > 1 && total >= leastPart*threads {
		want = max(want, threads*max(1, min(mostParts, total/threads/finePart)))
		want = ceilDiv(want, threads) * threads
	}
	images := c.n
	if c.form.copied {
		images = 1
	}
	c.tileParts = min(want, images*len(c.tiles))
	if !c.form.copied {
		if parts := c.evenParts(want, threads); parts > 0 {
			c.tileParts, c.whole = parts, true
		}
	}
	c.rowParts = min(c.m/c.form.unit(), ceilDiv(want, c.tileParts))
	c.copyParts = 1
	if c.form.copied && !alone {
		c.copyParts = min(c.c, max(threads, ceilDiv(c.perTile*len(c.tiles), longestCopy)))
	}
}

// evenParts is the most parts of whole rows of tiles, up to want, that give each thread about as much: a part of whole rows
// fills borders by itself, from what its thread has just made. 1: only output channels can be shared so; 0: neither.
func (c *stripConv) evenParts(want, threads int) int {
	units := c.n * len(c.tiles) / c.across
	if want == 1 || len(c.tiles) == 1 && units < threads {
		return 1
	}
	for parts := min(want, units) / threads * threads; parts > 0; parts -= threads {
		least, most := c.n*c.to.H, 0
		for i := range threads {
			from, _ := part(units, parts, parts*i/threads)
			end, _ := part(units, parts, parts*(i+1)/threads)
			rows := 0
			for u := from; u < end; u++ {
				rows += c.tiles[u*c.across%len(c.tiles)].rows
			}
			least, most = min(least, rows), max(most, rows)
		}
		if 8*most <= 9*least {
			return parts
		}
	}
	return 0
}

func (c *stripConv) bound() ir.Bound {
	b := ir.Bound{
		Run: c.run, PackedBytes: int64(c.form.bytes()*max(1, c.stored()) + 4*(len(c.ptr)*len(c.ptr[0])+len(c.bias))),
		MACsExecuted: int64(c.nonzero()) * int64(c.form.unit()*ir.Lanes*c.vectors()),
	}
	parts := c.tileParts * c.rowParts
	if c.form.copied {
		b.WorkspaceBytes = 4 * int64(c.perTile) * int64(len(c.tiles))
		for range c.n {
			b.Phases = append(b.Phases, c.copyParts, parts)
		}
	} else {
		b.Phases = []int{parts}
	}
	if c.edges != nil && !c.whole {
		b.Phases = append(b.Phases, partsFor(c.n*c.m, edgeCycles*float64(len(c.edges.list)*c.n*c.m)/3, c.p.Machine))
	}
	return b
}

// stored is the number of entries, without the entry that stands for none: of patterns, of words.
func (c *stripConv) stored() int {
	last := c.ptr[len(c.ptr)-1]
	return int(last[len(last)-1])
}

// nonzero is the number of weights that are multiplied, or of fours of them.
func (c *stripConv) nonzero() int {
	if c.form.pattern {
		return c.weights
	}
	return c.stored()
}

func (c *stripConv) run(call ir.Call) {
	phases := 1
	if c.form.copied {
		phases = 2 * c.n
	}
	if call.Phase == phases {
		parts := partsFor(c.n*c.m, edgeCycles*float64(len(c.edges.list)*c.n*c.m)/3, c.p.Machine)
		from, to := part(c.n*c.m, parts, call.Part)
		c.edges.fill(call.Out[0].F32(), from, to)
		return
	}
	image, images := 0, c.n
	if c.form.copied {
		image, images = call.Phase/2, 1
		if call.Phase%2 == 0 {
			from, to := part(c.c, c.copyParts, call.Part)
			c.copy(call.Workspace.F32(), call.In[0].F32()[image*c.in.Image:], from, to)
			return
		}
	}
	each := 1
	if c.whole {
		each = c.across
	}
	from, to := part(images*len(c.tiles)/each, c.tileParts, call.Part/c.rowParts)
	from, to = from*each, to*each
	m0, m1 := part(c.m/c.form.unit(), c.rowParts, call.Part%c.rowParts)
	for i := from; i < to; i++ {
		c.multiply(call, image+i/len(c.tiles), i%len(c.tiles), m0, m1)
	}
	if c.edges == nil || !c.whole {
		return
	}
	unit := c.form.unit()
	for from < to {
		image, first := from/len(c.tiles), from%len(c.tiles)
		next := min(to-from, len(c.tiles)-first)
		y0, y1 := 0, 0
		for i := range (first + next) / c.across {
			y1 += c.tiles[i*c.across].rows
			if i < first/c.across {
				y0 = y1
			}
		}
		c.edges.fillFrom(call.Out[0].F32(), image*c.m+m0*unit, image*c.m+m1*unit, y0, y1)
		from += next
	}
}

// multiply computes one tile of some output channels, or of fours of them.
func (c *stripConv) multiply(call ir.Call, image, i, m0, m1 int) {
	tile := &c.tiles[i]
	s := asm.Strip{
		InRow: c.inRow, Entries: &c.entries[0], OutRow: 4 * c.out.Row, OutStep: 4 * c.out.Block, ResRow: 4 * c.res.Row, ResStep: 4 * c.res.Block,
		Lo: c.lo, Hi: c.hi,
	}
	stride := c.win.SW
	if c.form.copied {
		s.In = &call.Workspace.F32()[i*c.perTile]
		if c.form.matrix {
			s.InRow, stride = 64*tile.cols, 1
		}
	} else {
		s.In = &call.In[0].F32()[image*c.in.Image+tile.in]
	}
	out := call.Out[0].F32()[image*c.out.Image+tile.out:]
	var res []float32
	if len(call.In) > 3 && call.In[3] != nil {
		res = call.In[3].F32()[image*c.res.Image+tile.res:]
	}
	unit, each := c.form.unit(), c.form.ptrs()
	most := asm.MaxMACs / (ir.Lanes * tile.rows * tile.cols * unit)
	for k, ptr := range c.ptr {
		s.Last = 0
		if k == len(c.ptr)-1 {
			s.Last = 1
		}
		for m := m0; m < m1; m += s.Rows {
			s.Rows = 1
			for m+s.Rows < m1 && int(ptr[(m+s.Rows+1)*each]-ptr[m*each])+4*s.Rows <= most {
				s.Rows++
			}
			s.Ptr, s.Out = &ptr[m*each], &out[m*unit*c.out.Block]
			s.Bias = nil
			if k == 0 {
				s.Bias = &c.bias[m*unit]
			}
			if res != nil {
				s.Res = &res[m*unit*c.res.Block]
			}
			c.call(&s, tile, stride)
		}
	}
	if c.act == nil {
		return
	}
	for m := m0 * unit; m < m1*unit; m++ {
		for y := range tile.rows {
			c.act(out[m*c.out.Block+y*c.out.Row:][:tile.cols*ir.Lanes])
		}
	}
}

func (c *stripConv) call(s *asm.Strip, tile *stripTile, stride int) {
	switch {
	case c.form.quads:
		callQuads(c.isa, s, tile, stride)
	case c.form.pattern:
		callPattern(c.isa, s, tile, stride)
	case stride >= stripWideStride:
		asm.StripGo(s, tile.rows, tile.cols, stride)
	case c.isa == asm.AVX512:
		asm.Strip512(s, tile.rows, tile.cols, stride)
	case c.isa == asm.AVX2:
		asm.Strip256(s, tile.rows, tile.cols, stride)
	default:
		asm.StripGo(s, tile.rows, tile.cols, stride)
	}
}

// copy builds channels from..to-1 of all tiles' parts of the im2col matrix, or of their packed inputs.
func (c *stripConv) copy(dst, src []float32, from, to int) {
	w := c.win
	for i := range c.tiles {
		tile := &c.tiles[i]
		for ch := from; ch < to; ch++ {
			in := src[tile.in+ch*c.in.Block:]
			if !c.form.matrix {
				out := dst[i*c.perTile+c.offset(ch, 0, 0)/4:]
				wide := ((c.cols-1)*w.SW + (w.KW-1)*w.DW + 1) * ir.Lanes
				n := ((tile.cols-1)*w.SW + (w.KW-1)*w.DW + 1) * ir.Lanes
				for y := range (tile.rows-1)*w.SH + (w.KH-1)*w.DH + 1 {
					copy(out[y*wide:][:n], in[y*c.in.Row:])
				}
				continue
			}
			for kh := range w.KH {
				for kw := range w.KW {
					out := dst[i*c.perTile+c.offset(ch, kh, kw)/4:]
					for y := range tile.rows {
						line := in[(y*w.SH+kh*w.DH)*c.in.Row+kw*w.DW*ir.Lanes:]
						if w.SW == 1 {
							copy(out[:tile.cols*ir.Lanes], line)
							out = out[tile.cols*ir.Lanes:]
							continue
						}
						for x := range tile.cols {
							*(*[ir.Lanes]float32)(out) = *(*[ir.Lanes]float32)(line[x*w.SW*ir.Lanes:])
							out = out[ir.Lanes:]
						}
					}
				}
			}
		}
	}
}
