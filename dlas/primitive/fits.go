package primitive

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// guarded is a kernel's Fits after the conditions that all rows have in common: a kernel of floats gets floats and makes
// one output, a window has two axes and explicit pads.
func guarded(k ir.Kernel) func(ir.Problem) error {
	fits := k.Fits
	windows := false
	switch k.Op {
	case "AveragePool", "Conv", "ConvInteger", "MaxPool", "QLinearAveragePool", "QLinearConv":
		windows = true
	}
	if k.Algorithm == "" && k.Type == "" {
		return fits
	}
	return func(p ir.Problem) error {
		if k.Type == ir.F32 {
			for i, w := range p.Weights {
				if w != nil && w.Type != ir.F32 && w.Type.Float() {
					return fmt.Errorf("its input %d has the type %s", i, w.Type)
				}
			}
			if len(p.In) > 0 && p.TypeIn(0) != ir.F32 || p.TypeOut(0) != ir.F32 {
				return fmt.Errorf("it makes %s of %s", p.TypeOut(0), p.TypeIn(0))
			}
			for i := 1; i < len(p.Node.Out); i++ {
				if p.Node.Out[i] != "" {
					return fmt.Errorf("its output %d is wanted", i)
				}
			}
		}
		if windows {
			if len(p.In[0]) != 4 {
				return fmt.Errorf("its input has %d axes", len(p.In[0]))
			}
			if auto := p.Node.Attrs.Str("auto_pad", "NOTSET"); auto != "NOTSET" && auto != "" {
				return fmt.Errorf("auto_pad is %s", auto)
			}
		}
		return fits(p)
	}
}

// inputs demands that there are no more inputs than that: the others are attributes.
func inputs(most int) func(ir.Problem) error {
	return func(p ir.Problem) error {
		for i := most; i < len(p.Node.In); i++ {
			if p.Node.In[i] != "" {
				return fmt.Errorf("its input %d is no attribute", i)
			}
		}
		return nil
	}
}

// padsOutward demands a Pad of maps by a constant, which adds pixels or channels.
func padsOutward(p ir.Problem) error {
	if err := inputs(1)(p); err != nil {
		return err
	}
	pads, err := op.Pads(p.Node, p.In[0], op.Array{}, op.Array{})
	if err != nil {
		return err
	}
	if len(pads) != 8 || len(p.Node.Attrs.Ints("axes")) > 0 || pads[0]+pads[4] != 0 || p.Node.Attrs.Str("mode", "constant") != "constant" {
		return fmt.Errorf("it pads %v by %v", p.In[0], pads)
	}
	for _, v := range pads {
		if v < 0 {
			return fmt.Errorf("it crops by %v", pads)
		}
	}
	return nil
}
