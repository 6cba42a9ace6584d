package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
	"github.com/godlas/godlas/dlas/primitive/internal/mem"
)

// byteConv is a quantised convolution bound to its tiles. It reads maps in blocks of 16 channels; those of up to 4 channels
// (the first layer) it takes plain, as floats too, and writes them into its workspace as pixels of 4 bytes first.
type byteConv struct {
	level     byteLevel
	algorithm string
	schedule  ir.Schedule
	win       op.Window
	in        ir.Shape
	out       ir.Shape
	typ       ir.Type // of the input
	stem      bool
	groups    int // of 4 input channels a tap
	passes    int
	picks     bool    // groups of weights that are zero are left out
	places    []int32 // where the input has the others

	row, block, image, origin int // of what the tiles read, in bytes; origin is where the first window begins
	pixel                     int // bytes from one output pixel's window to the next
	lineStep                  int // and from one line's to the next, of what the tiles read
	outAt, resAt              ir.Strides
	tiles                     []byteStrip
	weights                   ir.Memory
	bias                      []int32
	scale                     []float32
	proto                     asm.ByteTile
	table                     *[256]uint8
	point                     []float64 // of sums in fixed point, by block of output channels

	vectors    int  // blocks of output channels of a tile at most
	flat       bool // the map is one row of pixels
	lines      []byteLine
	pieces     []bytePiece
	blockLines int

	// Of gemm and spatialpack, whose tiles read a copy.
	copyAt, copyBytes int // where in the workspace it is
	copyParts         int
	pieceBytes        int
	runs              []int // where the bytes under a window are, from its first on, in runs of so many side by side
	runBytes          int

	// The first phase of a stem.
	quantize    asm.ByteRun
	border      ir.Border
	zero        byte
	stemParts   int
	lineParts   int
	tileParts   int
	convPhase   int
	signedBytes int
}

// byteStrip is one or two blocks of 16 output channels: the first, how many, and the input blocks that they read.
type byteStrip struct {
	first, vectors int
	from, blocks   int
	weights        int // where theirs begin
	places, deep   int // of the groups of weights that are not left out
}

// byteLine is one row of output pixels, or two.
type byteLine struct{ y, rows int }

// bytePiece is a part of a line that one tile computes, and how far behind the line's beginning the tile reads.
type bytePiece struct{ x, pixels, in int }

func byteConvKernel(l byteLevel, algorithm, format string) ir.Kernel {
	picks := format == BSR
	k := ir.Kernel{
		Name: "conv_i8_" + algorithm + "_" + format + "__" + l.isa,
		Op:   "QLinearConv", Algorithm: algorithm, Format: format, Type: ir.I8, ISA: l.isa, Exact: ir.ExactInt,
		Fits: func(p ir.Problem) error {
			if picks && isFixed(p) {
				return notFixed(p)
			}
			if err := byteConvFits(p); err != nil || algorithm == Direct {
				return err
			}
			return byteCopyFits(p)
		},
		Cost: func(p ir.Problem) float64 {
			if picks {
				return bytePickCost(p, l) + byteCopyCost(p, algorithm)
			}
			return byteConvCost(p, l) + byteCopyCost(p, algorithm)
		},
		Layouts: byteConvLayouts,
		Bind: func(p ir.Problem, s ir.Schedule) (ir.Bound, error) {
			return bindByteConv(p, byteSchedule(s), l, algorithm, picks)
		},
		Schedules: func(p ir.Problem) []ir.Schedule { return byteConvSchedules(p, l) },
	}
	if picks {
		k.Worth = worthPicks
	}
	return k
}

// byteConvFits is the part of Fits that the rows share, found out once.
func byteConvFits(p ir.Problem) error {
	type fits struct{}
	return ir.Find(p.Known, fits{}, func() unfit { return unfit{byteConvFit(p)} }).why
}

// unfit is why a node cannot be run; nil: it can.
type unfit struct{ why error }

func byteConvFit(p ir.Problem) error {
	if err := constant(op.QConvW, op.QConvWScale, op.QConvWZero, op.QConvBias, op.QConvTable)(p); err != nil {
		return err
	}
	if isFixed(p) && len(p.Node.In) > op.QConvRes && p.Node.In[op.QConvRes] != "" {
		return fmt.Errorf("it adds a residual to sums in fixed point")
	}
	if isXNNPACK(p.Node) && len(p.Node.In) > op.QConvRes && p.Node.In[op.QConvRes] != "" && len(p.Node.Attrs.Floats("sum_floats")) != 3 {
		return fmt.Errorf("it adds a residual in whole numbers, and factors in float32 for them are not known")
	}
	if err := scalars(p, op.QConvXScale, op.QConvXZero, op.QConvYScale, op.QConvYZero, op.QConvResScale, op.QConvResZero, op.QConvSumScale, op.QConvSumZero); err != nil {
		return err
	}
	if p.Weights[0] != nil {
		return fmt.Errorf("its input is constant")
	}
	if p.TypeIn(0) == ir.F32 && !isStem(p) {
		return fmt.Errorf("it takes floats for up to 4 channels only")
	}
	w, zeros := p.Weights[op.QConvW], p.Weights[op.QConvWZero]
	m := p.Out[0][1]
	each := w.Shape.Elems() / m
	sx, sy, scales := scale32(p, op.QConvXScale), scale32(p, op.QConvYScale), p.Weights[op.QConvWScale]
	fits := func(c int, most int64) bool {
		if b := biasAt(p, c); b != 0 {
			most += max(int64(b), -int64(b))
		}
		return fitsInt(2*most, requantScale(sx, perChannel(scales, c), sy))
	}
	var passes [][]int8
	for c := range m {
		// What the weights of a channel come to at most needs no look at them, and mostly fits.
		if fits(c, 255*255*int64(each)) {
			continue
		}
		if passes == nil {
			passes = signedWeights(w, zeros, m)
		}
		most := int64(0)
		for _, pass := range passes {
			for _, v := range pass[c*each : (c+1)*each] {
				most += 255 * max(int64(v), -int64(v))
			}
		}
		if !fits(c, most) {
			return fmt.Errorf("the scale of channel %d is too large", c)
		}
	}
	return nil
}

func biasAt(p ir.Problem, c int) int32 {
	if len(p.Weights) <= op.QConvBias || p.Weights[op.QConvBias] == nil {
		return 0
	}
	return p.Weights[op.QConvBias].Data.([]int32)[c]
}

// isStem reports whether a convolution's input has so few channels that they are packed 4 a pixel.
func isStem(p ir.Problem) bool {
	return p.In[0][1] <= 4 && p.Node.Attrs.Int("group", 1) == 1
}

func byteConvCost(p ir.Problem, l byteLevel) float64 {
	w := p.In[op.QConvW]
	depth := ceilDiv(w[1], 16) * 16
	if isStem(p) {
		depth = 4
	}
	if g := p.Node.Attrs.Int("group", 1); g > 1 {
		depth = 16 * ceilDiv(w[1]*16, max(1, min(16, p.Out[0][1]/g))*16)
	}
	return float64(p.Out[0].Elems()) * float64(depth*w[2]*w[3]) / l.rate
}

// windowBorder is the border that windows over a map reach into; extra is the number of pixels read past the last.
func windowBorder(v op.Window, in, out ir.Shape, extra int) ir.Border {
	return ir.Border{
		Top: v.Top, Left: v.Left,
		Bottom: max(0, (out[2]-1)*v.SH+(v.KH-1)*v.DH+1-v.Top-in[2]),
		Right:  max(0, (out[3]-1)*v.SW+(v.KW-1)*v.DW+1+extra-v.Left-in[3]),
	}
}

func byteConvLayouts(p ir.Problem) (in, out []ir.Layout) {
	v, _ := op.WindowOf(p.Node, p.In[op.QConvW][2], p.In[op.QConvW][3])
	in = make([]ir.Layout, len(p.In))
	if !isStem(p) {
		in[0] = ir.Layout{Block: ir.Lanes, Border: windowBorder(v, p.In[0], p.Out[0], 0)}
	}
	if len(in) > op.QConvRes {
		in[op.QConvRes] = ir.Blocked
	}
	return in, []ir.Layout{ir.Blocked}
}

func bindByteConv(p ir.Problem, s ir.Schedule, l byteLevel, algorithm string, picks bool) (ir.Bound, error) {
	v, err := op.WindowOf(p.Node, p.In[op.QConvW][2], p.In[op.QConvW][3])
	if err != nil {
		return ir.Bound{}, err
	}
	c := &byteConv{level: l, algorithm: algorithm, schedule: s, win: v, in: p.In[0], out: p.Out[0], typ: p.TypeIn(0), stem: isStem(p), groups: 4, picks: picks}
	bound := ir.Bound{Run: c.run}
	c.border = windowBorder(v, c.in, c.out, 0)
	c.zero = byte(int(number(p, op.QConvXZero)))
	if c.typ == ir.I8 {
		c.zero ^= 0x80
	}
	switch {
	case c.stem:
		c.groups = 1
		c.row = 4 * (c.border.Left + c.in[3] + c.border.Right)
		c.block = c.row * (c.border.Top + c.in[2] + c.border.Bottom)
		c.image = c.block
		bound.WorkspaceBytes = int64(c.image * c.in[0])
		c.stemParts = chunksFor(c.in[0]*(c.image/c.row), c.row, p.Machine)
		bound.Phases = append(bound.Phases, c.stemParts)
		zero := float32(int(c.zero))
		c.quantize = asm.ByteRun{
			ARow: 4 * c.in[2] * c.in[3], BRow: c.in[1], Tail: c.in[3], Rows: 1,
			AScale: scale32(p, op.QConvXScale), AZero: -zero, BZero: 255 - zero, Zero: int32(c.zero),
		}
		c.convPhase = 1
	default:
		lay := p.LayoutIn(0)
		at := lay.StridesOf(c.in)
		c.row, c.block, c.image = at.Row, at.Block, at.Image
		c.origin = at.Origin - v.Top*at.Row - v.Left*ir.Lanes
		if c.typ == ir.I8 {
			c.signedBytes = lay.Elems(c.in)
			bound.WorkspaceBytes = int64(c.signedBytes)
			c.stemParts = chunksFor(ceilDiv(c.signedBytes, 1<<14), 1<<14, p.Machine)
			bound.Phases = append(bound.Phases, c.stemParts)
			c.convPhase = 1
		}
	}
	c.pixel, c.lineStep = c.unit()*v.SW, c.row*v.SH
	c.outAt = p.LayoutOut(0).StridesOf(c.out)
	c.shape(p)
	if c.copied() {
		c.copies(p.Machine)
		c.copyAt = ceilDiv(int(bound.WorkspaceBytes), 64) * 64
		bound.WorkspaceBytes = int64(c.copyAt + c.copyBytes)
	}
	bound.MACsExecuted = c.pack(p) * int64(c.out[2]*c.out[3])
	c.share(p.Machine)
	if c.copied() {
		for range c.out[0] {
			bound.Phases = append(bound.Phases, c.copyParts, c.lineParts*c.tileParts)
		}
	} else {
		bound.Phases = append(bound.Phases, c.out[0]*c.lineParts*c.tileParts)
	}
	bound.PackedBytes = int64(len(c.weights) + 8*len(c.bias) + 8*len(c.point))
	if c.point != nil {
		bound.ScratchBytes = fixedScratch
	}
	return bound, nil
}

// shape cuts the map into lines and pieces, and fills what all tiles have in common.
func (c *byteConv) shape(p ir.Problem) {
	v, n := c.win, p.Node
	oh, ow := c.out[2], c.out[3]
	var resBorder ir.Border
	t := &c.proto
	t.Passes, t.KH, t.KW = 1, v.KH, v.KW
	t.RowStep, t.TapStep, t.BlockStep = c.row*v.DH, 4*c.groups*v.DW, c.block
	t.Pixel, t.OutStep = c.pixel, c.outAt.Block
	t.Zero = int32(number(p, op.QConvYZero))
	t.Lo, t.Hi = clampBytes(n, p.TypeOut(0))
	c.table = tableOf(p, op.QConvTable)
	if p.TypeOut(0) == ir.I8 {
		t.Zero += 128
		c.table = flipTable()
	}
	if c.hasRes(p) {
		resBorder = p.LayoutIn(op.QConvRes).Border
		c.resAt = p.LayoutIn(op.QConvRes).StridesOf(c.out)
		t.ResStep = c.resAt.Block
		byteResidual(t, p)
	}
	t.Table = c.table
	bare := ir.Border{}
	c.flat = !c.stem && v.KH*v.KW == 1 && v.SH*v.SW == 1 && p.LayoutIn(0).Border == bare && p.LayoutOut(0).Border == bare && resBorder == bare && v.Top+v.Left+v.Bottom+v.Right == 0
	if c.flat {
		oh, ow = 1, oh*ow
	}
	depth := ceilDiv(p.In[op.QConvW][1], 16) * 16 * v.KH * v.KW
	if c.stem {
		depth = 4 * v.KH * v.KW
	}
	if p.Node.Attrs.Int("group", 1) > 1 {
		depth += 16 * v.KH * v.KW // a tile may read the channels of more than one group
	}
	var pixels int
	pixels, c.vectors = c.level.tileOf(tile(c.schedule, tilePixels), tile(c.schedule, tileBlocks), depth)
	rows := 1
	if c.level.halves && 2*ow <= pixels {
		rows = 2
	}
	for y := 0; y < oh; y += rows {
		c.lines = append(c.lines, byteLine{y, min(rows, oh-y)})
	}
	count := ceilDiv(ow, pixels)
	for i := range count {
		from, to := part(ow, count, i)
		c.pieces = append(c.pieces, bytePiece{from, to - from, from * c.pixel})
	}
}

// byteResidual fills in what a tile needs for its residual; the tile's own zero point is in Zero.
func byteResidual(t *asm.ByteTile, p ir.Problem) {
	first := p.Node.Attrs.Int("res_first", 0) != 0
	if f := p.Node.Attrs.Floats("sum_floats"); isXNNPACK(p.Node) && len(f) == 3 {
		t.ResidualBy(float32(f[0]), float32(f[1]), float32(f[2]), float32(t.Zero), first)
		return
	}
	t.Residual(scale32(p, op.QConvYScale), float32(t.Zero), scale32(p, op.QConvResScale), scale32(p, op.QConvResZero),
		scale32(p, op.QConvSumScale), scale32(p, op.QConvSumZero), first)
}

func (c *byteConv) hasRes(p ir.Problem) bool {
	return len(p.Node.In) > op.QConvRes && p.Node.In[op.QConvRes] != ""
}

// pack lays the weights out by tile and corrects the bias by the input's zero point. It returns the multiply-accumulates
// of a pixel.
func (c *byteConv) pack(p ir.Problem) int64 {
	w := p.Weights[op.QConvW]
	m, cg := c.out[1], w.Shape[1]
	group := p.Node.Attrs.Int("group", 1)
	mg := m / group
	passes := signedWeights(w, p.Weights[op.QConvWZero], m)
	c.passes = len(passes)
	c.proto.Passes = c.passes
	blocks := ceilDiv(m, ir.Lanes)
	c.bias, c.scale = mem.Alloc(4*16*blocks).I32(), mem.F32(16*blocks)
	zero := int32(c.zero)
	each := cg * c.win.KH * c.win.KW
	sx, sy, scales := scale32(p, op.QConvXScale), scale32(p, op.QConvYScale), p.Weights[op.QConvWScale]
	for o := range m {
		sum := int32(0)
		for _, pass := range passes {
			sum += sumBytes(pass[o*each : (o+1)*each])
		}
		c.bias[o] = biasAt(p, o) - zero*sum
		c.scale[o] = requantScale(sx, perChannel(scales, o), sy)
	}
	if isFixed(p) {
		c.point = fixedPoints(m, func(o int) op.Fixed {
			return op.FixedProduct(p.Node, scale32(p, op.QConvXScale), perChannel(p.Weights[op.QConvWScale], o), scale32(p, op.QConvYScale))
		})
	}
	if c.picks {
		return c.packPicks(passes, m, mg, cg)
	}
	step := c.vectors
	if group > 1 && mg%(16*step) != 0 {
		step = 1
	}
	size := 0
	taps := c.win.KH * c.win.KW
	for b := 0; b < blocks; b += step {
		s := byteStrip{first: b, vectors: min(step, blocks-b), blocks: 1, weights: size}
		if !c.stem {
			from, to := b*16/mg*cg, (min(m, (b+s.vectors)*16)-1)/mg*cg+cg
			s.from, s.blocks = from/16, ceilDiv(to, 16)-from/16
		}
		size += c.passes * s.blocks * taps * c.groups * s.vectors * 64
		c.tiles = append(c.tiles, s)
	}
	c.weights = mem.Alloc(size)
	for _, s := range c.tiles {
		to := c.weights[s.weights:]
		for _, pass := range passes {
			for b := range s.blocks {
				c.packStrip(to, s, pass, (s.from+b)*16, m, mg, cg, taps)
				to = to[taps*c.groups*s.vectors*64:]
			}
		}
	}
	c.weights = c.level.packed(c.weights)
	return int64(size)
}

func (c *byteConv) run(call ir.Call) {
	if c.convPhase == 1 && call.Phase == 0 {
		c.prepare(call)
		return
	}
	in := call.In[0]
	if c.convPhase == 1 {
		in = call.Workspace
	}
	i := call.Part
	n := i / (c.lineParts * c.tileParts)
	if c.copied() {
		n = (call.Phase - c.convPhase) / 2
	}
	base := in[n*c.image+c.origin:]
	if c.copied() {
		to := call.Workspace[c.copyAt:]
		if (call.Phase-c.convPhase)%2 == 0 {
			c.copy(to, base, i)
			return
		}
		base = to
	}
	tile0, tile1 := part(len(c.tiles), c.tileParts, i%c.tileParts)
	linePart := i / c.tileParts % c.lineParts
	line0, line1 := part(len(c.lines), c.lineParts, linePart)
	pieces := c.pieces
	if c.flat {
		from, to := part(len(c.pieces), c.lineParts, linePart)
		line0, line1, pieces = 0, 1, c.pieces[from:to]
	}
	t := c.proto
	var res ir.Memory
	if len(call.In) > op.QConvRes {
		res = call.In[op.QConvRes]
	}
	outImage := call.Out[0][n*c.outAt.Image+c.outAt.Origin:]
	if res != nil {
		res = res[n*c.resAt.Image+c.resAt.Origin:]
	}
	weights := c.weights.I8()
	for block := line0; block < line1; block += c.blockLines {
		for _, s := range c.tiles[tile0:tile1] {
			t.W = &weights[c.level.place(s.weights)]
			if c.picks {
				t.Off, t.Depth = &c.places[s.places], s.deep
			}
			t.Bias, t.Scale, t.Blocks = &c.bias[16*s.first], &c.scale[16*s.first], s.blocks
			for _, l := range c.lines[block:min(block+c.blockLines, line1)] {
				inRow := s.from*c.block + l.y*c.lineStep
				outRow := s.first*c.outAt.Block + l.y*c.outAt.Row
				resRow := s.first*c.resAt.Block + l.y*c.resAt.Row
				for _, q := range pieces {
					pixels, half := q.pixels, asm.HalfTile
					if l.rows == 2 {
						pixels, half = 2*q.pixels, q.pixels
						t.In2, t.Out2, t.Res2 = c.lineStep, c.outAt.Row, c.resAt.Row
					} else {
						t.In2, t.Out2, t.Res2 = half*t.Pixel, half*ir.Lanes, half*ir.Lanes
					}
					t.In = &base[inRow+q.in]
					t.Out = &outImage[outRow+q.x*ir.Lanes]
					if res != nil {
						t.Res = &res[resRow+q.x*ir.Lanes]
					}
					switch {
					case c.picks:
						c.level.pick(&t, pixels, half, s.vectors)
					case c.point != nil:
						c.level.fixedTile(&t, pixels, half, s.vectors, c.groups, c.point[48*s.first:], call.Scratch)
					default:
						c.level.tile(&t, pixels, half, s.vectors, c.groups)
					}
				}
			}
		}
	}
}
