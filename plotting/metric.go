package plotting

import (
	"strconv"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// Value is a measured number with its 95 % interval; Low = High = V where the
// number is counted and not measured.
type Value struct{ V, Low, High float64 }

// Metric is a quantity that an axis can show.
type Metric struct {
	Name   string
	Label  string // the quantity and, in brackets, its unit
	Help   string // one sentence
	Better int    // +1 if more is better, -1 if less is, 0 if neither
	Ratio  bool   // drawn on a logarithmic axis with a line at 1

	// value is the number of a result, false where the result has none. base
	// is the result that ratios refer to.
	value func(r, base *dlas.Result) (Value, bool)
}

// Metrics lists the quantities that x= and y= name.
func Metrics() []Metric { return metrics }

func exact(v float64) (Value, bool) { return Value{v, v, v}, true }

var metrics = []Metric{
	{
		Name: "latency", Label: "Latency (ms)", Better: -1,
		Help: "Median time of one run of the whole batch, with its order-statistic 95 % interval.",
		value: func(r, _ *dlas.Result) (Value, bool) {
			if r.Latency == nil {
				return Value{}, false
			}
			return Value{r.Latency.Median, r.Latency.Low, r.Latency.High}, true
		},
	},
	{
		Name: "accuracy", Label: "Top-1 accuracy (%)", Better: +1,
		Help: "Share of images whose true class came first, with its Wilson 95 % interval.",
		value: func(r, _ *dlas.Result) (Value, bool) {
			if r.Accuracy == nil {
				return Value{}, false
			}
			return Value{100 * r.Accuracy.Top1, 100 * r.Accuracy.Low, 100 * r.Accuracy.High}, true
		},
	},
	{
		Name: "top5", Label: "Top-5 accuracy (%)", Better: +1,
		Help: "Share of images whose true class was among the first five.",
		value: func(r, _ *dlas.Result) (Value, bool) {
			if r.Accuracy == nil {
				return Value{}, false
			}
			return exact(100 * r.Accuracy.Top5)
		},
	},
	{
		Name: "speedup", Label: "Speed-up over the first (×)", Better: +1, Ratio: true,
		Help: "Latency of the first result over this one's; the interval divides the ends of theirs.",
		value: func(r, base *dlas.Result) (Value, bool) {
			if r.Latency == nil || base.Latency == nil || r.Latency.Low <= 0 || base.Latency.Low <= 0 {
				return Value{}, false
			}
			if r == base {
				return exact(1)
			}
			return Value{base.Latency.Median / r.Latency.Median, base.Latency.Low / r.Latency.High, base.Latency.High / r.Latency.Low}, true
		},
	},
	{
		Name: "params", Label: "Parameters (thousands)", Better: -1,
		Help:  "Numbers that the network holds.",
		value: func(r, _ *dlas.Result) (Value, bool) { return exact(float64(r.Model.Params) / 1e3) },
	},
	{
		Name: "nonzero", Label: "Parameters that are not zero (thousands)", Better: -1,
		Help:  "Numbers that the network holds and that are not zero.",
		value: func(r, _ *dlas.Result) (Value, bool) { return exact(float64(r.Model.NonZero) / 1e3) },
	},
	{
		Name: "macs", Label: "Multiply-accumulates (millions per image)", Better: -1,
		Help:  "MACs of the layers' definition.",
		value: func(r, _ *dlas.Result) (Value, bool) { return exact(float64(r.Model.MACs) / 1e6) },
	},
	{
		Name: "macs_nonzero", Label: "MACs whose weight is not zero (millions per image)", Better: -1,
		Help:  "MACs of the layers' definition whose weight is not zero.",
		value: func(r, _ *dlas.Result) (Value, bool) { return exact(float64(r.Model.MACsNonzero) / 1e6) },
	},
	{
		Name: "bytes", Label: "Weights as saved (kB)", Better: -1,
		Help:  "Payload of the weights as saved, in units of 1000 bytes.",
		value: func(r, _ *dlas.Result) (Value, bool) { return exact(float64(r.Model.Bytes) / 1e3) },
	},
	{
		Name: "memory", Label: "Memory of the program (kB)", Better: -1,
		Help:  "Packed weights and arena of the compiled program, in units of 1000 bytes.",
		value: func(r, _ *dlas.Result) (Value, bool) { return exact(float64(r.Model.MemoryBytes) / 1e3) },
	},
	{
		Name: "sparsity", Label: "Zeros among the weights (%)",
		Help:  "Share of zeros among the weights of convolutions and linear layers.",
		value: func(r, _ *dlas.Result) (Value, bool) { return exact(100 * r.Model.Sparsity) },
	},
}

func metricNamed(name string) (Metric, error) {
	var names []string
	for _, m := range metrics {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Metric{}, ir.Unknown("", "metric", name, names)
}

// csvNumber writes a number so that reading it gives the same bits.
func csvNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
