package op

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// Activations are the values of the attribute act, by which the graph rewrite of L5 fuses an activation.
const (
	ActNone      = ""
	ActRelu      = "relu"
	ActRelu6     = "relu6"
	ActClip      = "clip" // bounds in the attributes min and max
	ActSilu      = "silu"
	ActHardSwish = "hardswish"
	ActSigmoid   = "sigmoid"
)

var acts = []string{ActRelu, ActRelu6, ActClip, ActSilu, ActHardSwish, ActSigmoid}

func checkAct(n *ir.Node) error {
	a := n.Attrs.Str("act", ActNone)
	if a != ActNone && !slices.Contains(acts, a) {
		return fmt.Errorf("unknown activation %q; there is: %s", a, strings.Join(acts, ", "))
	}
	if a == ActClip {
		return checkBounds(n)
	}
	return nil
}

func activate(n *ir.Node, x float64) float64 {
	switch n.Attrs.Str("act", ActNone) {
	case ActRelu:
		return max(x, 0)
	case ActRelu6:
		return min(max(x, 0), 6)
	case ActClip:
		lo, hi := ClipBounds(n)
		return min(max(x, lo), hi)
	case ActSilu:
		return x * logistic(x)
	case ActHardSwish:
		return x * min(max(x/6+0.5, 0), 1)
	case ActSigmoid:
		return logistic(x)
	}
	return x
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
