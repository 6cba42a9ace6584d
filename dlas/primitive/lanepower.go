package primitive

import (
	"errors"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// powerRow raises numbers to a constant power: by multiplications where that is all, else as the exponential of a
// logarithm, and what has none one by one.
func powerRow(isa string) ir.Kernel {
	return laneRow("Pow", "pow_f32", isa, func(p ir.Problem) error {
		if p.Weights[1] == nil || p.In[1].Elems() != 1 || !p.In[0].Equal(p.Out[0]) {
			return errors.New("its exponent is no constant number")
		}
		return nil
	}, nil, func(p ir.Problem, level asm.ISA) (ir.Bound, error) {
		exponent := p.Weights[1].F32()[0]
		const step = 1 << 9
		n := p.Out[0].Elems()
		inf := float32(math.Inf(1))
		m := asm.Map{AStep: 64, BStep: 64, Lo: -inf, Hi: inf}
		var factor [ir.Lanes]float32
		for j := range factor {
			factor[j] = exponent
		}
		nanos := 1.5
		if exponent != 2 && exponent != 1 && exponent != 3 {
			nanos = 22
		}
		return shared(p, ceilDiv(n, step), float64(n)/ir.Lanes*laneCost(level, nanos), func(call ir.Call, from, to int) {
			for i := from; i < to; i++ {
				x := call.In[0].F32()[i*step : min(n, (i+1)*step)]
				y := call.Out[0].F32()[i*step:][:len(x)]
				switch exponent {
				case 1:
					copy(y, x)
				case 2:
					m.Vector(asm.FnMul, level, y, x, x, nil)
				case 3:
					m.Vector(asm.FnMul, level, y, x, x, nil)
					m.Vector(asm.FnMul, level, y, y, x, nil)
				default:
					m.Vector(asm.FnLog, level, y, x, nil, nil)
					c := m
					c.BStep = 0
					c.Vector(asm.FnMul, level, y, y, factor[:], nil)
					m.Act(asm.FnExp, level, y)
					for j, v := range x {
						if !(v > 0 && v < inf) {
							y[j] = float32(math.Pow(float64(v), float64(exponent)))
						}
					}
				}
			}
		}), nil
	})
}
