package primitive

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// TestLayouts takes values from every layout to every other, with borders and without, in all edge sizes.
func TestLayouts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	layouts := []ir.Layout{ir.Plain, ir.Blocked, {Block: ir.Lanes, Border: ir.Border{Top: 1, Left: 2, Bottom: 3, Right: 1}}}
	for _, s := range []ir.Shape{{1, 1, 1, 1}, {2, 16, 3, 5}, {1, 17, 7, 1}, {3, 35, 4, 18}, {1, 64, 33, 31}} {
		for _, from := range layouts {
			for _, to := range layouts {
				for _, k := range layoutKernels() {
					if k.Type == "" && from.Block+to.Block > 0 || k.ISA != "go" && from.Block == to.Block {
						continue
					}
					v := make([]float32, s.Elems())
					for i := range v {
						v[i] = float32(r.IntN(200) - 100)
					}
					p := ir.Problem{
						Node: &ir.Node{Op: "Layout"}, In: []ir.Shape{s}, Out: []ir.Shape{s}, InType: []ir.Type{k.Type}, OutType: []ir.Type{k.Type},
						InLayout: []ir.Layout{from}, OutLayout: []ir.Layout{to}, Weights: []*ir.Tensor{nil}, Machine: testMachine(3),
					}
					if k.Type == "" {
						p.InType[0] = ir.F32
						if k.Fits(p) == nil {
							t.Errorf("%s fits f32", k.Name)
						}
						p.InType[0], p.OutType[0] = ir.I64, ir.I64
					}
					if err := k.Fits(p); err != nil {
						t.Fatal(err)
					}
					b, err := k.Bind(p, ir.Schedule{})
					if err != nil {
						t.Fatal(err)
					}
					switch k.Type {
					case ir.F32:
						if got := run(t, r, b, p, [][]float32{v}); !slices.Equal(got, v) {
							t.Fatalf("%v: f32 from %v to %v: %v became %v", s, from, to, v, got)
						}
					case "":
						in, out := make([]int64, len(v)), make([]int64, len(v))
						for i := range in {
							in[i] = int64(i) << 32
						}
						runParts(r, b, ir.Call{In: []ir.Memory{ir.MemoryOf(in)}, Out: []ir.Memory{ir.MemoryOf(out)}})
						if !slices.Equal(in, out) {
							t.Fatalf("%v: i64: %v became %v", s, in, out)
						}
					default:
						// One byte an element: the same numbers through the layout and back.
						mid, back := ir.NewMemory(to.Elems(s)), ir.NewMemory(from.Elems(s))
						in := ir.NewMemory(from.Elems(s))
						for i, x := range lay(v, s, from).F32() {
							in[i] = byte(int8(x))
						}
						q := p
						q.InLayout, q.OutLayout = p.OutLayout, p.InLayout
						b2, err := k.Bind(q, ir.Schedule{})
						if err != nil {
							t.Fatal(err)
						}
						runParts(r, b, ir.Call{In: []ir.Memory{in}, Out: []ir.Memory{mid}})
						runParts(r, b2, ir.Call{In: []ir.Memory{mid}, Out: []ir.Memory{back}})
						wide := make([]float32, len(back))
						for i, x := range back {
							wide[i] = float32(int8(x))
						}
						if got := pick(wide, s, from); !slices.Equal(got, v) {
							t.Fatalf("%v: %s from %v to %v and back: %v became %v", s, k.Type, from, to, v, got)
						}
					}
				}
			}
		}
	}
}

func runParts(r *rand.Rand, b ir.Bound, call ir.Call) {
	for _, part := range r.Perm(b.Phases[0]) {
		call.Part = part
		b.Run(call)
	}
}

// pick takes a value's numbers out of a layout.
func pick(x []float32, s ir.Shape, l ir.Layout) []float32 {
	if l.Block == 0 {
		return x
	}
	st := l.StridesOf(s)
	var out []float32
	for n := range s[0] {
		for c := range s[1] {
			for y := range s[2] {
				for xx := range s[3] {
					out = append(out, x[n*st.Image+c/ir.Lanes*st.Block+st.Origin+y*st.Row+xx*ir.Lanes+c%ir.Lanes])
				}
			}
		}
	}
	return out
}
