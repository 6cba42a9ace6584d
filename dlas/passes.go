package dlas

import (
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/internal/grammar"
)

// The verbs of L3. Each adds a pass after those there are; several levels are a sweep. What they have no parameter for,
// such as scope=layer, stands in the text of Compress.

// Prune sets a fraction of the convolution and linear weights to zero, smallest magnitudes first, over the whole network.
func (s Stack) Prune(levels ...float64) Stack { return s.addCall("prune", spellAll(levels)) }

// Blocks sets blocks of weights to zero, smallest L2 norm first, until that fraction is: a block, such as "16x1", is output
// channels x input channels at one kernel position. Several blocks are a sweep.
func (s Stack) Blocks(fraction float64, block ...string) Stack {
	return s.addCall("blocks", grammar.Number(fraction), strings.Join(block, "|"))
}

// Punch is block-punched pruning: within a block of filters x input channels, such as "8x4", the same kernel positions
// become zero, until that fraction of each layer is. Several blocks are a sweep.
func (s Stack) Punch(fraction float64, block ...string) Stack {
	return s.addCall("punch", grammar.Number(fraction), strings.Join(block, "|"))
}

// Pattern keeps 4 or 5 of the 9 weights of each 3x3 kernel, by a fixed set of patterns, and drops whole kernels until that
// fraction, at least 4/9, of the weights of these kernels is zero.
func (s Stack) Pattern(fraction ...float64) Stack { return s.addCall("pattern", spellAll(fraction)) }

// Channels removes that fraction of the output channels, so that the network becomes narrower.
func (s Stack) Channels(fraction ...float64) Stack { return s.addCall("channels", spellAll(fraction)) }

// Palette gives each layer at most 2^bits different weights.
func (s Stack) Palette(bits ...int) Stack {
	texts := make([]string, len(bits))
	for i, b := range bits {
		texts[i] = strconv.Itoa(b)
	}
	return s.addCall("palette", strings.Join(texts, ", "))
}

// LowRank splits layers into two of a lower rank that keeps that share of their energy, where this saves work.
func (s Stack) LowRank(energy ...float64) Stack { return s.addCall("lowrank", spellAll(energy)) }

// Ternary makes the weights of a layer -a, 0 or a.
func (s Stack) Ternary() Stack { return s.addPass("ternary") }

// FP16 stores convolution and linear weights in float16.
func (s Stack) FP16() Stack { return s.addPass("fp16") }

// BF16 stores convolution and linear weights in bfloat16.
func (s Stack) BF16() Stack { return s.addPass("bf16") }

// Int8 quantises weights and activations to integers of eight bits, calibrated with images of the split val.
func (s Stack) Int8() Stack { return s.addPass("int8") }

// Recalibrate estimates batch norm's means and variances anew, with images of the split val.
func (s Stack) Recalibrate() Stack { return s.addPass("recalibrate") }

// Auto finds the compression that meets targets, such as "accuracy>=-0.5pt" and "latency<=5ms".
func (s Stack) Auto(targets ...string) Stack { return s.addCall("auto", targets...) }

// addCall adds a pass with these arguments; empty ones are left out.
func (s Stack) addCall(name string, args ...string) Stack {
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "" })
	if len(args) == 0 {
		return s.addPass(name)
	}
	return s.addPass(name + "(" + strings.Join(args, ", ") + ")")
}

func (s Stack) addPass(pass string) Stack {
	if old := s.spec.Compress; old != "" && old != "none" {
		return s.Compress(old, pass)
	}
	return s.Compress(pass)
}

func spellAll(vs []float64) string {
	texts := make([]string, len(vs))
	for i, v := range vs {
		texts[i] = grammar.Number(v)
	}
	return strings.Join(texts, ", ")
}

// passVerbs are the verbs of passes that are written with their values alone, and what kind these are.
var passVerbs = []struct {
	pass, verb string
	values     func(vs [][]string) (string, bool)
}{
	{"prune", "Prune", levelList},
	{"blocks", "Blocks", levelAndBlocks},
	{"punch", "Punch", levelAndBlocks},
	{"pattern", "Pattern", levelList},
	{"channels", "Channels", levelList},
	{"palette", "Palette", wholeList},
	{"lowrank", "LowRank", levelList},
	{"ternary", "Ternary", nothing},
	{"fp16", "FP16", nothing},
	{"bf16", "BF16", nothing},
	{"int8", "Int8", nothing},
	{"recalibrate", "Recalibrate", nothing},
}

// passCalls are the calls that add these passes; nil where one has no such call.
func passCalls(s grammar.Seq) []string {
	var calls []string
	for _, t := range s {
		call := ""
		for _, v := range passVerbs {
			if t.Group != nil || t.Call.Name != v.pass || len(t.Call.Args) > 0 {
				continue
			}
			if values, ok := v.values(t.Call.Values); ok {
				call = v.verb + "(" + values + ")"
			}
		}
		if t.Group == nil && t.Call.Name == "auto" {
			call = autoCall(t.Call)
		}
		if call == "" {
			return nil
		}
		calls = append(calls, call)
	}
	return calls
}

func nothing(vs [][]string) (string, bool) { return "", len(vs) == 0 }

// levelList is one list of numbers.
func levelList(vs [][]string) (string, bool) {
	if len(vs) != 1 {
		return "", false
	}
	return numbers(vs[0])
}

func wholeList(vs [][]string) (string, bool) {
	list, ok := levelList(vs)
	return list, ok && !strings.ContainsAny(list, ".e")
}

// levelAndBlocks is one number and a list of blocks.
func levelAndBlocks(vs [][]string) (string, bool) {
	if len(vs) != 2 || len(vs[0]) != 1 {
		return "", false
	}
	list, ok := numbers(vs[0])
	for _, b := range vs[1] {
		list += ", " + strconv.Quote(b)
	}
	return list, ok
}

// autoCall is empty where a target is a list.
func autoCall(c grammar.Call) string {
	if len(c.Values) > 0 {
		return ""
	}
	var targets []string
	for _, a := range c.Args {
		if len(a.Values) != 1 {
			return ""
		}
		targets = append(targets, strconv.Quote(a.Key+a.Op+a.Values[0]))
	}
	return "Auto(" + strings.Join(targets, ", ") + ")"
}
