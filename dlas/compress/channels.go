package compress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

func channels() pass {
	return pass{
		option: ir.Option{
			Name: "channels",
			Help: "Removes the fraction p of the output channels of convolutions and linear layers, so that the network really gets narrower: its parameters fall, " +
				"its multiplications too, and every kernel gains, the dense ones first. Channels that are added up, filtered alone or gated together go together; the network's outputs stay. " +
				"by=l1 removes those whose weights are smallest by their sum of magnitudes, by=bn those whose batch norm scales least, by=activation those whose mean magnitude over images of val is least, " +
				"each relative to its layer where layers are compared. scope=layer takes p of each layer's channels, scope=global p of all together. round=16 keeps a multiple of 16 of each, so that vectors are full. " +
				"Without retraining it costs much accuracy; recalibrate after it wins some back.",
			Source: "Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017 (l1); Liu et al., Network Slimming, ICCV 2017 (bn); joined channels: Fang et al., DepGraph, CVPR 2023",
			Params: []ir.Param{
				{Help: "fraction of output channels that go, from 0 to below 1"},
				{Key: "by", Help: "what a channel is worth", Default: "l1", Values: []string{"l1", "bn", "activation"}},
				{Key: "round", Help: "what each layer keeps is a multiple of this, where it has as many", Default: "1"},
				{Key: "scope", Help: "what is ranked together", Default: "layer", Values: []string{"layer", "global"}},
			},
		},
		check: func(c ir.Choice) error { _, err := channelArgs(c); return err },
		apply: applyChannels, byLayer: channelsByLayer,
	}
}

type channelChoice struct {
	p         float64
	by, scope string
	round     int
	at        []float64 // by layer, in place of p
}

func channelArgs(c ir.Choice) (a channelChoice, err error) {
	example := "write channels(0.5) for half of them"
	if len(c.Value) != 1 {
		return a, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("channels takes one fraction, but got %d", len(c.Value)), Try: example}
	}
	a = channelChoice{by: "l1", scope: "layer", round: 1}
	a.p, err = strconv.ParseFloat(c.Value[0], 64)
	switch {
	case err != nil || !(a.p >= 0 && a.p <= 1):
		return a, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("channels(%s): the fraction must be from 0 to below 1", c.Value[0]), Try: example}
	case a.p == 1:
		return a, &ir.Error{Layer: ir.Compress, What: "channels(1) would leave nothing: each layer keeps a channel at least", Try: "write channels(0.9) for nine of ten"}
	}
	for _, arg := range c.Args {
		values := map[string][]string{"by": {"l1", "bn", "activation"}, "scope": {"layer", "global"}}[arg.Key]
		switch {
		case arg.Key == "round":
			if a.round, err = strconv.Atoi(arg.Value); err != nil || arg.Op != "=" || a.round < 1 || a.round > 1024 {
				return a, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("round%s%s of channels is not a number from 1 to 1024", arg.Op, arg.Value), Try: "write round=16"}
			}
		case values == nil:
			return a, ir.Unknown(ir.Compress, "argument of channels", arg.Key, []string{"by", "round", "scope"})
		case arg.Op != "=" || !slices.Contains(values, arg.Value):
			return a, ir.Unknown(ir.Compress, arg.Key+" of channels", arg.Value, values)
		case arg.Key == "by":
			a.by = arg.Value
		default:
			a.scope = arg.Value
		}
	}
	return a, nil
}

func applyChannels(ctx context.Context, g *ir.Graph, c ir.Choice, t Tools) (*ir.Graph, string, error) {
	a, err := channelArgs(c)
	if err != nil {
		return nil, "", err
	}
	d, err := depend(g)
	if err != nil {
		return nil, "", err
	}
	return d.narrow(ctx, g, c, a, t)
}

// channelsByLayer is applyChannels with a level for each layer; of layers whose channels go together the highest counts.
func channelsByLayer(ctx context.Context, g *ir.Graph, c ir.Choice, levels []string, t Tools) (*ir.Graph, string, error) {
	a, err := channelArgs(At(c, "0"))
	if err != nil {
		return nil, "", err
	}
	if a.scope != "layer" {
		return nil, "", ir.Errorf(ir.Compress, "channels with a level for each layer ranks within these, not over all: scope=%s", a.scope)
	}
	d, err := depend(g)
	if err != nil {
		return nil, "", err
	}
	of := map[string]float64{}
	for i, l := range Layers(g) {
		if levels[i] == Leave {
			continue
		}
		p, err := strconv.ParseFloat(levels[i], 64)
		if err != nil {
			return nil, "", ir.Errorf(ir.Compress, "channels: %s is no fraction", levels[i])
		}
		for _, n := range l.Nodes {
			of[n.Name] = p
		}
	}
	a.at = make([]float64, len(d.layers))
	for i, l := range d.layers {
		a.at[i] = of[l.node.Name]
		a.p = max(a.p, a.at[i])
	}
	return d.narrow(ctx, g, c, a, t)
}

// narrow removes the channels that a choice says.
func (d *dependency) narrow(ctx context.Context, g *ir.Graph, c ir.Choice, a channelChoice, t Tools) (*ir.Graph, string, error) {
	b, err := d.bundles(ctx, a.by, t)
	if err != nil {
		return nil, "", err
	}
	if len(b) == 0 && a.p > 0 {
		return nil, "", &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s has no channels that can go%s", g.Name, d.whole())}
	}
	gone := d.choose(b, a)
	kept := func(c int32) bool { return !gone[d.root(c)] }
	out, err := d.remove(ctx, kept)
	if err != nil {
		return nil, "", err
	}
	for _, l := range d.layers {
		left := []int{}
		for i, ch := range l.of {
			if kept(ch) {
				left = append(left, i)
			}
		}
		t.past.narrow(l.name, left)
	}
	line, err := d.report(c, out, kept)
	return out, line, err
}

// choose says which roots go. Bundles that the same layers make are of one kind, and each kind keeps one, or round, at
// least; so does every value.
func (d *dependency) choose(list []bundle, a channelChoice) map[int32]bool {
	kinds := map[string][]bundle{}
	var keys []string
	for _, b := range list {
		if kinds[b.key] == nil {
			keys = append(keys, b.key)
		}
		kinds[b.key] = append(kinds[b.key], b)
	}
	worth := func(x, y bundle) int {
		switch {
		case x.score < y.score:
			return -1
		case x.score > y.score:
			return 1
		}
		return int(x.root - y.root)
	}
	drop := map[string]int{} // bundles of a kind that go, the least worth first
	if a.scope == "layer" {
		for _, k := range keys {
			p := a.p
			if a.at != nil {
				p = 0
				for _, i := range kinds[k][0].makers {
					p = max(p, a.at[i])
				}
			}
			drop[k] = int(math.Round(p * float64(len(kinds[k]))))
		}
	} else {
		all := slices.Clone(list)
		slices.SortFunc(all, worth)
		total, removed := 0, 0
		for _, b := range all {
			total += b.size
		}
		for _, b := range all {
			if float64(removed)+float64(b.size)/2 > a.p*float64(total) {
				break
			}
			if drop[b.key] < len(kinds[b.key])-1 {
				drop[b.key]++
				removed += b.size
			}
		}
	}
	gone := map[int32]bool{}
	score := map[int32]float64{}
	for _, k := range keys {
		kind := kinds[k]
		slices.SortFunc(kind, worth)
		keep := len(kind) - drop[k]
		if a.round > 1 {
			keep = (keep + a.round/2) / a.round * a.round
		}
		keep = min(max(keep, a.round, 1), len(kind))
		for _, b := range kind[:len(kind)-keep] {
			gone[b.root] = true
		}
		for _, b := range kind {
			score[b.root] = b.score
		}
	}
	d.refill(gone, score)
	return gone
}

// refill gives every value that would have no channels the most worth of its own back.
func (d *dependency) refill(gone map[int32]bool, score map[int32]float64) {
	for _, n := range d.g.Nodes {
		for _, name := range n.Out {
			l := d.lanes[name]
			best, left := int32(-1), false
			for _, c := range l.of {
				r := d.root(c)
				if !gone[r] {
					left = true
					break
				}
				if best < 0 || score[r] > score[best] {
					best = r
				}
			}
			if !left && best >= 0 {
				delete(gone, best)
			}
		}
	}
}

// whole says which layers keep all their channels, and why: the network's last one is not worth a word.
func (d *dependency) whole() string {
	var names []string
	for _, l := range d.layers {
		why := ""
		for _, c := range l.of {
			if why = d.why[d.root(c)]; why == "" {
				break
			}
		}
		if why != "" && why != outputHolds {
			names = append(names, fmt.Sprintf("%q (%s)", l.name, why))
		}
	}
	if len(names) == 0 {
		return ""
	}
	text := "; left whole: " + strings.Join(names[:min(3, len(names))], ", ")
	if more := len(names) - 3; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// report is the line of explanation.
func (d *dependency) report(c ir.Choice, out *ir.Graph, kept func(int32) bool) (string, error) {
	left, all, single := 0, 0, 0
	for _, l := range d.layers {
		k := count(l.of, kept)
		left, all = left+k, all+len(l.of)
		if k == 1 && len(l.of) > 1 {
			single++
		}
	}
	before, err := size(d.g)
	if err != nil {
		return "", err
	}
	after, err := size(out)
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("%s: %d of %d output channels are gone, %s of %s parameters and %s of %s multiply-accumulates are left", c, all-left, all,
		quantity(after.params), quantity(before.params), quantity(after.macs), quantity(before.macs))
	if single > 0 {
		line += fmt.Sprintf("; %d layers keep a single channel, the least there can be", single)
	}
	return line + d.whole(), nil
}

type extent struct{ params, macs int64 }

// size counts a network's parameters, as all its weights but batch norm's statistics, and its multiply-accumulates.
func size(g *ir.Graph) (e extent, err error) {
	stats := map[string]bool{}
	for _, n := range g.Nodes {
		if n.Op == "BatchNormalization" && len(n.In) == 5 {
			stats[n.In[3]], stats[n.In[4]] = true, true
		}
	}
	for name, t := range g.Weights {
		if !stats[name] {
			e.params += int64(t.Shape.Elems())
		}
	}
	work, err := op.Count(g)
	for _, w := range work {
		e.macs += w.MACs
	}
	return e, err
}

// quantity spells a large number with three digits.
func quantity(n int64) string {
	switch {
	case n >= 1e9:
		return strconv.FormatFloat(float64(n)/1e9, 'g', 3, 64) + " billion"
	case n >= 1e6:
		return strconv.FormatFloat(float64(n)/1e6, 'g', 3, 64) + " million"
	}
	return strconv.FormatInt(n, 10)
}
