package tflite

import (
	"errors"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// node is an operator of the file on its way into ours.
type node struct {
	r    *reader
	code opcode
	in   []int // tensors; -1: left out
	// fixed: the reference kernels compute the result in fixed point. usual is the attribute of the rounding that LiteRT's
	// default has.
	fixed bool
	usual string
	out   []int
	opts  table
}

func (n *node) convert() error {
	o := operators(n.code.code)
	if o.convert == nil || n.code.custom != "" {
		return errors.New("is unsupported")
	}
	if len(n.in) < o.inputs || len(n.out) != 1 {
		return fmt.Errorf("has %d inputs and %d outputs", len(n.in), len(n.out))
	}
	for k, i := range n.in {
		if i == -1 && k >= o.inputs {
			continue
		}
		if _, err := n.r.tensor(i); err != nil {
			return err
		}
	}
	if _, err := n.r.tensor(n.out[0]); err != nil {
		return err
	}
	if err := o.convert(n); err != nil {
		return err
	}
	return n.r.err
}

// x is input k as the file has it; the zero tensor where it is left out.
func (n *node) x(k int) *tensor {
	if k >= len(n.in) || n.in[k] < 0 {
		return &tensor{}
	}
	return n.r.all[n.in[k]]
}

func (n *node) y() *tensor { return n.r.all[n.out[0]] }

// finish ends a node's chain: the fused activation, then the quantisation of the result, which takes the tensor's name.
func (n *node) finish(name string, activation int8) error {
	r, y := n.r, n.y()
	lo, hi := -1, -1 // bounds that the integers of the result do not have by themselves
	switch activation {
	case 0:
	case 1:
		lo = 0
	case 3:
		lo, hi = 0, 6
	default:
		return fmt.Errorf("fuses activation %d: unsupported", activation)
	}
	if y.quantised() && (y.typ == ir.I8 || y.typ == ir.U8) {
		least, most := int64(-128), int64(127)
		if y.typ == ir.U8 {
			least, most = 0, 255
		}
		if lo == 0 && y.zeroPoint() == least {
			lo = -1
		}
		if hi == 6 && float64(most-y.zeroPoint())*float64(y.scale[0]) < 6+float64(y.scale[0])/2 {
			hi = -1
		}
	}
	switch {
	case lo == 0 && hi == 6:
		name = r.add("Clip", y.name+"_act", ir.Attrs{"min": 0.0, "max": 6.0}, name)
	case lo == 0:
		name = r.add("Relu", y.name+"_act", nil, name)
	case hi == 6:
		name = r.add("Clip", y.name+"_act", ir.Attrs{"max": 6.0}, name)
	}
	if y.quantised() {
		err := r.quantise(n.out[0], name)
		fixed := ""
		if n.fixed {
			fixed = "fixed"
		} else if !slices.Contains(exact, n.code.code) {
			r.roundings.Fixed = false
		}
		if err == nil {
			r.roundings.note(r.g.Nodes[len(r.g.Nodes)-1], y, fixed, n.usual)
		}
		return err
	}
	n.takeName(name)
	return nil
}

// takeName gives the value that the last node made the tensor's own name.
func (n *node) takeName(name string) {
	r, y := n.r, n.y()
	var last *ir.Node
	if k := len(r.g.Nodes); k > 0 {
		last = r.g.Nodes[k-1]
	}
	if last == nil || last.Out[0] != name { // name is an input's or an earlier node's
		last = &ir.Node{Op: "Identity", In: []string{name}}
		r.g.Nodes = append(r.g.Nodes, last)
	}
	last.Name, last.Out = y.name, []string{y.name}
	r.made[y.name] = true
}

// emit adds a node of ours on inputs 0 and on, and returns its output's name.
func (n *node) emit(op string, attrs ir.Attrs, in ...string) string {
	return n.r.add(op, n.y().name+"_"+op, attrs, in...)
}
