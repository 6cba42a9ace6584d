package dlas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
)

// words explains the columns of cards and tables, and the verdicts: what it is, its unit, where the rule comes from.
var words = []ir.Option{
	{Name: "top-1", Help: "Fraction of the images whose true class came first, in per cent on a card and as a fraction in JSON, with its Wilson 95 % interval. null without labels and with random weights.", Source: "Wilson 1927"},
	{Name: "top-5", Help: "Fraction of the images whose true class is among the first five."},
	{Name: "latency", Help: "Milliseconds of one run of a whole batch, from f32 NCHW in memory to f32 logits, warm and back to back over the first 32 inputs; decoding and preprocessing are outside. It describes this process on this machine only."},
	{Name: "interval", Help: "A range that holds the true value in 95 of 100 repetitions of the measurement: Wilson's for an accuracy, the order-statistic (binomial) one for a median of times. Two results whose intervals overlap may well be equal.", Source: "Wilson 1927; Conover, Practical Nonparametric Statistics"},
	{Name: "stopped_by", Help: "Why the measuring of latency ended: the interval became narrower than 2 % of the median, or the budget of 3 s was spent. There are at least 30 samples."},
	{Name: "overhead", Help: "Milliseconds that a network which does nothing takes on the same input: what calling the engine costs."},
	{Name: "params", Help: "Number of weights of all kinds, zeros included."},
	{Name: "nonzero", Help: "Number of weights that are not zero."},
	{Name: "sparsity", Help: "Fraction of zeros among the weights of convolutions and linear layers, first and last included, biases and batch norm not."},
	{Name: "macs", Help: "Multiply-accumulates of the network's definition for one image: full output, border included, the same for every primitive. 1 MAC is 2 FLOP."},
	{Name: "macs_nonzero", Help: "The multiply-accumulates whose weight is not zero: the work that is left after compression."},
	{Name: "macs_executed", Help: "The multiply-accumulates that the kernel issues, padding and stored zeros included."},
	{Name: "bytes", Help: "Weights as saved, in bytes. 1 MB is 10^6 bytes."},
	{Name: "memory_bytes", Help: "Packed weights and the buffers of the compiled program, in bytes."},
	{Name: "workspace_bytes", Help: "Scratch memory that a node wants while it runs: the im2col matrix of gemm, packed panels."},
	{Name: "instead_of", Help: "The choice that does not apply to this node: depthwise and linear nodes run their own kernel under every primitive."},
	{Name: "why", Help: "Of a node with zeros among its weights whose kernel auto chose: which kernel is estimated how many times faster than the best that skips zeros, or that does not, conversions of layouts included. An estimate is some percent off, so a kernel that skips zeros has to be a tenth faster to be taken."},
	{Name: "roofline", Help: "The least time that this machine allows a node, over the time that it took: that of the multiply-accumulates executed at the peak of the same ISA, type and threads, or that of moving its inputs, weights and outputs once, whichever is longer (bound says which). Of the bytes as many as the caches of the threads hold come at the speed of these, the rest at that of what lies behind. All peaks are measured once a process. Winograd executes fewer products than the definition has, so its share is of these alone.", Source: "Williams, Waterman, Patterson: Roofline: An Insightful Visual Performance Model, 2009"},
	{Name: "bound", Help: "What the roofline of a node is the time of: compute, its multiply-accumulates at the peak of the instruction set, or memory, its bytes at the speed of the caches and of what lies behind them. Empty where the caches may have held all bytes and there is nothing to multiply."},
	{Name: "moved_bytes", Help: "What a node moves at least in one run of a batch: its inputs, its weights as packed and its outputs, each once."},
	{Name: "nodes", Help: "The steps of the compiled network, in the order in which they run. The card shows them below a result; %dlas nodes and dlas nodes list them with kernel, ISA, schedule, time and roofline, with the choice that did not apply (instead_of), and where there are zeros with why they are skipped or not (why)."},
	{Name: "kernel", Help: "The row of the kernel table that runs a node, named operator_type_algorithm_format__isa: conv_f32_winograd_dense__avx512. One that ends in _reference__go is the operator's definition: right, and slow."},
	{Name: "isa", Help: "The instruction set that a kernel is written for: go (plain Go), avx2, avxvnni, avx512, avx512vnni, neon. hardware cpu(isa=avx2) allows it and those before it."},
	{Name: "ms", Help: "Milliseconds of one node: the median of a separate profiled pass. The card shows the sum of the nodes over the latency."},
	{Name: "faster", Help: "Verdict of a paired comparison: the whole 95 % interval of the ratio of latencies lies below 1 and more than 1 % away from it. Slower is the mirror image; everything else reads cannot tell."},
	{Name: "paired", Help: "Measured side by side: the programs alternate in at least 11 rounds, in reversed order each round, so that a drifting clock cannot favour one."},
	{Name: "unpaired", Help: "The results were measured apart, so a change of the machine between them may be all that differs."},
	{Name: "stored", Help: "Taken from the store of earlier results of this build on this environment; sweep --fresh measures anew."},
	{Name: "mcnemar", Help: "The exact test for a difference of two accuracies on the same images: binomial on the images that just one of the two got right. p above 0.05 reads no difference shown, which is no proof of equality.", Source: "McNemar 1947"},
	{Name: "explain", Help: "Why a compressed network is as fast as it is: the work that compression left, the speed-up that this allows (expected), the one that is measured (paired with the baseline), and where the difference, the gap, went: by part, layer of the stack and node. A part is the sum over nodes of what the compressed node takes less what the baseline's takes of the same kind, scaled to the work left; a negative one is time gained. Noise is the interval, no part."},
	{Name: "baseline", Help: "What a compressed run is judged by: the same Spec with compress none and format dense, measured side by side with it. Of a network that came with zeros, and that no pass has compressed, it is the same network on dense kernels, and its work is all of its multiply-accumulates."},
	{Name: "ideal", Help: "Speed-up if time were work: the baseline's macs over macs_nonzero."},
	{Name: "expected", Help: "Speed-up if every node took the share of the baseline's time that its non-zero multiply-accumulates are of the baseline's, fewer where the machine multiplies the node's type faster (by its measured peaks). Nodes without multiply-accumulates keep their time."},
	{Name: "gap", Help: "Milliseconds that a compressed network takes more than expected: measured less the baseline's time over expected."},
	{Name: "unexplained", Help: "What of the gap no part explains. The times of nodes come from runs that time them, so a little is always left; it may be the largest of 10 % of the gap, 2 % of the baseline and half the interval's width."},
	{Name: "parts", Help: "The reasons of explain, each measured: zeros not skipped, format, winograd lost, narrow layers, other kernel, type's kernels (all: the node alone and warm), type's instructions and memory-bound (the machine's peaks), threads (all threads against one), cache (alone after other bytes were read, less alone warm), in place (among the others, less that), conversion and other nodes (where they stand), between nodes (a run less its nodes), fixed overhead (the do-nothing network)."},
	{Name: "elbow", Help: "As the level of a pass, prune(elbow) or channels(elbow, drop=2), the highest level of its scan whose accuracy on n images of val (1000), and that of all lower levels, is at most drop points (1) below the uncompressed network's. The Spec of the result has the number that was found. plot elbow draws the scan."},
	{Name: "spec", Help: "One choice a layer. Its hash is the same for every spelling: magic, Go, command line, JSON."},
}

// explained are the options of a layer and, of the model, what may be said of a file, which has no name of its own.
func explained(l ir.Layer) []ir.Option {
	if l == ir.Model {
		return append(Options(l), model.FileOption())
	}
	return Options(l)
}

// Help explains a word: a choice of a layer, an argument, a layer, a column or a verdict. The error names the nearest
// words.
func Help(word string) (string, error) {
	word = strings.TrimSpace(word)
	if l := ir.Layer(word); l.Number() > 0 {
		return helpLayer(l), nil
	}
	var found []string
	var names []string
	for _, l := range ir.Layers() {
		names = append(names, string(l))
		for _, o := range explained(l) {
			names = append(names, o.Name)
			if o.Name == word {
				found = append(found, helpOption(fmt.Sprintf("%s (L%d %s: %s)", o.Name, l.Number(), l.Title(), l), o))
			}
		}
	}
	for _, o := range words {
		names = append(names, o.Name)
		if o.Name == strings.ToLower(word) {
			found = append(found, helpOption(o.Name, o))
		}
	}
	if found == nil {
		return "", ir.Unknown("", "word", word, names)
	}
	return strings.Join(found, "\n"), nil
}

// HelpWords lists what Help explains.
func HelpWords() []string {
	var names []string
	for _, l := range ir.Layers() {
		names = append(names, string(l))
		for _, o := range explained(l) {
			names = append(names, o.Name)
		}
	}
	for _, o := range words {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func helpLayer(l ir.Layer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "L%d %s: %s\n", l.Number(), l.Title(), l)
	t := table{}
	for _, o := range explained(l) {
		t.rows = append(t.rows, []string{"  " + o.Name, firstSentence(o.Help)})
	}
	b.WriteString(t.text())
	return b.String()
}

func helpOption(title string, o ir.Option) string {
	var b strings.Builder
	b.WriteString(title + "\n  " + o.Help + "\n")
	for _, p := range o.Params {
		name := p.Key
		if name == "" {
			name = "value"
		}
		b.WriteString("  " + name + ": " + p.Help)
		if len(p.Values) > 0 {
			b.WriteString("; one of " + strings.Join(p.Values, ", "))
		}
		if len(p.Examples) > 0 {
			b.WriteString("; such as " + strings.Join(p.Examples, ", "))
		}
		if p.Default != "" {
			b.WriteString("; default " + p.Default)
		}
		b.WriteString("\n")
	}
	if o.Source != "" {
		b.WriteString("  source: " + o.Source + "\n")
	}
	return b.String()
}

func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i >= 0 {
		return s[:i+1]
	}
	return s
}
