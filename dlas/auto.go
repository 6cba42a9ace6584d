package dlas

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/system"
)

// searcher is one search of auto: it profiles what each pass saves (autoprofile.go), scans what it costs (autoscan.go),
// puts the steps in order (autopath.go) and measures how far they may be taken (autosearch.go).
type searcher struct {
	judge   *judge
	after   string // what is compressed before
	targets compress.Targets
	base    *seen   // the uncompressed network
	before  *seen   // the network before
	need    float64 // the least top-1; negative infinity where none is asked for
	ms      float64 // of the network before
	user    *runner // the stack itself, not compressed
	raw     *ir.Graph
	layers  []string // of the network before
	units   []autoUnit
	costs   []int             // of what is made less
	total   [allCosts]float64 // of the network before
	scans   []*Scan
	notes   []string
}

// auto finds the compression of each layer that meets the targets of pass, after what is compressed before it.
func auto(ctx context.Context, spec Spec, after string, pass ir.Choice) (found string, scans []*Scan, notes []string, err error) {
	t, err := compress.TargetsOf(pass)
	if err != nil {
		return "", nil, nil, err
	}
	j, err := newJudge(ctx, spec, t.Images)
	if err != nil {
		return "", nil, nil, err
	}
	a := &searcher{judge: j, after: after, targets: t}
	for _, step := range []func(context.Context) error{func(ctx context.Context) error { return a.begin(ctx, spec) }, a.findUnits, a.look} {
		if err := step(ctx); err != nil {
			return "", nil, nil, err
		}
	}
	best, tried, err := a.choose(ctx)
	if err != nil {
		return "", nil, nil, err
	}
	note := fmt.Sprintf("%s is the best of %d that were found for %d layers in %.0f s: top-1 on %s images of val %s (%+.2f points), weights %s",
		pass, tried, len(a.layers), j.seconds(), thousands(int64(j.base.set.Len())), percent(best.seen.top1()), 100*(best.seen.top1()-a.base.top1()), bytesText(best.seen.Bytes))
	if best.ms > 0 {
		note += fmt.Sprintf(", %.3g ms of %.3g ms before, measured in turns", best.ms, a.ms)
	}
	return best.text, a.scans, append(a.notes, note), nil
}

// begin measures where the search starts, and refuses what cannot be.
func (a *searcher) begin(ctx context.Context, spec Spec) (err error) {
	for _, l := range compress.Layers(a.judge.raw) {
		if t := a.judge.raw.Weights[l.Name].Type; !t.Float() {
			return &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("auto takes float networks, and %q of %s has %s: it is quantised already", plain(l.Name), spec.Model, t), Try: "take its float form"}
		}
	}
	if a.base, err = a.judge.see(ctx, "none"); err != nil {
		return err
	}
	if a.before, err = a.judge.see(ctx, a.after); err != nil {
		return err
	}
	a.need = math.Inf(-1)
	if acc := a.targets.Accuracy; acc != nil {
		if a.need = *acc; a.targets.Points {
			a.need = a.base.top1() + *acc/100
		}
		if a.before.top1() < a.need-1e-12 {
			return &ir.Error{
				Layer: ir.Compress, What: fmt.Sprintf("auto cannot reach a top-1 of %s on val: the network has %s before it", percent(a.need), percent(a.before.top1())),
				Try: "ask for points below it, as in accuracy>=-0.5pt",
			}
		}
	}
	plain := spec.With(ir.Compress, "none")
	if strings.HasPrefix(plain.Schedule, system.Tuned) { // a search for schedules at each step would take hours
		plain.Schedule = system.Heuristic
	}
	if a.user, err = build(ctx, plain, a.judge.base.opened); err != nil {
		return err
	}
	a.raw = a.user.graph
	return nil
}

// look measures what each layer has to give: time, and accuracy for it. Where the most accurate is looked for, and what the
// search starts from meets the targets, there is nothing to ask of layers.
func (a *searcher) look(ctx context.Context) error {
	if t := a.targets; t.Accuracy == nil && !t.MinBytes {
		on, err := a.goesOn(ctx, &candidate{text: a.join(), seen: a.before})
		if err != nil {
			return err
		}
		if !on {
			a.notes = append(a.notes, "auto looked at no layer: the network meets the targets as it is; told how much accuracy may go, as in accuracy>=-0.5pt, it looks for the fastest")
			return nil
		}
	}
	if err := a.profile(ctx); err != nil {
		return err
	}
	return a.scan(ctx)
}

// forTime and forBytes say what is made less. Bytes lead where they alone are asked for; a target for them beside others is
// looked for both ways.
func (a *searcher) forTime() bool {
	t := a.targets
	return !t.MinBytes && (t.Bytes == 0 || t.Latency > 0 || t.Accuracy != nil)
}

func (a *searcher) forBytes() bool { return a.targets.MinBytes || a.targets.Bytes > 0 }

// program is the stack with another compression.
func (a *searcher) program(ctx context.Context, text string) (*runner, error) {
	return a.user.compressed(ctx, a.raw, text)
}

// join is what is compressed before, and then.
func (a *searcher) join(texts ...string) string {
	var words []string
	for _, t := range append([]string{a.after}, texts...) {
		if t != "" && t != "none" {
			words = append(words, t)
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}

// allowed reports whether passes go together, and are in this build.
func (a *searcher) allowed(text string) bool {
	_, err := canonicalLayer(ir.Compress, text, "")
	return err == nil
}

// meets reports whether a measured candidate meets all targets.
func (a *searcher) meets(c *candidate) bool { return len(a.missed(c)) == 0 }

// missed are the targets that a candidate fails, each with by how much.
func (a *searcher) missed(c *candidate) (list []miss) {
	t := a.targets
	if d := a.need - c.seen.top1(); d > 1e-12 {
		of := "accuracy>=" + fmt.Sprint(*t.Accuracy)
		if t.Points {
			of += "pt"
		}
		list = append(list, miss{of, fmt.Sprintf("%.2f points below it", 100*d), d / max(a.need, 1e-9)})
	}
	ratio := func(of string, v, most float64) {
		if most > 0 && v > most {
			list = append(list, miss{of, fmt.Sprintf("%.3g times it", v/most), v/most - 1})
		}
	}
	ratio(fmt.Sprintf("latency<=%gms", t.Latency), c.ms, t.Latency)
	ratio("bytes<="+fmt.Sprint(t.Bytes), float64(c.seen.Bytes), t.Bytes)
	return list
}

// miss is a target that is not met.
type miss struct {
	target, by string
	share      float64 // of the target
}

// unmet is the error that says which targets the nearest of all candidates fails, and by how much.
func (a *searcher) unmet(near []*candidate) error {
	far := func(c *candidate) (sum float64) {
		for _, m := range a.missed(c) {
			sum += m.share
		}
		return sum
	}
	best := slices.MinFunc(near, func(x, y *candidate) int { return sign(far(x) - far(y)) })
	var targets, by []string
	for _, m := range a.missed(best) {
		targets, by = append(targets, m.target), append(by, m.by)
	}
	text := fmt.Sprintf("auto cannot meet %s: the nearest is %s, %s, with top-1 %s on val, ", strings.Join(targets, " and "), shortened(best.text), strings.Join(by, " and "), percent(best.seen.top1()))
	if best.ms > 0 {
		text += fmt.Sprintf("%.3g ms, ", best.ms)
	}
	try := "allow more"
	if a.targets.Latency > 0 {
		try += ", or change L4 to L6: they decide what compression saves"
	}
	return &ir.Error{Layer: ir.Compress, What: text + "weights " + bytesText(best.seen.Bytes), Try: try}
}

func sign(v float64) int {
	switch {
	case v < 0:
		return -1
	case v > 0:
		return 1
	}
	return 0
}
