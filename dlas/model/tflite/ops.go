package tflite

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

type opcode struct {
	code   int
	custom string
}

func (c opcode) name() string {
	if c.custom != "" {
		return c.custom
	}
	if o := operators(c.code); o.name != "" {
		return o.name
	}
	return fmt.Sprintf("operator %d", c.code)
}

// operator is how one of theirs becomes ours.
type operator struct {
	name    string
	inputs  int // least number
	convert func(*node) error
}

// operators are those read, by BuiltinOperator's number.
func operators(code int) operator {
	switch code {
	case 0:
		return operator{"ADD", 2, func(n *node) error { return n.binary("Add", 0) }}
	case 1:
		return operator{"AVERAGE_POOL_2D", 1, func(n *node) error { return n.pool("AveragePool") }}
	case 2:
		return operator{"CONCATENATION", 1, (*node).concat}
	case 3:
		return operator{"CONV_2D", 2, (*node).conv}
	case 4:
		return operator{"DEPTHWISE_CONV_2D", 2, (*node).depthwise}
	case 6:
		return operator{"DEQUANTIZE", 1, (*node).same}
	case 9:
		return operator{"FULLY_CONNECTED", 2, (*node).dense}
	case 14:
		return operator{"LOGISTIC", 1, func(n *node) error { return n.unary("Sigmoid", nil) }}
	case 17:
		return operator{"MAX_POOL_2D", 1, func(n *node) error { return n.pool("MaxPool") }}
	case 18:
		return operator{"MUL", 2, func(n *node) error { return n.binary("Mul", 0) }}
	case 19:
		return operator{"RELU", 1, func(n *node) error { return n.unary("Relu", nil) }}
	case 21:
		return operator{"RELU6", 1, func(n *node) error { return n.unary("Clip", ir.Attrs{"min": 0.0, "max": 6.0}) }}
	case 22:
		return operator{"RESHAPE", 1, (*node).reshape}
	case 25:
		return operator{"SOFTMAX", 1, (*node).softmax}
	case 28:
		return operator{"TANH", 1, func(n *node) error { return n.unary("Tanh", nil) }}
	case 34:
		return operator{"PAD", 2, (*node).pad}
	case 40:
		return operator{"MEAN", 2, (*node).mean}
	case 41:
		return operator{"SUB", 2, func(n *node) error { return n.binary("Sub", 0) }}
	case 42:
		return operator{"DIV", 2, func(n *node) error { return n.binary("Div", 0) }}
	case 43:
		return operator{"SQUEEZE", 1, (*node).reshape}
	case 98:
		return operator{"LEAKY_RELU", 1, func(n *node) error {
			return n.unary("LeakyRelu", ir.Attrs{"alpha": float64(n.opts.float(0, 0))})
		}}
	case 114:
		return operator{"QUANTIZE", 1, (*node).same}
	case 117:
		return operator{"HARD_SWISH", 1, func(n *node) error { return n.unary("HardSwish", nil) }}
	}
	return operator{}
}

// same is an operator that only changes how a value is stored. One on a constant, weights stored as f16 or integers,
// hands it on: whoever reads it turns its axes as it wants them.
func (n *node) same() error {
	x, y := n.x(0), n.y()
	if x.isConst && !y.quantised() {
		n.r.all[n.out[0]] = x
		return nil
	}
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	if sameNumbers(x, y) {
		n.r.real[y] = known{name: name}
		return nil
	}
	return n.finish(name, 0)
}

func (n *node) unary(op string, attrs ir.Attrs) error {
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	return n.finish(n.emit(op, attrs, name), 0)
}

func (n *node) binary(op string, actField int) error {
	axes := len(n.y().shape)
	if n.fixed = op == "Add" && actField == 0 && !n.x(0).isConst && !n.x(1).isConst; n.fixed {
		n.usual = sumRule(n.x(0), n.x(1), n.y())
	}
	var in [2]string
	for k := range in {
		name, err := n.operand(k, axes)
		if err != nil {
			return err
		}
		in[k] = name
	}
	return n.finish(n.emit(op, nil, in[0], in[1]), n.opts.byte(actField, 0))
}

// operand is input k, to be broadcast to that many axes: with fewer, it has ours at their places.
func (n *node) operand(k, axes int) (string, error) {
	t, i := n.x(k), n.in[k]
	if !t.isConst {
		if len(t.shape) != axes && axes == 4 {
			return "", fmt.Errorf("input %d has %d axes where the result has 4: unsupported", k, len(t.shape))
		}
		return n.r.value(i)
	}
	if axes != 4 || len(t.shape) > 4 {
		return n.r.constant(i, nil)
	}
	for len(t.shape) < 4 {
		t.shape = append([]int{1}, t.shape...)
		t.axis++
	}
	return n.r.constant(i, []int{0, 3, 1, 2})
}

func (n *node) softmax() error {
	name, err := n.r.value(n.in[0])
	if err != nil {
		return err
	}
	if beta := n.opts.float(0, 1); beta != 1 {
		return fmt.Errorf("has beta %v: unsupported", beta)
	}
	a, err := axis(-1, len(n.x(0).shape))
	if err != nil {
		return err
	}
	return n.finish(n.emit("Softmax", ir.Attrs{"axis": a}, name), 0)
}
