// Package dlas is the front door of the Deep Learning Acceleration Stack: one choice for each of its six layers, one
// run that measures accuracy and latency on the same compiled program.
//
//	r, err := dlas.New().Model("resnet8").Prune(0.9).Primitive("direct", "csr").Run(ctx)
//
// A Stack is a value: each verb returns a copy, and nothing fails before the run. In a notebook cell MustRun takes the
// place of Run. Several values make a sweep: Prune(0, 0.5, 0.9) is three points, which Sweep measures side by side.
package dlas

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
)

// Stack builds a Spec layer by layer. The zero Stack and New() have the default at every layer.
type Stack struct{ spec Spec }

// New is the default stack: Fashion-MNIST, the model that follows the data, no compression, automatic primitives,
// heuristic schedules, all cores.
func New() Stack { return Stack{} }

// FromSpec is the stack that builds s.
func FromSpec(s Spec) Stack { return Stack{spec: s} }

// Spec returns what has been chosen, as it was written: empty layers have their default. See Spec.Canonical.
func (s Stack) Spec() Spec { return s.spec }

// With sets one layer to a text of the grammar.
func (s Stack) With(l ir.Layer, text string) Stack { return Stack{spec: s.spec.With(l, text)} }

// Data sets L1: a data set, with its arguments as the grammar has them, such as "cifar10(n=1000, batch=8)". Several are
// a sweep.
func (s Stack) Data(choices ...string) Stack {
	return s.With(ir.Data, strings.Join(choices, "|"))
}

// Model sets L2. Several are a sweep.
func (s Stack) Model(choices ...string) Stack {
	return s.With(ir.Model, strings.Join(choices, "|"))
}

// Compress sets L3 to passes applied in order, each a text of the grammar.
func (s Stack) Compress(passes ...string) Stack {
	return s.With(ir.Compress, sequence(passes))
}

// Primitive sets L4: an algorithm, a format, or both.
func (s Stack) Primitive(words ...string) Stack {
	return s.With(ir.Primitive, sequence(words))
}

// Untuned sets L5 to one fixed loop order and tile for all shapes.
func (s Stack) Untuned() Stack { return s.With(ir.Sched, "untuned") }

// Heuristic sets L5 to schedules chosen by shape.
func (s Stack) Heuristic() Stack { return s.With(ir.Sched, "heuristic") }

// Tuned sets L5 to a search that measures that many candidates on this machine.
func (s Stack) Tuned(candidates int) Stack { return s.Schedule(fmt.Sprintf("tuned(%d)", candidates)) }

// Schedule sets L5. Several are a sweep.
func (s Stack) Schedule(choices ...string) Stack {
	return s.With(ir.Sched, strings.Join(choices, "|"))
}

// CPUOption is an argument of CPU.
type CPUOption struct{ text string }

// ISA is the instruction set that kernels may use: go, avx2. Several are a sweep.
func ISA(names ...string) CPUOption { return CPUOption{"isa=" + strings.Join(names, "|")} }

// Threads is the number of worker threads. Several are a sweep.
func Threads(n ...int) CPUOption {
	texts := make([]string, len(n))
	for i, v := range n {
		texts[i] = strconv.Itoa(v)
	}
	return CPUOption{"threads=" + strings.Join(texts, "|")}
}

// CPU sets L6 to this machine's processor; without options its best instruction set and all its cores.
func (s Stack) CPU(options ...CPUOption) Stack {
	if len(options) == 0 {
		return s.Hardware("cpu")
	}
	texts := make([]string, len(options))
	for i, o := range options {
		texts[i] = o.text
	}
	return s.Hardware("cpu(" + strings.Join(texts, ", ") + ")")
}

// Hardware sets L6. Several are a sweep.
func (s Stack) Hardware(choices ...string) Stack {
	return s.With(ir.Hardware, strings.Join(choices, "|"))
}

// sequence writes texts as terms applied in order; one that has alternatives is put in brackets.
func sequence(texts []string) string {
	if len(texts) == 1 {
		return texts[0]
	}
	terms := make([]string, len(texts))
	for i, t := range texts {
		terms[i] = t
		// A text that does not parse stays as it is: the run says what is wrong with it.
		if l, err := grammar.Parse(ir.Compress, t); err == nil && len(l) > 1 {
			terms[i] = "(" + t + ")"
		}
	}
	return strings.Join(terms, " ")
}
