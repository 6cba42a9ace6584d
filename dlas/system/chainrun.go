package system

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/godlas/godlas/dlas/ir"
)

// reach is the rows from..to-1 of a map that a stage reads for a strip, and how many more its windows cover above and
// below the map.
type reach struct{ from, to, above, below int }

// strip is a strip of one image: the shape it shares with others, and where it reads and writes the whole maps, in bytes
// from an image's beginning.
type strip struct {
	*variant
	in, res, out int
}

// variant is the stages bound for strips whose windows reach equally far over the map's edges.
type variant struct {
	bounds  []ir.Bound
	weights [][]ir.Memory // of each stage, by input; nil where they are packed
	borders []frame       // of the maps between
	at      []int         // where these are in the thread's scratch
}

// strips is a chain ready to run.
type strips struct {
	list                         []strip
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
	var b ir.Bound
	variants := map[string]*variant{}
	for y := 0; y < out[2]; y += c.rows {
		reaches := c.reaches(y)
		key := ""
		for _, e := range reaches {
			key += fmt.Sprintln(e.to-e.from, e.above, e.below)
		}
		v := variants[key]
		if v == nil {
			var err error
			if v, err = c.variant(p, reaches, r); err != nil {
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
		s := strip{variant: v, in: (p.InLayout[0].Border.Top + reaches[0].from - reaches[0].above) * inRow, out: (p.OutLayout[0].Border.Top + y) * outRow}
		if resRow > 0 {
			s.res = (p.InLayout[1].Border.Top + y) * resRow
		}
		r.list = append(r.list, s)
	}
	r.layOut(variants)
	b.Run, b.Phases, b.ScratchBytes = r.run, []int{r.images * len(r.list)}, int64(r.size)
	return b, nil
}

// reaches are what the stages read for the strip that begins at row y of the last map.
func (c *chain) reaches(y int) []reach {
	list := make([]reach, len(c.stages))
	from, to := y, y+c.rows
	for i, s := range slices.Backward(c.stages) {
		from, to = from*s.win.SH-s.win.Top, (to-1)*s.win.SH-s.win.Top+(s.win.KH-1)*s.win.DH+1
		e := reach{above: max(0, -from), below: max(0, to-s.problem.In[0][2])}
		e.from, e.to = from+e.above, to-e.below
		list[i] = e
		from, to = e.from, e.to
	}
	return list
}

// variant binds the stages to strips, as if these were small maps of their own whose borders hold the rows above and below.
func (c *chain) variant(p ir.Problem, reaches []reach, r *strips) (*variant, error) {
	problems := make([]ir.Problem, len(c.stages))
	for i, s := range c.stages {
		q := s.problem
		n := *q.Node
		n.Attrs = maps.Clone(n.Attrs)
		if n.Attrs == nil {
			n.Attrs = ir.Attrs{}
		}
		n.Attrs["pads"] = []int{reaches[i].above, s.win.Left, reaches[i].below, s.win.Right}
		q.Node, q.Machine.Threads = &n, 1
		rows := c.rows
		if i+1 < len(c.stages) {
			rows = reaches[i+1].to - reaches[i+1].from
		}
		q.Weights = slices.Clone(q.Weights)
		q.Weights[1] = c.scaled[i]
		q.In, q.Out = slices.Clone(q.In), []ir.Shape{{1, q.Out[0][1], rows, q.Out[0][3]}}
		q.In[0] = ir.Shape{1, q.In[0][1], reaches[i].to - reaches[i].from, q.In[0][3]}
		q.InLayout, q.OutLayout = make([]ir.Layout, len(q.In)), []ir.Layout{ir.Blocked}
		if s.residual() != nil {
			q.In[3], q.InLayout[3] = q.Out[0], window(p.InLayout[1], p.In[1], 0, rows)
		}
		q.InLayout[0] = ir.Blocked
		if i > 0 {
			in, _ := s.kernel.Layouts(q)
			q.InLayout[0], problems[i-1].OutLayout[0] = in[0], in[0]
		}
		problems[i] = q
	}
	problems[0].InLayout[0] = window(p.InLayout[0], p.In[0], reaches[0].above, problems[0].In[0][2])
	problems[len(problems)-1].OutLayout[0] = window(p.OutLayout[0], p.Out[0], 0, c.rows)
	v := &variant{}
	at := 0
	for i, s := range c.stages {
		q := problems[i]
		b, err := s.kernel.Bind(q, s.schedule)
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
		if i+1 < len(c.stages) {
			l, shape := q.OutLayout[0], q.Out[0]
			v.at = append(v.at, at)
			v.borders = append(v.borders, newFrame(l, shape, ir.F32, 0, at))
			at += aligned(4 * l.Elems(shape))
		}
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
	return &ir.Call{In: make([]ir.Memory, 0, 4), Out: make([]ir.Memory, 1)}
}

func (r *strips) give(c *ir.Call) {
	clear(c.In)
	clear(c.Out)
	r.mu.Lock()
	r.idle = append(r.idle, c)
	r.mu.Unlock()
}

// run does one strip of one image.
func (r *strips) run(call ir.Call) {
	image, s := call.Part/len(r.list), &r.list[call.Part%len(r.list)]
	for i := range s.borders {
		s.borders[i].paint(call.Scratch)
	}
	c := r.call()
	defer r.give(c)
	c.Thread, c.Scratch, c.Workspace = call.Thread, call.Scratch[r.scratchAt:r.workspaceAt], call.Scratch[r.workspaceAt:]
	for i := range s.bounds {
		b := &s.bounds[i]
		c.In = append(c.In[:0], s.weights[i]...)
		if i == 0 {
			c.In[0] = call.In[0][image*r.inImage+s.in:]
		} else {
			c.In[0] = call.Scratch[s.at[i-1]:]
		}
		if i+1 < len(s.bounds) {
			c.Out[0] = call.Scratch[s.at[i]:]
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
