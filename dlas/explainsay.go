package dlas

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// say writes the sentences: of every part, and of the nodes that lose most.
func (e *Explanation) say() {
	for i := range e.Parts {
		p := &e.Parts[i]
		p.Text, p.Try = e.reason(p.Name, p.MS), e.wayOut(p.Name, p.MS)
	}
	for i := range e.Nodes {
		e.Nodes[i].Text = e.Nodes[i].sentence(e.BaselineMS)
	}
	if e.integers() {
		slices.SortStableFunc(e.Nodes, func(x, y ExplainedNode) int { return cmp.Compare(y.MS-y.Least, x.MS-x.Least) })
		for i := range e.Nodes {
			if n := &e.Nodes[i]; n.WorkLeft != nil && n.Least > 0 {
				n.Text = fmt.Sprintf("%s the %s that the peaks ask", times(n.MS/n.Least), millis(n.Least))
			}
		}
	}
}

// integers reports whether the network came quantised, so that the baseline has nothing more to say than itself.
func (e *Explanation) integers() bool {
	return e.Own != nil && e.Own.Type != "" && e.Own.Zeros < leastZeros
}

// model names the network: of a file its name without the folder.
func (e *Explanation) model() string {
	name := e.Spec.Model // quoted and with arguments, such as head=
	if c, err := choicesOf(e.Spec); err == nil && len(c[ir.Model]) > 0 {
		name = c[ir.Model][0].Name
	}
	return name[strings.LastIndexByte(name, '/')+1:]
}

// worst is the part that lost most and whether it matters: whether it is more than what is called unexplained anyway.
func (e *Explanation) worst() (p Part, matters bool) {
	if len(e.Parts) == 0 {
		return p, false
	}
	p = e.Parts[0]
	return p, e.Gap > max(e.Noise, 0.02*e.BaselineMS) && p.MS > max(e.Noise, 0.01*e.BaselineMS)
}

// Headline is the answer in one sentence.
func (e *Explanation) Headline() string {
	var b strings.Builder
	what, left := e.Spec.Compress, "left"
	switch {
	case what != "none":
	case e.integers():
		return e.ofIntegers()
	case e.Own != nil && e.Own.Zeros < 0.01 && e.Own.Halves:
		what, left = e.model()+" comes with weights in two bytes, which", "leaves"
	case e.Own != nil && e.Own.Zeros >= 0.01:
		what, left = fmt.Sprintf("%s comes with %s of its weights zero, which", e.model(), shareText(e.Own.Zeros)), "leaves"
	default:
		what = e.Spec.Primitive
	}
	fmt.Fprintf(&b, "%s %s %s of the work; that would allow %s", what, left, shareText(e.WorkLeft), times(e.Expected))
	switch {
	case e.Type < -0.05*e.BaselineMS:
		fmt.Fprintf(&b, " (%s by the work, more by the type)", times(e.Ideal))
	case e.Untouched > 0.25*e.ExpectedMS && e.untouchedNodes() > 0.1*e.ExpectedMS:
		fmt.Fprintf(&b, " (%s if time were work, but the nodes that it left as they are take %s)", times(e.Ideal), millis(e.untouchedNodes()))
	}
	fmt.Fprintf(&b, "; you got %s", times(e.Speedup))
	if e.Own != nil && (e.Own.Zeros >= 0.01 || e.Own.Halves) {
		b.WriteString(" of dense kernels' speed")
		if e.Verdict != CannotTell {
			b.WriteString(" (" + e.Verdict + ")")
		}
	}
	p, matters := e.worst()
	if matters && e.Verdict == CannotTell {
		b.WriteString(", which cannot be told from 1")
	}
	switch {
	case matters:
		fmt.Fprintf(&b, ", mostly because %s", p.Text)
		if p.Try != "" {
			b.WriteString("; " + p.Try)
		}
	case e.Gap < -max(e.Noise, 0.02*e.BaselineMS):
		b.WriteString(", which is more: " + e.gained())
	case math.Abs(e.Gap) <= e.Noise && e.Verdict == CannotTell:
		b.WriteString(", and the difference is noise")
	case e.Gap > max(e.Noise, 0.02*e.BaselineMS):
		b.WriteString(", for no reason that is larger than the noise")
		if p.MS > 0 {
			fmt.Fprintf(&b, " (the largest, %s, is %s of %s)", p.Name, millis(p.MS), millis(e.Gap))
		}
	case e.Speedup < 0.95*e.Expected:
		fmt.Fprintf(&b, ", and more cannot be told: the interval is %s to %s", times(e.Low), times(e.High))
	default:
		b.WriteString(", all there was to gain")
	}
	return b.String()
}

// ofIntegers is the answer of a network that came in integers: what it would be in floats nobody knows, what this machine's
// peaks ask of it can be measured.
func (e *Explanation) ofIntegers() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s comes in %s, and there is no float network to compare it with; it takes %s", e.model(), e.Own.Type, millis(e.MS))
	if e.Least > 0 {
		fmt.Fprintf(&b, ", %s the %s that this machine's peaks ask of its nodes at least", times(e.MS/e.Least), millis(e.Least))
		worst := ExplainedNode{}
		for _, n := range e.Nodes {
			if n.MS-n.Least > worst.MS-worst.Least {
				worst = n
			}
		}
		if worst.Name != "" {
			fmt.Fprintf(&b, " (most above it %s: %s for %s)", worst.Name, millis(worst.MS), millis(worst.Least))
		}
	}
	fmt.Fprintf(&b, "; beside the same network on dense kernels it is %s as fast", times(e.Speedup))
	if e.Verdict == CannotTell {
		b.WriteString(", which cannot be told from 1")
	}
	return b.String()
}

// untouchedNodes is the time of the baseline's nodes that compression left nearly as they were.
func (e *Explanation) untouchedNodes() (ms float64) {
	for _, n := range e.Nodes {
		if n.BaselineMS > 0 && n.ExpectedMS > 0.9*n.BaselineMS {
			ms += n.BaselineMS
		}
	}
	return ms
}

// gained names the largest negative part.
func (e *Explanation) gained() string {
	if n := len(e.Parts); n > 0 && e.Parts[n-1].MS < 0 {
		p := e.Parts[n-1]
		return fmt.Sprintf("%s gives %s back", p.Name, millis(-p.MS))
	}
	return "the baseline is slower than its work"
}

// leastPart is the share of a node's time from which on zeros in it are worth a word: hardly a network has none.
const leastPart = 0.02

// losing is the nodes in which a part costs most, worst first, and how many have it at all.
func (e *Explanation) losing(part string) (worst ExplainedNode, n int) {
	for _, x := range e.Nodes {
		if ms := x.Parts[part]; ms > 0 && (part != partZeros || ms > leastPart*x.MS) {
			n++
			if worst.Parts == nil || ms > worst.Parts[part] {
				worst = x
			}
		}
	}
	return worst, n
}

// reason is what a part is, in one sentence.
func (e *Explanation) reason(part string, ms float64) string {
	worst, n := e.losing(part)
	nodes := fmt.Sprintf("%d nodes", n)
	if n == 1 {
		nodes = "one node"
	}
	if ms < 0 {
		return gains(part)
	}
	switch part {
	case partZeros:
		if n == 0 {
			return "dense kernels multiply the few zeros there are"
		}
		return fmt.Sprintf("dense kernels multiply the zeros of %s", nodes) + e.rivals().reason()
	case partFormat:
		slow, of, mostly := e.slower()
		if mostly {
			return fmt.Sprintf("%d of %d nodes in a sparse format are below its break-even, slower than with the dense kernel", slow, of)
		}
		text := fmt.Sprintf("a weight that is left takes %s as long in a sparse format as in a dense one", e.perWeight())
		if slow > 0 {
			text += fmt.Sprintf(" (%d of %d nodes are below its break-even)", slow, of)
		}
		return text
	case partWinograd:
		return fmt.Sprintf("the baseline runs %s by minimal filtering (Winograd), which multiplies less; the kernels chosen here do not", nodes)
	case partShape:
		return fmt.Sprintf("kernels do fewer multiply-accumulates a second on layers that are narrower, most in %s", worst.Name)
	case partISA:
		return fmt.Sprintf("the instruction set %s multiplies 8-bit integers slower than this machine can (VNNI)", e.Environment.ISA)
	case partType:
		return fmt.Sprintf("the kernels of the smaller type come less near to its peak than those of f32, most in %s", worst.Name)
	case partMemory:
		if n == 1 {
			return "one node waits for memory: its bytes take longer than the work that is left"
		}
		return fmt.Sprintf("%s wait for memory: their bytes take longer than the work that is left", nodes)
	case partCache:
		return "weights have to come from behind the core's caches, and take a larger share of less time"
	case partThreads:
		return "the threads share smaller nodes less evenly, or wait for each other longer"
	case partPlace:
		if e.Environment.Threads > 1 {
			return "among the others nodes wait for their threads, and find inputs in another core's cache, longer than alone"
		}
		return "among the others nodes find their inputs further away than alone"
	case partConversion:
		return fmt.Sprintf("values are converted in %s", nodes)
	case partOthers:
		return "nodes without multiply-accumulates take longer, or are more"
	case partBetween:
		return "what passes between nodes does not shrink with their work"
	case partOverhead:
		return "what calling the engine costs does not shrink"
	case partKernel:
		return fmt.Sprintf("other kernels run than in the baseline, most slowly %s", worst.Name)
	}
	return part
}

// gains is what a part below zero means.
func gains(part string) string {
	switch part {
	case partCache:
		return "weights that are fewer fit the caches better"
	case partPlace:
		return "among the others nodes wait less than alone, or less than the baseline's"
	case partConversion:
		return "the baseline converts more values"
	case partOthers:
		return "nodes without multiply-accumulates are faster, or gone"
	case partFormat, partType, partKernel, partShape:
		return "the kernels reach more of the peak than the baseline's"
	case partWinograd:
		return "where the baseline runs minimal filtering the direct kernel is faster"
	}
	return "less than in the baseline"
}

// slower counts the nodes in a sparse format that take longer than the baseline's, and says whether they lose most of what
// all of them do.
func (e *Explanation) slower() (slow, of int, mostly bool) {
	theirs, all := 0.0, 0.0
	for _, n := range e.Nodes {
		if ms, ok := n.Parts[partFormat]; ok {
			of, all = of+1, all+ms
			if n.MS > n.BaselineMS {
				slow, theirs = slow+1, theirs+ms
			}
		}
	}
	return slow, of, slow > 0 && theirs > all/2
}

// perWeight is how many times as long the multiply-accumulate of a sparse format takes than the baseline's.
func (e *Explanation) perWeight() string {
	took, expected := 0.0, 0.0
	for _, n := range e.Nodes {
		if _, ok := n.Parts[partFormat]; ok {
			took, expected = took+n.ExpectedMS+n.Parts[partFormat], expected+n.ExpectedMS
		}
	}
	if expected == 0 {
		return "longer"
	}
	return times(took / expected)
}

// leastTry is the share of the gap from which on a part is worth trying something against.
const leastTry = 0.03

// wayOut is what to try against a part.
func (e *Explanation) wayOut(part string, ms float64) string {
	if ms <= leastTry*math.Abs(e.Gap) {
		return ""
	}
	algorithm, format := pairOf(e.Spec.Primitive)
	switch part {
	case partZeros:
		worst, n := e.losing(partZeros)
		switch v := e.rivals(); {
		case n == 0:
			return ""
		case strings.Contains(worst.Kernel, "_i8_") && strings.Contains(e.Spec.Compress, "16x4"):
			return "try more zeros"
		case strings.Contains(worst.Kernel, "_i8_"): // one instruction multiplies four bytes of 16 channels
			return "try blocks(0.8, 16x4) before int8: zeros of bytes are skipped by such blocks alone"
		case e.auto && v.format != "" && v.format != primitive.CSR:
			return "try more zeros"
		case e.auto && v.format != "":
			return "try more zeros, or blocks(0.8, 16x1)"
		case e.auto:
			return "no sparse kernel was estimated to be faster at this density; try more zeros, or blocks(0.8, 16x1)"
		}
		if format == sparseFor(e.Spec.Compress) {
			return "they are those that have no kernel of format " + format
		}
		return "try primitive direct " + sparseFor(e.Spec.Compress)
	case partFormat:
		if _, _, mostly := e.slower(); mostly {
			return "try primitive auto, which takes the faster of the two, or more zeros"
		}
		if e.runs(primitive.CSR) {
			return "try blocks(0.8, 16x1), whose vectors are full"
		}
	case partWinograd:
		if algorithm != primitive.Auto || format != "" {
			return "try primitive auto, which takes the faster of the two, or more zeros"
		}
	case partShape:
		return "try channels with round=16, or fewer of them"
	case partISA:
		if e.more {
			return "try hardware cpu, with this machine's best instruction set"
		}
	case partType, partKernel:
		if !strings.HasPrefix(e.Spec.Schedule, "tuned") {
			return "try schedule tuned(300)"
		}
	case partMemory, partCache:
		return "try fewer bytes: int8, channels, or a larger batch for the same weights"
	case partThreads, partPlace:
		if e.Environment.Threads > 1 {
			return "try threads=1, or a larger batch"
		}
	case partConversion:
		if format != "" && format != primitive.Dense {
			return "try primitive auto, which counts conversions"
		}
	case partBetween, partOverhead:
		return "try a larger batch"
	}
	return ""
}

// runs reports whether any node's kernel is of a sparse format.
func (e *Explanation) runs(format string) bool {
	return slices.ContainsFunc(e.Nodes, func(n ExplainedNode) bool { return formatOf(n.Kernel) == format })
}

// sentence says of a node that lost something which part is most of it.
func (n ExplainedNode) sentence(baseline float64) string {
	if n.Lost < 0.002*baseline {
		return ""
	}
	names := make([]string, 0, len(n.Parts))
	for name, ms := range n.Parts {
		if ms >= 0.2*n.Lost {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(x, y string) int { return strings.Compare(x, y) })
	slices.SortStableFunc(names, func(x, y string) int {
		switch {
		case n.Parts[x] > n.Parts[y]:
			return -1
		case n.Parts[x] < n.Parts[y]:
			return 1
		}
		return 0
	})
	var list []string
	for _, name := range names {
		text := name + " " + millis(n.Parts[name])
		if name == partZeros && n.Sparse != nil {
			text += " (alone, " + n.SparseFormat + " takes " + millis(*n.Sparse) + ")"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// shareText is a fraction as a percentage, or "all".
func shareText(f float64) string {
	if f > 0.9995 && f < 1.0005 {
		return "all"
	}
	return significant(100*f) + " %"
}

// times is a ratio.
func times(f float64) string {
	if f < 10 {
		return fmt.Sprintf("%.2fx", f)
	}
	return fmt.Sprintf("%.1fx", f)
}
