package compress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// AutoName is the pass that stands for those which meet targets. Like elbow it is found by measuring before anything is
// compressed.
const AutoName = "auto"

// Targets are what auto is to meet.
type Targets struct {
	// Accuracy is the least top-1 on val: a fraction or, if Points, the percentage points by which it may differ from that
	// of the uncompressed network, zero or negative. nil: any will do, the highest that meets the others is looked for.
	Accuracy *float64
	Points   bool
	Latency  float64 // the most milliseconds of one run; 0: none
	Bytes    float64 // the most bytes of the weights as saved; 0: none
	MinBytes bool    // bytes are made least, and not latency
	Images   int     // of val
}

func autoPass() pass {
	return pass{
		option: ir.Option{
			Name: AutoName,
			Help: "The compression of each layer that meets the targets, found by measuring (not L4's auto, which chooses kernels). A profile of the stack tells what each level of channels, " +
				"lowrank, prune, blocks(16x1), punch(8x4) and pattern saves of a layer's time (of bytes: of channels, lowrank, prune and palette); where that is something, the layer alone is compressed so, which tells what it " +
				"costs in accuracy on val. Then layers are compressed one after the other, those first that save most for what they cost, as far as the accuracy measured " +
				"on val allows, once with nothing else and once each with recalibrate, int8 and both after it; the best two are refined step by step, and all measured in turns. " +
				"What is found becomes the choice, with a level for each layer, and is a Spec like any other. It makes latency least, or bytes with min=bytes; " +
				"without a target for accuracy it looks for the highest that meets the others.",
			Source: "greedy on measured sensitivity: Li et al., ICLR 2017; Yang et al., NetAdapt, ECCV 2018",
			Params: []ir.Param{
				{Key: "accuracy", Help: ">= the least top-1 on val: a fraction, or points against the uncompressed network as in -0.5pt"},
				{Key: "latency", Help: "<= the most time of one run, as in 5ms or 300us"},
				{Key: "bytes", Help: "<= the most bytes of the weights as saved, as in 100000, 100kB or 1.5MB"},
				{Key: "min", Help: "what is made least", Default: "latency", Values: []string{"latency", "bytes"}},
				{Key: "n", Help: "images of val that choose", Default: "1000"},
			},
		},
		check: func(c ir.Choice) error { _, err := TargetsOf(c); return err },
		apply: func(_ context.Context, _ *ir.Graph, c ir.Choice, _ Tools) (*ir.Graph, string, error) {
			return nil, "", &ir.Error{Layer: ir.Compress, What: c.String() + " has to be found first, by measuring on data", Try: "run it with a data set, and take the choice that the result says"}
		},
	}
}

// TargetsOf reads auto's arguments.
func TargetsOf(c ir.Choice) (Targets, error) {
	t := Targets{Images: 1000}
	wrong := func(try, format string, args ...any) (Targets, error) {
		return t, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf(format, args...), Try: try}
	}
	fail := func(format string, args ...any) (Targets, error) {
		return wrong("write it like auto(accuracy>=-0.5pt) or auto(accuracy>=0.9, latency<=5ms)", format, args...)
	}
	if len(c.Value) > 0 {
		return fail("auto takes targets, but got %s", c.Value[0])
	}
	keys := []string{"accuracy", "latency", "bytes", "min", "n"}
	ops := map[string]string{"accuracy": ">=", "latency": "<=", "bytes": "<=", "min": "=", "n": "="}
	targets := 0
	for _, a := range c.Args {
		if !slices.Contains(keys, a.Key) {
			return t, ir.Unknown(ir.Compress, "argument of auto", a.Key, keys)
		}
		if a.Op != ops[a.Key] {
			return fail("auto takes %s%s, not %s%s", a.Key, ops[a.Key], a.Key, a.Op)
		}
		switch a.Key {
		case "accuracy":
			targets++
			text, points := strings.CutSuffix(a.Value, "pt")
			v, err := strconv.ParseFloat(text, 64)
			switch {
			case err != nil || points && math.IsNaN(v):
				return fail("auto(accuracy>=%s) is neither a fraction nor points", a.Value)
			case points && !(v <= 0 && v >= -100):
				return fail("auto(accuracy>=%s): compression loses accuracy, so the points are zero or negative", a.Value)
			case !points && !(v >= 0 && v <= 1):
				try := "write accuracy>=0.9 for 90 %"
				switch {
				case v > 1 && v <= 100:
					try = fmt.Sprintf("write accuracy>=%.4g for %.4g %%", v/100, v)
				case v < 0 && v >= -100:
					try = fmt.Sprintf("write accuracy>=%spt for points below the uncompressed network", a.Value)
				}
				return wrong(try, "auto(accuracy>=%s): an accuracy is a fraction from 0 to 1", a.Value)
			}
			t.Accuracy, t.Points = &v, points
		case "latency":
			targets++
			text, ok := strings.CutSuffix(a.Value, "ms")
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || !ok || !(v > 0) || math.IsInf(v, 0) {
				return wrong("write it like latency<=5ms or latency<=300us", "auto(latency<=%s) is no time", a.Value)
			}
			t.Latency = v
		case "bytes":
			targets++
			v, ok := readBytes(a.Value)
			if !ok {
				return wrong("write it like bytes<=60000, bytes<=60kB or bytes<=1.5MB", "auto(bytes<=%s) is no number of bytes", a.Value)
			}
			t.Bytes = v
		case "min":
			if a.Value != "latency" && a.Value != "bytes" {
				return t, ir.Unknown(ir.Compress, "min of auto", a.Value, []string{"latency", "bytes"})
			}
			t.MinBytes = a.Value == "bytes"
		case "n":
			v, err := strconv.Atoi(a.Value)
			if err != nil || v < 1 {
				return fail("auto(n=%s) is no number of images", a.Value)
			}
			t.Images = v
		}
	}
	if targets == 0 {
		return fail("auto wants a target at least: accuracy>=, latency<= or bytes<=")
	}
	return t, nil
}

// readBytes reads a number of bytes, with kB for 1000 and MB for a million.
func readBytes(s string) (float64, bool) {
	unit := 1.0
	for _, u := range []struct {
		name string
		of   float64
	}{{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"B", 1}} {
		if digits, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = digits, u.of
			break
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	return v * unit, err == nil && v > 0 && !math.IsInf(v*unit, 0)
}
