package dlas

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// Own is what makes a network smaller that no pass of L3 has done: its file has it. The baseline is then the same network
// on dense kernels, whose work is all of its multiply-accumulates, zeros too.
type Own struct {
	Zeros  float64 `json:"zeros"`            // fraction of zeros among conv and linear weights
	Type   string  `json:"type,omitempty"`   // i8, where most multiply-accumulates are of integers: there is no float network beside it
	Halves bool    `json:"halves,omitempty"` // weights in two bytes; the baseline has them in four
	Bits   int     `json:"bits,omitempty"`   // of a weight in the palette that most weights can be stored by
}

// leastZeros is the share of zeros from which on one expects something of them.
const leastZeros = 0.1

// own is what a network that no pass has compressed brings itself; nil where that is nothing that time is made of.
func (run *runner) own(base *runner) *Own {
	if !uncompressed(run.spec) {
		return nil
	}
	count := model.Count(run.graph)
	o := &Own{Zeros: count.Sparsity(), Halves: base.graph != run.graph && hasHalves(run.graph) && !hasHalves(base.graph)}
	var all, narrow int64
	for _, n := range run.program.Nodes() {
		all += n.MACs
		if n.Type.Size() == 1 {
			narrow += n.MACs
		}
	}
	if 2*narrow > all {
		o.Type = string(ir.I8)
	}
	for form, bytes := range count.Stored {
		if _, bits, ok := strings.Cut(form, "palette("); ok && 2*bytes > count.Bytes {
			_, _ = fmt.Sscanf(bits, "%d", &o.Bits)
		}
	}
	if o.Zeros < 0.01 && o.Type == "" && !o.Halves && o.Bits == 0 {
		return nil
	}
	return o
}

func hasHalves(g *ir.Graph) bool {
	return slices.ContainsFunc(op.Weights(g), func(w op.Weight) bool { return isHalf(g.Weights[w.Name]) })
}

func isHalf(t *ir.Tensor) bool { return t != nil && (t.Type == ir.F16 || t.Type == ir.BF16) }

// inFloats is the baseline with the same weights in f32, where now has its own in two bytes; else the baseline itself.
func (run *runner) inFloats(ctx context.Context, now *runner) (*runner, error) {
	if !uncompressed(now.spec) || !hasHalves(run.graph) {
		return run, nil
	}
	g := run.graph.Clone()
	for _, w := range op.Weights(g) {
		if t := g.Weights[w.Name]; isHalf(t) {
			g.Weights[w.Name] = &ir.Tensor{Shape: t.Shape, Type: ir.F32, Data: op.Floats(t)}
		}
	}
	return run.compressed(ctx, g, "none")
}

// rival is a program on kernels of a sparse format.
type rival struct {
	format  string
	program *system.Program
}

// mostRival is the bytes of a program beside which no other is compiled.
const mostRival = 512 << 20

// sparser is the network on sparse kernels wherever there are such for its zeros, where the choice of a format was left to
// the engine and it took dense ones: what it did not take is measured, not estimated.
func (run *runner) sparser() ([]rival, error) {
	if _, format := pairOf(run.spec.Primitive); format != "" || run.program.MemoryBytes() > mostRival {
		return nil, nil
	}
	zeros := map[ir.Type]bool{}
	for _, n := range run.program.Nodes() {
		if n.Format == primitive.Dense && float64(n.MACs-n.MACsNonzero) >= leastZeros*float64(n.MACs) && n.MACs > 0 {
			zeros[n.Type] = true
		}
	}
	if len(zeros) == 0 {
		return nil, nil
	}
	formats := []string{sparseFor(run.spec.Compress)}
	if uncompressed(run.spec) { // nothing says how the zeros lie
		formats = append(formats, primitive.BSR)
	}
	if len(zeros) == 1 && zeros[ir.I8] {
		formats = []string{primitive.BSR} // the only one for integers
	}
	choices, err := choicesOf(run.spec)
	if err != nil {
		return nil, err
	}
	sched := choices[ir.Sched][0]
	if sched.Name == system.Tuned {
		sched = ir.Choice{Name: system.Heuristic}
	}
	var out []rival
	for _, f := range formats {
		p, err := system.Shared(run.graph, primitive.Kernels(), run.machine, system.Plan{Algorithm: primitive.Direct, Format: f, Schedule: sched, Batch: run.batch})
		if err != nil {
			return nil, err
		}
		if skips(p, f) {
			out = append(out, rival{f, p})
		}
	}
	return out, nil
}

// skips reports whether a program's nodes of a format leave anything out.
func skips(p *system.Program, format string) bool {
	return slices.ContainsFunc(p.Nodes(), func(n system.Node) bool {
		return n.Format == format && n.MACs > 0 && float64(n.MACsExecuted) < (1-leastZeros)*float64(n.MACs)
	})
}

// sparseFor is the format for what passes leave.
func sparseFor(passes string) string {
	for _, f := range [][2]string{{"blocks", primitive.BSR}, {"punch", primitive.Punched}, {"pattern", primitive.Pattern}} {
		if strings.Contains(passes, f[0]+"(") && primitive.Check(primitive.Direct, f[1]) == nil {
			return f[1]
		}
	}
	return primitive.CSR
}

// taken is what nodes take, and what others would or did.
type taken struct {
	nodes       []string
	ms, instead float64
}

func (t *taken) add(name string, ms, instead float64) {
	t.nodes, t.ms, t.instead = append(t.nodes, name), t.ms+ms, t.instead+instead
}

// many names few nodes, and counts more.
func (t taken) many() string {
	if len(t.nodes) <= 2 {
		return strings.Join(t.nodes, " and ")
	}
	return fmt.Sprintf("%d nodes", len(t.nodes))
}

// rivals is what the sparse formats that dense kernels were preferred to would take, alone and warm.
type rivals struct {
	all, faster, slower taken
	winograd            int    // of all, those that run Winograd's
	format              string // of most
}

func (e *Explanation) rivals() (v rivals) {
	formats := map[string]int{}
	for _, n := range e.Nodes {
		if n.Sparse == nil {
			continue
		}
		v.all.add(n.Name, *n.Sparse, n.Warm)
		if *n.Sparse > n.Warm {
			v.slower.add(n.Name, *n.Sparse, n.Warm)
		} else {
			v.faster.add(n.Name, *n.Sparse, n.Warm)
		}
		if strings.Contains(n.Kernel, primitive.Winograd) {
			v.winograd++
		}
		formats[n.SparseFormat]++
	}
	for f, n := range formats {
		if v.format == "" || cmp.Or(cmp.Compare(n, formats[v.format]), cmp.Compare(v.format, f)) > 0 {
			v.format = f
		}
	}
	return v
}

// notEnough is why a sparse format was not taken that is faster alone: the choice was by estimates.
const notEnough = "was estimated to gain less than a tenth, its conversions counted"

// reason is why dense kernels were taken, measured; empty where nothing was.
func (v rivals) reason() string {
	switch {
	case len(v.all.nodes) == 0:
		return ""
	case v.all.ms > v.all.instead:
		text := fmt.Sprintf(", and %s is slower there: alone %s for %s", v.format, millis(v.all.ms), millis(v.all.instead))
		if v.winograd > 0 {
			text += fmt.Sprintf(" (%s by Winograd's)", counted(v.winograd, "nodes", "one node"))
		}
		return text
	}
	return fmt.Sprintf(", where %s takes %s for %s alone, but %s", v.format, millis(v.all.ms), millis(v.all.instead), notEnough)
}

// formats says which nodes run in a sparse format and which keep dense kernels although they have zeros, with the times that
// decide it; empty where the choice was not the engine's.
func (e *Explanation) formats() string {
	v := e.rivals()
	if _, format := pairOf(e.Spec.Primitive); format != "" {
		return ""
	}
	var out []string
	var names []string
	sparse := map[string]*taken{}
	for _, n := range e.Nodes {
		if f := formatOf(n.Kernel); f != "" && n.WorkLeft != nil {
			if sparse[f] == nil {
				sparse[f] = &taken{}
				names = append(names, f)
			}
			sparse[f].add(n.Name, n.MS, n.BaselineMS)
		}
	}
	slices.Sort(names)
	for _, f := range names {
		out = append(out, fmt.Sprintf("%s runs %s in %s for the baseline's %s", f, sparse[f].many(), millis(sparse[f].ms), millis(sparse[f].instead)))
	}
	var dense []string
	if t := v.slower; len(t.nodes) > 0 {
		dense = append(dense, fmt.Sprintf("%s, where %s takes longer (alone %s for %s)", t.many(), v.format, millis(t.ms), millis(t.instead)))
	}
	if t := v.faster; len(t.nodes) > 0 {
		dense = append(dense, fmt.Sprintf("%s, where %s takes less (alone %s for %s), but %s", t.many(), v.format, millis(t.ms), millis(t.instead), notEnough))
	}
	if dense != nil {
		out = append(out, "dense kernels keep "+strings.Join(dense, ", and "))
	}
	if out == nil {
		return ""
	}
	return "by format: " + strings.Join(out, "; ")
}

// formatOf is the sparse format in a kernel's name; empty for others.
func formatOf(kernel string) string {
	name, _, _ := strings.Cut(kernel, "__")
	for _, word := range strings.Split(name, "_") {
		if word != primitive.Dense && primitive.IsFormat(word) {
			return word
		}
	}
	return ""
}

// counted is a number of things in words.
func counted(n int, many, one string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// caveats are what a reader of an explanation must know of the result that it is of.
func (r *Result) caveats(e *Explanation) (out []string) {
	if h := e.Environment.Hash; r.Environment.Hash != "" && r.Environment.Hash != h {
		out = append(out, "the result was measured in another environment ("+r.Environment.CPU+"); all times here are of this one")
	}
	switch {
	case !r.Model.Trained:
		out = append(out, "random weights: what the speed-up costs in accuracy, this network cannot say")
	case r.Accuracy == nil:
		out = append(out, "the data has no labels: what the speed-up costs in accuracy is not known")
	}
	if o := e.Own; o != nil {
		if o.Bits > 0 {
			out = append(out, fmt.Sprintf("most layers have at most %d values of weights, which makes the file smaller: no kernel makes time of it", 1<<o.Bits))
		}
		if o.Halves {
			out = append(out, "the weights came in two bytes; the baseline has the same ones in four")
		}
	}
	return out
}
