package system

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// twin is a kernel that does what another does on plain values, in blocks of 16 channels: it asks for a border, panics
// where that is not zero, and overwrites lanes past the last channel with nonsense.
func twin(k ir.Kernel, border ir.Border) ir.Kernel {
	plain := k
	fits := func(s ir.Shape) bool { return len(s) == 4 }
	k.Name, k.ISA, k.Cost = "twin_"+k.Name, "go", nil
	if k.Op == "Add" {
		k.InPlace = []int{0, 1}
	}
	if k.Op == "Relu" || k.Op == "Clip" || k.Op == "BatchNormalization" {
		k.InPlace = []int{0}
	}
	if k.Op == "Conv" {
		k.InPlace = []int{3}
	}
	k.Layouts = func(p ir.Problem) (in, out []ir.Layout) {
		for i, s := range p.In {
			l := ir.Plain
			if fits(s) && p.Weights[i] == nil {
				l = ir.Blocked
				if i == 0 {
					l.Border = border
				}
			}
			in = append(in, l)
		}
		if fits(p.Out[0]) {
			return in, []ir.Layout{ir.Blocked}
		}
		return in, nil
	}
	k.Bind = func(p ir.Problem, s ir.Schedule) (ir.Bound, error) {
		q := p
		q.InLayout, q.OutLayout, q.Machine.Threads = make([]ir.Layout, len(p.In)), make([]ir.Layout, len(p.Out)), 1
		b, err := plain.Bind(q, s)
		if err != nil {
			return b, err
		}
		run, phases := b.Run, b.Phases
		b.Phases = []int{1}
		b.Run = func(call ir.Call) {
			c := ir.Call{Workspace: call.Workspace, Scratch: call.Scratch}
			for i, m := range call.In {
				if m != nil && p.InLayout[i].Block != 0 {
					m = gather(m.F32(), p.In[i], p.InLayout[i])
				}
				c.In = append(c.In, m)
			}
			out := ir.NewMemory(4 * p.Out[0].Elems())
			c.Out = []ir.Memory{out}
			for c.Phase = range phases {
				for c.Part = range phases[c.Phase] {
					run(c)
				}
			}
			if p.OutLayout[0].Block == 0 {
				copy(call.Out[0], out)
				return
			}
			scatter(call.Out[0].F32(), out.F32(), p.Out[0], p.OutLayout[0])
		}
		return b, nil
	}
	return k
}

// gather makes a blocked value plain, and panics where its border is not zero or a lane not finite.
func gather(x []float32, s ir.Shape, l ir.Layout) ir.Memory {
	m := ir.NewMemory(4 * s.Elems())
	each(s, l, func(at, plain int) {
		switch v := x[at]; {
		case plain == inBorder && v != 0:
			panic(fmt.Sprintf("the border of a value of %v in %+v holds %v", s, l, v))
		case plain == inLane && (math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)):
			panic("a lane past the last channel is not finite")
		case plain >= 0:
			m.F32()[plain] = v
		}
	})
	return m
}

func scatter(x, v []float32, s ir.Shape, l ir.Layout) {
	each(s, l, func(at, plain int) {
		switch {
		case plain >= 0:
			x[at] = v[plain]
		case plain == inLane:
			x[at] = 77
		}
	})
}

const inBorder, inLane = -1, -2

// each calls f for every element of a blocked value: its place, and its place in the plain value.
func each(s ir.Shape, l ir.Layout, f func(at, plain int)) {
	b := l.Border
	w, h := b.Left+s[3]+b.Right, b.Top+s[2]+b.Bottom
	for at := range l.Elems(s) {
		lane, pixel := at%ir.Lanes, at/ir.Lanes
		x, y, block := pixel%w-b.Left, pixel/w%h-b.Top, pixel/(w*h)
		n, c := block/ir.Blocks(s), block%ir.Blocks(s)*ir.Lanes+lane
		switch {
		case x < 0 || x >= s[3] || y < 0 || y >= s[2]:
			f(at, inBorder)
		case c >= s[1]:
			f(at, inLane)
		default:
			f(at, ((n*s[1]+c)*s[2]+y)*s[3]+x)
		}
	}
}

// twins is the table with blocked twins of some operators' plain rows in place of the rows.
func twins(ops ...string) []ir.Kernel {
	var ks []ir.Kernel
	for _, k := range primitive.Kernels() {
		switch {
		case !slices.Contains(ops, k.Op), k.Algorithm == "depthwise":
			ks = append(ks, k)
		case k.ISA == "go" && k.Op != "Conv" && k.Type == ir.F32, k.Op == "Conv" && k.Type == "": // of Conv its definition
			border := ir.Border{}
			if k.Op == "Conv" {
				border = ir.Border{Top: 1, Left: 2, Bottom: 1, Right: 1}
			}
			ks = append(ks, twin(k, border))
		}
	}
	return ks
}

// joinGraph strings together what the layout pass cares for: chains of concatenations, in-place sums, views of maps of
// one pixel, values that are wanted plain and in blocks.
func joinGraph(seed uint64) *ir.Graph {
	b := newBuilder(seed, 0, 16, 5, 6)
	type value struct {
		name string
		c    int
	}
	values := []value{{"x", 16}}
	pick := func() value {
		if b.r.IntN(3) > 0 {
			return values[len(values)-1]
		}
		return values[b.r.IntN(len(values))]
	}
	for range 4 + b.r.IntN(14) {
		v := pick()
		switch b.r.IntN(8) {
		case 0, 1:
			out := []int{16, 32, 48, 5}[b.r.IntN(4)]
			v = value{b.conv(v.name, v.c, out, 3, 1, 1), out}
		case 2, 3, 4:
			in, c := []string{v.name}, v.c
			for range 1 + b.r.IntN(3) {
				w := values[b.r.IntN(len(values))]
				in, c = append(in, w.name), c+w.c
			}
			v = value{b.node("Concat", ir.Attrs{"axis": 1}, in...), c}
		case 5:
			v.name = b.node("Relu", nil, v.name)
		case 6:
			w := pick()
			if w.c != v.c {
				w = v
			}
			v.name = b.node("Add", nil, v.name, w.name)
		case 7:
			v.name = b.node("MaxPool", ir.Attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}}, v.name)
		}
		values = append(values, v)
	}
	last := values[len(values)-1]
	if b.r.IntN(2) == 0 {
		x := b.node("GlobalAveragePool", nil, last.name)
		if b.r.IntN(2) == 0 {
			x = b.node("Concat", ir.Attrs{"axis": 1}, x, b.node("Relu", nil, x))
		}
		b.node("Flatten", nil, x)
	}
	if b.r.IntN(3) == 0 && b.Output() != last.name && last.name != "x" {
		b.Outputs = append(b.Outputs, last.name)
	}
	return b.Graph
}

// TestLayoutPass runs random graphs whose operators want their values in blocks, all of them or some, plainly or fused.
func TestLayoutPass(t *testing.T) {
	sets := [][]ir.Kernel{
		primitive.Kernels(), twins("Conv", "Relu", "Clip", "Add", "BatchNormalization"), twins("Conv"), twins("Conv", "Add"), twins("Relu", "Add"),
	}
	for seed := range uint64(60) {
		g := joinGraph(seed)
		if seed%4 == 3 {
			g = randomGraph(seed)
		}
		batch := 1 + int(seed%3)/2
		in := randomInput(seed, g, batch)
		for i, name := range g.Outputs {
			one := *g
			one.Outputs = []string{name}
			want := exact(t, &one, in)
			for _, ks := range sets {
				p, err := Compile(g, ks, machine(hardware.Probe().ISA, 2), Plan{Batch: batch})
				if err != nil {
					t.Fatal(err)
				}
				var out []ir.Memory
				for _, v := range p.Outputs() {
					out = append(out, ir.NewMemory(v.Shape.Elems()*4))
				}
				for range 2 {
					if err := p.RunAll(t.Context(), []ir.Memory{ir.MemoryOf(narrow(in.Data))}, out); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					if d := exactness.Distance(out[i].F32(), want); !(d <= 1e-4) {
						t.Fatalf("seed %d: output %d differs by %g", seed, i, d)
					}
					for i := range p.idle[0].arena { // what a run leaves behind means nothing
						p.idle[0].arena[i] = 0xff
					}
				}
			}
		}
	}
}

// TestJoinsNeedNoCopy holds that a dense block's concatenations and a residual sum cost no memory and no step.
func TestJoinsNeedNoCopy(t *testing.T) {
	b := newBuilder(1, 0, 16, 6, 6)
	values := []string{b.conv("x", 16, 32, 3, 1, 1)}
	for range 4 {
		x := values[0]
		c := 32 + 16*(len(values)-1)
		if len(values) > 1 {
			x = b.node("Concat", ir.Attrs{"axis": 1}, values...)
		}
		x = b.node("Relu", nil, b.norm(x, c))
		values = append(values, b.conv(x, c, 16, 3, 1, 1))
	}
	x := b.node("Concat", ir.Attrs{"axis": 1}, values...)
	b.node("Add", nil, b.conv(x, 96, 96, 1, 1, 1), x)
	p, err := Compile(b.Graph, twins("Conv", "Relu", "Add", "BatchNormalization"), machine("go", 1), Plan{})
	if err != nil {
		t.Fatal(err)
	}
	copies := 0
	for _, n := range p.Nodes() {
		if n.Op == "Concat" {
			t.Errorf("%s is copied together", n.Name)
		}
		if strings.HasPrefix(n.Kernel, "layout_") {
			copies++
		}
	}
	if copies != 2 { // the network's input and output
		t.Errorf("%d copies, want 2: %+v", copies, p.Nodes())
	}
}
