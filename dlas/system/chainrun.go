package system

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/godlas/godlas/dlas/ir"
)

// reach is the rows from..to-1 that a stage makes for a strip, and those of its input that it reads for them: in..end-1, and
// how many more its windows cover above and below the map.
type reach struct{ from, to, in, end, above, below int }

// strip is a strip of one image: the shape it shares with others, and where it reads and writes the whole maps, in bytes
// from an image's beginning.
type strip struct {
	*variant
	in, res, out int
}

// variant is the stages bound for strips that make and keep equally many rows.
type variant struct {
	bounds  []ir.Bound
	weights [][]ir.Memory // of each stage, by input; nil where they are packed
	between []between     // the maps between
}

// between is a map between two stages, as it lies in the thread's scratch. Its layout is the same in all strips.
type between struct {
	at            int
	planes, plane int      // bytes
	border        frame    // of a strip that begins
	from, to, n   int      // bytes of a plane that the strip before has made: they are moved, and need not be made again
	zero          [][2]int // of a plane, in a strip that goes on
}

// strips is a chain ready to run.
type strips struct {
	list                         []strip // of one image
	parts                        int     // of one image
	images                       int
	inImage, resImage, outImage  int // bytes from one image to the next
	scratchAt, workspaceAt, size int // of the stages, in the thread's scratch

	mu   sync.Mutex
	idle []*ir.Call
}

// whole is a value's rows in memory: bytes of one and of an image, and the number of them with the border.
func whole(l ir.Layout, s ir.Shape) (row, image, height int) {
	st := l.StridesOf(s)
	return 4 * st.Row, 4 * st.Image, l.Border.Top + s[2] + l.Border.Bottom
}

// bind is the Bind of a chain's kernel.
func (c *chain) bind(p ir.Problem, _ ir.Schedule) (ir.Bound, error) {
	out := p.Out[0]
	r := &strips{images: out[0]}
	for range 2 * runtime.GOMAXPROCS(0) { // the crew of one run and all others, whichever thread comes first
		r.idle = append(r.idle, newStripCall())
	}
	inRow, inImage, _ := whole(p.InLayout[0], p.In[0])
	outRow, outImage, _ := whole(p.OutLayout[0], out)
	r.inImage, r.outImage = inImage, outImage
	resRow := 0
	if c.last().residual() != nil {
		resRow, r.resImage, _ = whole(p.InLayout[1], out)
	}
	c.scaled = nil
	for _, s := range c.stages {
		w := s.problem.Weights[1]
		if f, ok := c.scales[s.node.In[1]]; ok {
			w = ir.NewF32(f.apply(make([]float32, w.Shape.Elems()), w), w.Shape...)
		}
		c.scaled = append(c.scaled, w)
	}
	defer func() { c.scaled = nil }()
	n := out[2] / c.rows
	r.parts = c.parts(n)
	begins := map[int]bool{0: true}
	for i := range r.parts {
		begins[n*i/r.parts] = c.threads > 1 || i == 0
	}
	spans := make([][]reach, n)
	heights := make([]int, len(c.stages))
	for i := range spans {
		y := i * c.rows
		if !begins[i] {
			spans[i] = c.spans(y, spans[i-1])
		}
		if spans[i] == nil {
			begins[i] = true
			spans[i] = c.spans(y, nil)
		}
		for j, e := range spans[i] {
			heights[j] = max(heights[j], e.above+e.end-e.in+e.below)
		}
	}
	var b ir.Bound
	variants := map[string]*variant{}
	for i, list := range spans {
		y := i * c.rows
		var before []reach
		if !begins[i] {
			before = spans[i-1]
		}
		key := ""
		for j, e := range list {
			kept := -1
			if before != nil && j > 0 {
				kept = before[j].above - before[j].in + e.in
			}
			key += fmt.Sprintln(e.to-e.from, e.end-e.in, e.above, e.below, kept)
		}
		v := variants[key]
		if v == nil {
			var err error
			if v, err = c.variant(p, list, before, heights, r); err != nil {
				return b, err
			}
			variants[key] = v
			for _, s := range v.bounds {
				b.PackedBytes += s.PackedBytes
			}
		}
		for _, s := range v.bounds {
			b.MACsExecuted += s.MACsExecuted
		}
		s := strip{variant: v, in: (p.InLayout[0].Border.Top + list[0].in - list[0].above) * inRow, out: (p.OutLayout[0].Border.Top + y) * outRow}
		if resRow > 0 {
			s.res = (p.InLayout[1].Border.Top + y) * resRow
		}
		r.list = append(r.list, s)
	}
	r.layOut(variants)
	b.Run, b.Phases, b.ScratchBytes = r.run, []int{r.images * r.parts}, int64(r.size)
	return b, nil
}

// Rules of a chain's parts.
const (
	partsOfThread = 2
	longestPart   = 32 << 20 // multiply-adds with vectors: some tenths of a millisecond
)

// parts is in how many parts n strips of an image are run. One thread takes parts in their order, so each goes on where the
// one before ended. Of several, each makes a few rows of its own first, so they shall have many strips.
func (c *chain) parts(n int) int {
	if isa := c.last().kernel.ISA; c.threads == 1 || !strings.HasPrefix(isa, "avx") {
		return n
	}
	macs := 0
	for _, s := range c.stages {
		w := s.problem.In[1]
		macs += s.problem.Out[0][1:].Elems() * w[1] * w[2] * w[3]
	}
	return min(n, max(partsOfThread*c.threads, macs/longestPart))
}

// spans are what the stages make and read for the strip that begins at row y of the last map, where before, if not nil, is
// what the strip before has left; nil: a stage would have nothing to make.
func (c *chain) spans(y int, before []reach) []reach {
	list := make([]reach, len(c.stages))
	from, to := y, y+c.rows
	for i, s := range slices.Backward(c.stages) {
		if from >= to {
			return nil
		}
		e := reach{from: from, to: to, in: from*s.win.SH - s.win.Top, end: (to-1)*s.win.SH - s.win.Top + (s.win.KH-1)*s.win.DH + 1}
		e.above, e.below = max(0, -e.in), max(0, e.end-s.problem.In[0][2])
		e.in, e.end = e.in+e.above, e.end-e.below
		list[i] = e
		from, to = e.in, e.end
		if before != nil && i > 0 {
			from = max(from, before[i-1].to)
		}
	}
	return list
}

// variant binds the stages to strips, as if these were small maps of their own whose borders hold the rows above and below.
func (c *chain) variant(p ir.Problem, list, before []reach, heights []int, r *strips) (*variant, error) {
	problems := make([]ir.Problem, len(c.stages))
	v := &variant{}
	at := 0
	for i, s := range c.stages {
		e := list[i]
		q := s.problem
		n := *q.Node
		n.Attrs = maps.Clone(n.Attrs)
		if n.Attrs == nil {
			n.Attrs = ir.Attrs{}
		}
		n.Attrs["pads"] = []int{e.above, s.win.Left, e.below, s.win.Right}
		q.Node, q.Machine.Threads = &n, 1
		q.Weights = slices.Clone(q.Weights)
		q.Weights[1] = c.scaled[i]
		q.In, q.Out = slices.Clone(q.In), []ir.Shape{{1, q.Out[0][1], e.to - e.from, q.Out[0][3]}}
		q.In[0] = ir.Shape{1, q.In[0][1], e.end - e.in, q.In[0][3]}
		q.InLayout, q.OutLayout = make([]ir.Layout, len(q.In)), []ir.Layout{ir.Blocked}
		if s.residual() != nil {
			q.In[3], q.InLayout[3] = q.Out[0], window(p.InLayout[1], p.In[1], 0, e.to-e.from)
		}
		q.InLayout[0] = ir.Blocked
		if i > 0 {
			in, _ := s.kernel.Layouts(q)
			l := in[0]
			l.Border.Top, l.Border.Bottom = e.above, heights[i]-e.above-(e.end-e.in)
			q.InLayout[0] = l
			m := between{at: at, planes: ir.Blocks(q.In[0]), border: newFrame(l, q.In[0], ir.F32, 0, at)}
			row, plane, _ := whole(l, ir.Shape{1, ir.Lanes, q.In[0][2], q.In[0][3]})
			m.plane = plane
			if before != nil {
				b := before[i]
				m.from, m.to = (b.above+e.in-b.in)*row, e.above*row
				m.n = (list[i-1].from - e.in) * row
				m.zero = [][2]int{{0, e.above * row}, {(e.above + e.end - e.in) * row, (e.above + e.end - e.in + e.below) * row}}
			}
			v.between = append(v.between, m)
			at += aligned(m.planes * plane)
			// The stage before writes the rows that are not there yet.
			o := l
			o.Border.Top += list[i-1].from - e.in
			problems[i-1].OutLayout[0] = o
		}
		problems[i] = q
	}
	problems[0].InLayout[0] = window(p.InLayout[0], p.In[0], list[0].above, problems[0].In[0][2])
	problems[len(problems)-1].OutLayout[0] = window(p.OutLayout[0], p.Out[0], 0, c.rows)
	for i, s := range c.stages {
		q := problems[i]
		k := s.kernel
		if s.rest.Bind != nil && k.Fits(q) != nil {
			k = s.rest
		}
		b, err := k.Bind(q, s.schedule)
		if err != nil {
			return nil, err
		}
		v.bounds = append(v.bounds, b)
		c.unpacked = c.unpacked || b.Unpacked
		weights := make([]ir.Memory, len(q.In))
		for j, w := range q.Weights {
			if w != nil && b.Unpacked {
				weights[j] = w.Memory()
			}
		}
		v.weights = append(v.weights, weights)
	}
	r.scratchAt = max(r.scratchAt, at)
	return v, nil
}

// window is the layout of some rows of a whole map, of which as many above are read as border: memory from the first of
// these on is that of a map of so many rows, whose bottom border is whatever follows.
func window(l ir.Layout, s ir.Shape, above, rows int) ir.Layout {
	_, _, height := whole(l, s)
	l.Border.Top, l.Border.Bottom = above, height-above-rows
	return l
}

func aligned(bytes int) int { return (bytes + alignment - 1) / alignment * alignment }

// layOut divides the thread's scratch: the maps between, then what the stages want for themselves.
func (r *strips) layOut(variants map[string]*variant) {
	scratch, workspace := 0, 0
	for _, v := range variants {
		for _, b := range v.bounds {
			scratch, workspace = max(scratch, int(b.ScratchBytes)), max(workspace, int(b.WorkspaceBytes))
		}
	}
	r.workspaceAt = r.scratchAt + aligned(scratch)
	r.size = r.workspaceAt + aligned(workspace)
}

// call takes a call to fill in; give gives it back.
func (r *strips) call() *ir.Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.idle); n > 0 {
		c := r.idle[n-1]
		r.idle = r.idle[:n-1]
		return c
	}
	return newStripCall()
}

func newStripCall() *ir.Call {
	return &ir.Call{In: make([]ir.Memory, 0, 4), Out: make([]ir.Memory, 1)}
}

func (r *strips) give(c *ir.Call) {
	clear(c.In)
	clear(c.Out)
	r.mu.Lock()
	r.idle = append(r.idle, c)
	r.mu.Unlock()
}

// begin makes the maps between ready for a strip: their borders, and the rows that the strip before has made.
func (v *variant) begin(scratch ir.Memory) {
	for i := range v.between {
		m := &v.between[i]
		if m.zero == nil {
			m.border.paint(scratch)
			continue
		}
		for p := range m.planes {
			plane := scratch[m.at+p*m.plane:][:m.plane]
			copy(plane[m.to:m.to+m.n], plane[m.from:])
			for _, z := range m.zero {
				clear(plane[z[0]:z[1]])
			}
		}
	}
}

// run does one part: some strips of one image.
func (r *strips) run(call ir.Call) {
	image, part := call.Part/r.parts, call.Part%r.parts
	c := r.call()
	defer r.give(c)
	c.Thread, c.Scratch, c.Workspace = call.Thread, call.Scratch[r.scratchAt:r.workspaceAt], call.Scratch[r.workspaceAt:]
	n := len(r.list)
	for i := n * part / r.parts; i < n*(part+1)/r.parts; i++ {
		r.one(&call, c, image, &r.list[i])
	}
}

// one does one strip.
func (r *strips) one(call, c *ir.Call, image int, s *strip) {
	s.begin(call.Scratch)
	for i := range s.bounds {
		b := &s.bounds[i]
		c.In = append(c.In[:0], s.weights[i]...)
		if i == 0 {
			c.In[0] = call.In[0][image*r.inImage+s.in:]
		} else {
			c.In[0] = call.Scratch[s.between[i-1].at:]
		}
		if i+1 < len(s.bounds) {
			c.Out[0] = call.Scratch[s.between[i].at:]
		} else {
			c.Out[0] = call.Out[0][image*r.outImage+s.out:]
			if len(call.In) > 1 {
				c.In[3] = call.In[1][image*r.resImage+s.res:]
			}
		}
		for phase, parts := range b.Phases {
			c.Phase = phase
			for part := range parts {
				c.Part = part
				b.Run(*c)
			}
		}
	}
}
