package op

import "github.com/godlas/godlas/dlas/ir"

// storedWeights lets constant weights (input 1) of a product be float16 or bfloat16 beside an input of float32: that is how
// they are stored, and the product is one of float32.
func storedWeights(infer func(*ir.Node, []Operand) ([]Operand, error)) func(*ir.Node, []Operand) ([]Operand, error) {
	return func(n *ir.Node, in []Operand) ([]Operand, error) {
		if len(in) > 1 && in[0].Type == ir.F32 && (in[1].Type == ir.F16 || in[1].Type == ir.BF16) && in[1].Const != nil {
			as := append([]Operand(nil), in...)
			as[1].Type = ir.F32
			in = as
		}
		return infer(n, in)
	}
}
