package primitive

import (
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// Operators that only move elements about have one row for all: which element of which input each element of the output
// is, the operator's definition itself is asked when the node is bound, by running it on numbers that say where they
// stand. What it answers is kept as runs of neighbours where there are such, else as a table. Elements are of any type;
// of values in blocks they are pixels of 16 channels.

// movers are the operators that move, with the inputs whose elements they move.
func movers() map[string]func(n *ir.Node) int {
	first := func(*ir.Node) int { return 1 }
	return map[string]func(n *ir.Node) int{
		"Concat":          func(n *ir.Node) int { return len(n.In) },
		"CenterCropPad":   first,
		"Compress":        first,
		"DepthToSpace":    first,
		"Expand":          first,
		"Flatten":         first,
		"Gather":          first,
		"GatherElements":  first,
		"GatherND":        first,
		"Identity":        first,
		"Pad":             first,
		"Reshape":         first,
		"Resize":          first,
		"ReverseSequence": first,
		"Slice":           first,
		"SpaceToDepth":    first,
		"Split":           first,
		"Squeeze":         first,
		"Tile":            first,
		"Transpose":       first,
		"Trilu":           first,
		"Unsqueeze":       first,
	}
}

// mostMoved bounds the elements of a node that is bound so, since its definition takes its time, and the numbers that
// say where an element stands must be exact.
const mostMoved = 1 << 22

func movingRows() []ir.Kernel {
	var ks []ir.Kernel
	m := movers()
	for _, o := range slices.Sorted(maps.Keys(m)) {
		moved := m[o]
		ks = append(ks, ir.Kernel{
			Name: opName(o) + "_any__go", Op: o, ISA: "go", Exact: ir.ExactInt,
			Fits:    func(p ir.Problem) error { return moverFits(p, moved(p.Node)) },
			Layouts: func(p ir.Problem) (in, out []ir.Layout) { return moverLayouts(p, moved(p.Node)) },
			Bind:    func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindMover(p, moved(p.Node)) },
		})
	}
	return ks
}

func moverFits(p ir.Problem, moved int) error {
	if p.Node.Op == "Resize" {
		if m := p.Node.Attrs.Str("mode", "nearest"); m != "nearest" {
			return fmt.Errorf("its mode is %s", m)
		}
	}
	if m := p.Node.Attrs.Str("coordinate_transformation_mode", ""); m == "tf_crop_and_resize" {
		return fmt.Errorf("it extrapolates")
	}
	sum := 0
	for i, s := range p.In {
		if i < moved {
			if p.TypeIn(i) != p.TypeIn(0) {
				return fmt.Errorf("its inputs have more than one type")
			}
			sum += s.Elems()
		} else if s != nil && p.Weights[i] == nil {
			return fmt.Errorf("input %d (%q) is not constant", i, p.Node.In[i])
		}
	}
	for _, s := range p.Out {
		sum += s.Elems()
	}
	if sum > mostMoved || len(p.Out) > 1<<10 {
		return fmt.Errorf("it moves more than %d elements", mostMoved)
	}
	return nil
}

// moverLayouts asks for blocks where whole pixels of 16 channels move: along the axes of the map, or along those of the
// channels by full blocks.
func moverLayouts(p ir.Problem, moved int) (in, out []ir.Layout) {
	in, out = make([]ir.Layout, len(p.In)), make([]ir.Layout, len(p.Out))
	if !movesPixels(p, moved) {
		return in, out
	}
	found := false
	for i := range moved {
		found = found || p.Weights[i] == nil && p.LayoutIn(i).Block == ir.Lanes
	}
	if !found {
		return in, out
	}
	for i := range moved {
		in[i] = ir.Blocked
	}
	for i := range out {
		out[i] = ir.Blocked
	}
	return in, out
}

func movesPixels(p ir.Problem, moved int) bool {
	for i := range moved {
		if p.Weights[i] != nil || len(p.In[i]) != 4 {
			return false
		}
	}
	for _, s := range p.Out {
		if len(s) != 4 {
			return false
		}
	}
	same := true // the channels stay
	for _, s := range p.Out {
		same = same && s[0] == p.In[0][0] && s[1] == p.In[0][1]
	}
	full := func(shapes []ir.Shape) bool {
		for _, s := range shapes[:len(shapes)-1] {
			if s[1]%ir.Lanes != 0 {
				return false
			}
		}
		return true
	}
	axis := p.Node.Attrs.Int("axis", 1)
	if axis < 0 {
		axis += 4
	}
	switch p.Node.Op {
	case "Concat":
		return axis > 1 || axis == 1 && full(p.In)
	case "Split":
		if p.Node.Attrs["axis"] == nil {
			axis = 0
		}
		return axis > 1 || axis == 1 && full(p.Out)
	case "Slice", "Resize":
		return same
	case "Pad":
		pads, err := op.Pads(p.Node, p.In[0], widened(p, 1), widened(p, 3))
		return err == nil && same && pads[0] == 0 && pads[1] == 0 && pads[4] == 0 && pads[5] == 0 && paddedWithZeros(p)
	}
	return false
}

func widened(p ir.Problem, i int) op.Array {
	if i >= len(p.Weights) || p.Weights[i] == nil {
		return op.Array{}
	}
	return op.Widen(p.Weights[i])
}

func paddedWithZeros(p ir.Problem) bool {
	if p.Node.Attrs.Str("mode", "constant") != "constant" {
		return true
	}
	if w := widened(p, 2); len(w.Data) > 0 && w.Data[0] != 0 {
		return false
	}
	return p.Node.Attrs.Float("value", 0) == 0 && p.Node.Attrs.Int("value", 0) == 0
}

// mover is a node bound.
type mover struct {
	size  int // bytes of an element
	runs  []moveRun
	table []int32 // instead of runs, where there is one input and one output: the element that each is; below 0: fill
	fill  []byte  // an element that comes from no input
}

// moveRun is n neighbours that stay neighbours: elements from of input in, or the fill where in is below 0.
type moveRun struct {
	in, out     int16
	n, from, to int32
}

const longestRun = 1 << 14

func bindMover(p ir.Problem, moved int) (ir.Bound, error) {
	pixels := p.LayoutOut(0).Block != 0
	m := mover{size: p.TypeIn(0).Size()}
	shapes, made := slices.Clone(p.In), slices.Clone(p.Out)
	if pixels {
		m.size *= ir.Lanes
		for i := range moved {
			shapes[i] = slices.Clone(shapes[i])
			shapes[i][1] = ir.Blocks(p.In[i])
		}
		for i, s := range made {
			made[i] = slices.Clone(s)
			made[i][1] = ir.Blocks(s)
		}
	}
	places, err := movedTo(p, moved, shapes, made, pixels)
	if err != nil {
		return ir.Bound{}, err
	}
	m.fill = make([]byte, m.size)
	if !pixels {
		if err := m.padding(p); err != nil {
			return ir.Bound{}, err
		}
	}
	var ends []int32 // of the inputs, in elements counted over all of them
	end := 0
	for i := range moved {
		end += shapes[i].Elems()
		ends = append(ends, int32(end))
	}
	// Where an element lies that is counted in the plain order of a value in blocks.
	inPlace, outPlace := make([]func(int32) int32, moved), make([]func(int32) int32, len(made))
	for i := range inPlace {
		inPlace[i] = placeOf(p.LayoutIn(i), p.In[i])
	}
	for i := range outPlace {
		outPlace[i] = placeOf(p.LayoutOut(i), p.Out[i])
	}
	total := 0
	for o, list := range places {
		total += len(list)
		for i, at := range list {
			r := moveRun{in: -1, out: int16(o), n: 1, to: outPlace[o](int32(i))}
			if at >= 0 {
				in, _ := slices.BinarySearch(ends, at+1)
				start := int32(0)
				if in > 0 {
					start = ends[in-1]
				}
				r.in, r.from = int16(in), inPlace[in](at-start)
			}
			if n := len(m.runs); n > 0 {
				l := &m.runs[n-1]
				if l.in == r.in && l.out == r.out && l.to+l.n == r.to && (r.in < 0 || l.from+l.n == r.from) && l.n < longestRun {
					l.n++
					continue
				}
			}
			m.runs = append(m.runs, r)
		}
	}
	m.runs = slices.Clip(m.runs)
	items := len(m.runs)
	if !pixels && moved == 1 && len(made) == 1 && total <= 2*len(m.runs) {
		m.table, m.runs, items = places[0], nil, total
	}
	nanos := float64(items)*3 + float64(total*m.size)*0.1
	b := shared(p, items, nanos, m.run)
	b.PackedBytes = int64(unsafe.Sizeof(moveRun{}))*int64(len(m.runs)) + 4*int64(len(m.table))
	return b, nil
}

// padding notes what Pad puts where there is no input.
func (m *mover) padding(p ir.Problem) error {
	value := p.Node.Attrs.Float("value", float64(p.Node.Attrs.Int("value", 0)))
	if w := widened(p, 2); p.Node.Op == "Pad" && len(w.Data) > 0 {
		value = w.Data[0]
	}
	t := op.Array{Type: p.TypeIn(0), Shape: ir.Shape{1}, Data: []float64{value}}.Tensor()
	if t.Data == nil {
		return fmt.Errorf("elements of type %s", p.TypeIn(0))
	}
	copy(m.fill, t.Memory())
	return nil
}

// movedTo runs a node's definition on the places of its inputs' elements, counted over all inputs that move; what comes
// from none of them is below 0. With pixels, shapes and made count channels in blocks.
func movedTo(p ir.Problem, moved int, shapes, made []ir.Shape, pixels bool) ([][]int32, error) {
	row, ok := op.Lookup(p.Node.Op)
	if !ok {
		return nil, fmt.Errorf("unknown operator %q", p.Node.Op)
	}
	n := *p.Node
	n.Attrs = maps.Clone(n.Attrs)
	if n.Attrs == nil {
		n.Attrs = ir.Attrs{}
	}
	in, known := make([]op.Array, len(p.In)), make([]op.Operand, len(p.In))
	at := 0
	for i := range p.In {
		if i < moved {
			in[i] = op.Array{Type: ir.F64, Shape: shapes[i], Data: make([]float64, shapes[i].Elems())}
			for j := range in[i].Data {
				in[i].Data[j] = float64(at + 1)
				at++
			}
			known[i] = op.Operand{Type: ir.F64, Shape: shapes[i]}
		} else if p.In[i] != nil {
			in[i] = op.Widen(p.Weights[i])
			known[i] = op.Operand{Type: p.Weights[i].Type, Shape: p.Weights[i].Shape, Const: p.Weights[i]}
		}
	}
	if p.Node.Op == "Pad" {
		// Zeros are then what comes from nowhere.
		delete(n.Attrs, "value")
		if len(in) > 2 && p.In[2] != nil {
			in[2] = op.Array{Type: ir.F64, Shape: ir.Shape{}, Data: []float64{0}}
			known[2] = op.Operand{Type: ir.F64, Shape: ir.Shape{}}
		}
	}
	if pixels {
		inBlocksOf(p, &n, in, known)
	}
	got, err := row.Infer(&n, known)
	if err != nil {
		return nil, err
	}
	out := make([]op.Array, len(got))
	for i, o := range got {
		if i < len(made) && !o.Shape.Equal(made[i]) {
			return nil, fmt.Errorf("its output is %v, not %v", o.Shape, made[i])
		}
		out[i] = op.Array{Type: ir.F64, Shape: o.Shape, Data: make([]float64, o.Shape.Elems())}
	}
	row.Eval(&n, in, out)
	places := make([][]int32, len(made))
	for i := range places {
		places[i] = make([]int32, len(out[i].Data))
		for j, v := range out[i].Data {
			places[i][j] = int32(v) - 1
		}
	}
	return places, nil
}

// inBlocksOf changes what a node says of extents of channels into blocks.
func inBlocksOf(p ir.Problem, n *ir.Node, in []op.Array, known []op.Operand) {
	blocksOf := func(key string, input, at int, list []int) {
		list = slices.Clone(list)
		for i := range list {
			if at < 0 || i == at {
				list[i] = ceilDiv(list[i], ir.Lanes)
			}
		}
		n.Attrs[key] = list
		if input < len(in) {
			in[input], known[input] = op.Array{}, op.Operand{}
		}
	}
	ints := func(key string, input int) ([]int, bool) {
		if v, ok := n.Attrs[key].([]int); ok {
			return v, true
		}
		if input >= len(in) || in[input].Type == "" {
			return nil, false
		}
		list := make([]int, len(in[input].Data))
		for i, v := range in[input].Data {
			list[i] = int(v)
		}
		return list, len(list) > 0
	}
	switch p.Node.Op {
	case "Split":
		if axis := n.Attrs.Int("axis", 0); axis != 1 && axis != -3 {
			return
		}
		list := make([]int, len(p.Out))
		for i, s := range p.Out {
			list[i] = s[1]
		}
		delete(n.Attrs, "num_outputs")
		blocksOf("split", 1, -1, list)
	case "Resize":
		if sizes, ok := ints("sizes", 3); ok && len(sizes) == 4 {
			blocksOf("sizes", 3, 1, sizes)
		}
	}
}

// placeOf is where a pixel lies that is counted through images, blocks, rows and columns; of plain values an element.
func placeOf(l ir.Layout, s ir.Shape) func(int32) int32 {
	if l.Block == 0 {
		return func(i int32) int32 { return i }
	}
	st := l.StridesOf(s)
	h, w, blocks := int32(s[2]), int32(s[3]), int32(ir.Blocks(s))
	row, block, image, origin := int32(st.Row/ir.Lanes), int32(st.Block/ir.Lanes), int32(st.Image/ir.Lanes), int32(st.Origin/ir.Lanes)
	return func(i int32) int32 {
		plane := i / (h * w)
		return plane/blocks*image + plane%blocks*block + origin + i/w%h*row + i%w
	}
}

func (m *mover) run(call ir.Call, from, to int) {
	if m.table != nil {
		m.pick(call.Out[0], call.In[0], m.table[from:to], from)
		return
	}
	size := m.size
	for _, r := range m.runs[from:to] {
		if call.Out[r.out] == nil {
			continue
		}
		dst := call.Out[r.out][int(r.to)*size : int(r.to+r.n)*size]
		if r.in < 0 {
			for i := range dst {
				dst[i] = m.fill[i%size]
			}
			continue
		}
		src := call.In[r.in][int(r.from)*size : int(r.from+r.n)*size]
		if size == 64 && r.n == 1 {
			*(*[64]byte)(dst) = *(*[64]byte)(src)
			continue
		}
		copy(dst, src)
	}
}

// pick fills elements at, at+1, ... of the output by the table.
func (m *mover) pick(out, in ir.Memory, table []int32, at int) {
	switch m.size {
	case 1:
		pickBy(out.U8()[at:], in.U8(), table, m.fill)
	case 2:
		pickBy(out.U16()[at:], in.U16(), table, m.fill)
	case 4:
		pickBy(out.U32()[at:], in.U32(), table, m.fill)
	default:
		pickBy(out.U64()[at:], in.U64(), table, m.fill)
	}
}

func pickBy[T uint8 | uint16 | uint32 | uint64](out, in []T, table []int32, fill []byte) {
	f := *(*T)(unsafe.Pointer(unsafe.SliceData(fill)))
	out = out[:len(table)]
	for i, at := range table {
		if at < 0 {
			out[i] = f
		} else {
			out[i] = in[at]
		}
	}
}
