package primitive

import (
	"fmt"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// plainKernels are one row an operator that runs its definition: the float64 loop of package op. They are last in the
// table and dearer than any other, so that they run what nothing else does, and every network runs.
func plainKernels() []ir.Kernel {
	var ks []ir.Kernel
	for _, name := range op.Names() {
		ks = append(ks, ir.Kernel{
			Name: strings.ToLower(name) + "_any_reference__go", Op: name, ISA: "go", Exact: ir.ExactF32,
			Fits: func(ir.Problem) error { return nil },
			Cost: func(p ir.Problem) float64 { return 1e15 },
			Bind: func(p ir.Problem, _ ir.Schedule) (ir.Bound, error) { return bindReference(p) },
		})
	}
	return ks
}

// bindReference runs an operator's definition in one part: inputs are widened to float64 in the workspace, and outputs
// rounded from there. Constants are widened here.
func bindReference(p ir.Problem) (ir.Bound, error) {
	row, ok := op.Lookup(p.Node.Op)
	if !ok {
		return ir.Bound{}, fmt.Errorf("unknown operator %q", p.Node.Op)
	}
	known := make([]op.Operand, len(p.In))
	constants := make([]op.Array, len(p.In))
	room := 0
	var packed int64
	for i := range p.In {
		if p.Node.In[i] == "" {
			continue
		}
		known[i] = op.Operand{Type: p.TypeIn(i), Shape: p.In[i], Const: p.Weights[i]}
		if w := p.Weights[i]; w != nil {
			constants[i] = op.Widen(w)
			packed += 8 * int64(len(constants[i].Data))
		} else {
			room += p.In[i].Elems()
		}
	}
	made, err := row.Infer(p.Node, known)
	if err != nil {
		return ir.Bound{}, err
	}
	for _, o := range made {
		room += o.Shape.Elems()
	}
	return ir.Bound{
		Phases: []int{1}, WorkspaceBytes: 8 * int64(room), PackedBytes: packed,
		MACsExecuted: executed(row, p, made),
		Run: func(call ir.Call) {
			free := call.Workspace.F64()
			take := func(t ir.Type, s ir.Shape) op.Array {
				n := s.Elems()
				a := op.Array{Type: t, Shape: s, Data: free[:n:n]}
				free = free[n:]
				return a
			}
			in, out := make([]op.Array, len(known)), make([]op.Array, len(made))
			for i, o := range known {
				switch {
				case o.Const != nil:
					in[i] = constants[i]
				case o.Type != "":
					in[i] = take(o.Type, o.Shape)
					op.Load(in[i].Data, call.In[i], o.Type)
				}
			}
			for i, o := range made {
				out[i] = take(o.Type, o.Shape)
				clear(out[i].Data)
			}
			row.Eval(p.Node, in, out)
			for i, m := range call.Out {
				if m != nil {
					op.Store(m, out[i].Data, out[i].Type)
				}
			}
		},
	}, nil
}

func executed(row op.Row, p ir.Problem, made []op.Operand) int64 {
	if row.MACs == nil {
		return 0
	}
	in := make([]ir.Shape, len(p.In))
	copy(in, p.In)
	return row.MACs(p.Node, in, made[0].Shape) / int64(max(1, images(made[0].Shape)))
}

func images(s ir.Shape) int {
	if len(s) == 0 {
		return 1
	}
	return s[0]
}
