package plotting

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// Kind is a row of the table of figures.
type Kind struct {
	Name string
	Help string // one line
	make func(rs []*dlas.Result, o Options) (*Figure, error)
}

// Kinds lists the figures that can be drawn of results. A new one is its own
// file and a row here.
func Kinds() []Kind {
	return []Kind{
		{"pareto", "accuracy against latency (or y= against x=), a point a result, with the Pareto front", pareto},
		{"layers", "time by node of one to four results, as bars with their share", layers},
		{"bars", "latency (or y=) of each result, as bars with whiskers", bars},
		{"landscape", "every candidate that a tuned schedule has measured, by node: its time over that of heuristic", landscape},
		{"elbow", "accuracy on val against the level of a pass, with the elbow that a scan has found", elbow},
		{"sensitivity", "what compressing each layer alone costs in accuracy, by level", sensitivity},
		{"expected", "speed-up of compressed results against the one that their compression would allow", expected},
		{"flip", "the fastest choice of L4 by sparsity and by type, ties as cannot tell", flip},
		{"histogram", "how the weights are spread before compression and after, of all layers or of node=", histogram},
		{"sparsity", "which weights of a layer are zero, of the largest or of node=", sparsity},
		{"confusion", "true class against predicted class of one result", confusion},
		{"graph", "the network of the current stack, or of one result: its operations with shapes, blocks and equal ones drawn as one", graph},
	}
}

// Plot draws a figure of a kind. The args are key=value options; see
// ParseOptions. Errors are one line.
func Plot(kind string, results []*dlas.Result, args ...string) (*Figure, error) {
	var names []string
	for _, k := range Kinds() {
		names = append(names, k.Name)
		if k.Name != kind {
			continue
		}
		o, err := ParseOptions(args)
		if err != nil {
			return nil, err
		}
		rs := slices.DeleteFunc(slices.Clone(results), func(r *dlas.Result) bool { return r == nil })
		if len(rs) == 0 {
			return nil, &ir.Error{What: "there is no result to plot", Try: "measure one with run or sweep"}
		}
		f, err := k.make(rs, o.withDefaults())
		if err != nil {
			return nil, err
		}
		f.Kind = kind
		f.Meta = append(provenance(rs), f.Meta...)
		return f, nil
	}
	return nil, ir.Unknown("", "plot", kind, names)
}

// Pareto draws accuracy against latency. Like the other functions without an
// error it is for notebooks, and panics with an *ir.Error.
func Pareto(results ...*dlas.Result) *Figure { return must(Plot("pareto", results)) }

// Layers draws the time by node.
func Layers(results ...*dlas.Result) *Figure { return must(Plot("layers", results)) }

// Bars draws the latency of each result.
func Bars(results ...*dlas.Result) *Figure { return must(Plot("bars", results)) }

// Landscape draws the candidates of a result's tuned schedule.
func Landscape(r *dlas.Result) *Figure { return must(Plot("landscape", []*dlas.Result{r})) }

// Confusion draws true against predicted classes.
func Confusion(r *dlas.Result) *Figure { return must(Plot("confusion", []*dlas.Result{r})) }

func must(f *Figure, err error) *Figure {
	if err != nil {
		panic(err)
	}
	return f
}

// provenance says what a figure was made from.
func provenance(rs []*dlas.Result) []Property {
	distinct := func(of func(*dlas.Result) string) string {
		var list []string
		for _, r := range rs {
			if s := of(r); s != "" && !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
		return strings.Join(list, " ")
	}
	ps := []Property{{"Software", "godlas"}}
	for _, p := range []Property{
		{"Spec", distinct(func(r *dlas.Result) string { return r.SpecHash })},
		{"Environment", distinct(func(r *dlas.Result) string { return r.Environment.Hash })},
		{"Build", distinct(func(r *dlas.Result) string { return r.Environment.Build })},
	} {
		if p.Value != "" {
			ps = append(ps, p)
		}
	}
	return ps
}

// varying lists the layers whose choice is not the same in all results.
func varying(rs []*dlas.Result) []ir.Layer {
	var ls []ir.Layer
	for _, l := range ir.Layers() {
		for _, r := range rs {
			if r.Spec.Layer(l) != rs[0].Spec.Layer(l) {
				ls = append(ls, l)
				break
			}
		}
	}
	return ls
}

// labelsOf names results by what tells them apart: their own names, else the
// choices of the layers that vary, except those of the layers left out.
func labelsOf(rs []*dlas.Result, leftOut ...ir.Layer) []string {
	vary := varying(rs)
	if len(vary) == 0 {
		vary = []ir.Layer{ir.Model, ir.Compress, ir.Primitive}
	}
	names := make([]string, len(rs))
	hardware := apart(choices(rs, ir.Hardware))
	for i, r := range rs {
		var words []string
		for _, l := range vary {
			switch {
			case slices.Contains(leftOut, l):
			case l == ir.Hardware:
				words = append(words, hardware[r.Spec.Layer(l)])
			default:
				words = append(words, r.Spec.Layer(l))
			}
		}
		names[i] = clean(strings.Join(words, ", "))
		if r.Name != "" && len(leftOut) == 0 {
			names[i] = clean(r.Name)
		}
	}
	return names
}

// apart shortens choices of one name, such as cpu(isa=avx2, threads=1), to the arguments in which they differ.
func apart(choices []string) map[string]string {
	short := make(map[string]string)
	args := make([][]string, len(choices))
	for i, c := range choices {
		short[c] = c
		_, list, _ := strings.Cut(strings.TrimSuffix(c, ")"), "(")
		args[i] = strings.Split(list, ", ")
	}
	for i, c := range choices {
		first, _, _ := strings.Cut(choices[0], "(")
		name, _, _ := strings.Cut(c, "(")
		own := slices.DeleteFunc(slices.Clone(args[i]), func(a string) bool {
			return !slices.ContainsFunc(args, func(other []string) bool { return !slices.Contains(other, a) })
		})
		if name != first || len(own) == 0 || own[0] == "" { // the choices differ in more than arguments
			for _, c := range choices {
				short[c] = c
			}
			return short
		}
		short[c] = strings.Join(own, " ")
	}
	return short
}

// together is what choices of one name have in common beside it, as one choice: what apart leaves out. Empty where apart
// leaves nothing out.
func together(choices []string) string {
	if len(choices) == 0 {
		return ""
	}
	first := choices[0]
	name, list, _ := strings.Cut(strings.TrimSuffix(first, ")"), "(")
	own := strings.Fields(apart(choices)[first])
	shared := slices.DeleteFunc(strings.Split(list, ", "), func(a string) bool { return slices.Contains(own, a) })
	if apart(choices)[first] == first || len(shared) == 0 {
		return ""
	}
	return name + "(" + strings.Join(shared, ", ") + ")"
}

// choices lists the distinct choices of a layer in the order of the results.
func choices(rs []*dlas.Result, l ir.Layer) []string {
	var list []string
	for _, r := range rs {
		if c := r.Spec.Layer(l); !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// chance is the accuracy of guessing in percent, false where the number of
// classes is not known.
func chance(r *dlas.Result) (float64, bool) {
	if r.Seen == nil || len(r.Seen.Classes) < 2 {
		return 0, false
	}
	return 100 / float64(len(r.Seen.Classes)), true
}

// nearChance tells whether a network has not shown that it learnt anything: its
// accuracy is within 5 points of guessing.
func nearChance(r *dlas.Result) bool {
	c, ok := chance(r)
	return ok && r.Accuracy != nil && 100*r.Accuracy.Top1 <= c+5
}

// facts are the sentences that every caption of measured results ends with: n
// and interval of what is drawn, and the machine.
func facts(rs []*dlas.Result, ms ...Metric) string {
	var parts []string
	uses := func(names ...string) bool {
		return slices.ContainsFunc(ms, func(m Metric) bool { return slices.Contains(names, m.Name) })
	}
	if uses("accuracy", "top5") {
		if n := spread(rs, func(r *dlas.Result) (int, bool) {
			if r.Accuracy == nil {
				return 0, false
			}
			return r.Accuracy.N, true
		}); n != "" {
			s := "Accuracy: n = " + n + " images"
			if split := same(rs, func(r *dlas.Result) string {
				if r.Accuracy == nil {
					return ""
				}
				return r.Accuracy.Split
			}); split != "" {
				s += " of " + split
			}
			if uses("accuracy") {
				s += ", Wilson 95 % interval"
			}
			parts = append(parts, s+".")
		}
	}
	if uses("latency", "speedup") {
		if n := spread(rs, func(r *dlas.Result) (int, bool) {
			if r.Latency == nil {
				return 0, false
			}
			return r.Latency.N, true
		}); n != "" {
			s := "Latency: median of n = " + n + " runs"
			if b := spread(rs, func(r *dlas.Result) (int, bool) {
				if r.Latency == nil {
					return 0, false
				}
				return r.Latency.Batch, true
			}); b != "" {
				s += " of batch " + b
			}
			parts = append(parts, s+", 95 % interval.")
		}
	}
	if hw := same(rs, func(r *dlas.Result) string { return r.Spec.Hardware }); hw != "" {
		parts = append(parts, hw+".")
	} else if hw := together(choices(rs, ir.Hardware)); hw != "" {
		parts = append(parts, hw+".")
	}
	stored, unpaired := 0, 0
	for _, r := range rs {
		if r.Stored {
			stored++
		}
		if r.Unpaired {
			unpaired++
		}
	}
	if stored > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d stored.", stored, len(rs)))
	}
	if unpaired > 0 && uses("latency", "speedup") {
		parts = append(parts, fmt.Sprintf("%d of %d unpaired.", unpaired, len(rs)))
	}
	return clean(strings.Join(parts, " "))
}

// spread writes the range of a number over results: "10,000" or "57 to 214".
func spread(rs []*dlas.Result, of func(*dlas.Result) (int, bool)) string {
	low, high, any := 0, 0, false
	for _, r := range rs {
		n, ok := of(r)
		if !ok {
			continue
		}
		if !any {
			low, high, any = n, n, true
		}
		low, high = min(low, n), max(high, n)
	}
	switch {
	case !any:
		return ""
	case low == high:
		return thousands(low)
	}
	return thousands(low) + " to " + thousands(high)
}

// thousands writes a count with its thousands apart.
func thousands(n int) string {
	return grouped(strconv.Itoa(n))
}

// same is the text that all results share, or "".
func same(rs []*dlas.Result, of func(*dlas.Result) string) string {
	s := of(rs[0])
	for _, r := range rs {
		if of(r) != s {
			return ""
		}
	}
	return s
}
