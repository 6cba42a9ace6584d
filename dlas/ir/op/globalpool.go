package op

import "github.com/godlas/godlas/dlas/ir"

// globalAveragePool is the mean of each channel's map; the output keeps both axes with extent 1.
func globalAveragePool() Row {
	return Row{
		Name: "GlobalAveragePool", Least: 1, Most: 1,
		Infer: oneType(floats, func(_ *ir.Node, in []ir.Shape) (ir.Shape, error) {
			if err := fourAxes(in[0]); err != nil {
				return nil, err
			}
			return ir.Shape{in[0][0], in[0][1], 1, 1}, nil
		}),
		Eval: func(_ *ir.Node, in, out []Array) {
			plane := in[0].Shape[2] * in[0].Shape[3]
			for i := range out[0].Data {
				sum := 0.0
				for _, v := range in[0].Data[i*plane : (i+1)*plane] {
					sum += v
				}
				out[0].Data[i] = sum / float64(plane)
			}
		},
	}
}
