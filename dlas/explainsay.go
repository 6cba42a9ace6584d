package dlas

import (
	"fmt"
	"math"
	"slices"
	"strings"

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
	what := e.Spec.Compress
	if what == "none" {
		what = e.Spec.Primitive
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s left %s of the work; that would allow %s", what, shareText(e.WorkLeft), times(e.Expected))
	switch {
	case e.Type < -0.05*e.BaselineMS:
		fmt.Fprintf(&b, " (%s by the work, more by the type)", times(e.Ideal))
	case e.Untouched > 0.25*e.ExpectedMS && e.untouchedNodes() > 0.1*e.ExpectedMS:
		fmt.Fprintf(&b, " (%s if time were work, but the nodes that it left as they are take %s)", times(e.Ideal), millis(e.untouchedNodes()))
	}
	fmt.Fprintf(&b, "; you got %s", times(e.Speedup))
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
	default:
		b.WriteString(", all there was to gain")
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

// losing is the nodes in which a part costs most, worst first, and how many have it at all.
func (e *Explanation) losing(part string) (worst ExplainedNode, n int) {
	for _, x := range e.Nodes {
		if ms := x.Parts[part]; ms > 0 {
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
		return fmt.Sprintf("dense kernels multiply the zeros of %s", nodes)
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
		return fmt.Sprintf("the baseline runs %s by minimal filtering (Winograd), which multiplies less and has no such kernel here", nodes)
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

// sparse is the format for what the passes leave.
func (e *Explanation) sparse() string {
	passes := e.Spec.Compress
	for _, f := range [][2]string{{"blocks", "bsr"}, {"punch", "punched"}, {"pattern", "pattern"}} {
		if strings.Contains(passes, f[0]+"(") && primitive.Check(primitive.Direct, f[1]) == nil {
			return f[1]
		}
	}
	return primitive.CSR
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
		if e.auto {
			return "no sparse kernel was estimated to be faster at this density; try more zeros, or blocks(0.8, 16x1)"
		}
		if format == e.sparse() {
			return "they are those that have no kernel of format " + format
		}
		return "try primitive direct " + e.sparse()
	case partFormat:
		if _, _, mostly := e.slower(); mostly {
			return "try primitive auto, which takes the faster of the two, or more zeros"
		}
		if e.sparse() == primitive.CSR {
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
		list = append(list, name+" "+millis(n.Parts[name]))
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
