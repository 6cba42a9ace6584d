package dlas

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// Options describes the choices that a layer has in this build: what help, completion and error messages are made of.
func Options(l ir.Layer) []ir.Option {
	switch l {
	case ir.Data:
		return data.Options()
	case ir.Model:
		return model.Options()
	case ir.Compress:
		return compress.Options()
	case ir.Primitive:
		return primitive.Options()
	case ir.Sched:
		return system.Options()
	case ir.Hardware:
		return hardware.Options()
	}
	return nil
}

// defaultOf is the text that an empty layer stands for. The default model follows data, the text of the data layer; it
// is empty where that has several points.
func defaultOf(l ir.Layer, data string) (string, error) {
	switch l {
	case ir.Data:
		return "fashion-mnist", nil
	case ir.Model:
		return defaultModel(data)
	case ir.Compress:
		return "none", nil
	case ir.Primitive:
		return "auto", nil
	case ir.Sched:
		return "heuristic", nil
	default:
		return "cpu", nil
	}
}

func defaultModel(data string) (string, error) {
	line, err := grammar.Parse(ir.Data, data)
	if err != nil {
		return "", err
	}
	points, err := line.Points(ir.Data)
	if err != nil {
		return "", err
	}
	name := model.Default(points[0][0].Name)
	for _, p := range points[1:] {
		if model.Default(p[0].Name) != name {
			return "", nil
		}
	}
	return name, nil
}

// normalise checks the choices of one point of a layer and gives them their canonical order and arguments.
func normalise(l ir.Layer, cs []ir.Choice) ([]ir.Choice, error) {
	for i, c := range cs {
		cs[i].Args = slices.DeleteFunc(slices.Clone(c.Args), func(a ir.Arg) bool { return isDefault(l, c.Name, a.Key, a.Op, a.Value) })
		if err := checkChoice(l, cs[i]); err != nil {
			return nil, err
		}
	}
	switch l {
	case ir.Compress:
		cs = slices.DeleteFunc(slices.Clone(cs), func(c ir.Choice) bool { return c.Name == "none" })
		if len(cs) == 0 {
			cs = []ir.Choice{{Name: "none"}}
		}
		return cs, compress.CheckOrder(cs)
	case ir.Primitive:
		algorithm, format, err := primitivePair(cs)
		if err != nil {
			return nil, err
		}
		cs = []ir.Choice{{Name: algorithm}}
		if format != "" {
			cs = append(cs, ir.Choice{Name: format})
		}
		return cs, nil
	}
	if len(cs) > 1 {
		return nil, &ir.Error{Layer: l, What: fmt.Sprintf("takes one choice, but got %s", spell(cs)), Try: "alternatives are written " + alternatives(cs)}
	}
	if l == ir.Hardware {
		m, err := hardware.Resolve(cs[0])
		if err != nil {
			return nil, err
		}
		cs = []ir.Choice{{Name: cs[0].Name, Args: []ir.Arg{{Key: "isa", Op: "=", Value: m.ISA}, {Key: "threads", Op: "=", Value: strconv.Itoa(m.Threads)}}}}
	}
	return cs, nil
}

func alternatives(cs []ir.Choice) string {
	words := make([]string, len(cs))
	for i, c := range cs {
		words[i] = c.String()
	}
	return strings.Join(words, "|")
}

// primitivePair sorts the words of L4 into algorithm and format. A format alone stands with auto; an algorithm alone
// is dense; auto alone leaves the format open too.
func primitivePair(cs []ir.Choice) (algorithm, format string, err error) {
	for _, c := range cs {
		if len(c.Value)+len(c.Args) > 0 {
			return "", "", &ir.Error{Layer: ir.Primitive, What: c.Name + " takes no arguments", Try: "write " + c.Name}
		}
		kind, to := "algorithm", &algorithm
		if primitive.IsFormat(c.Name) {
			kind, to = "format", &format
		}
		if *to != "" {
			return "", "", &ir.Error{Layer: ir.Primitive, What: fmt.Sprintf("takes one %s, but got %s and %s", kind, *to, c.Name), Try: "alternatives are written " + *to + "|" + c.Name}
		}
		*to = c.Name
	}
	if algorithm == "" {
		algorithm = primitive.Auto
	}
	if algorithm != primitive.Auto && format == "" {
		format = primitive.Dense
	}
	return algorithm, format, primitive.Check(algorithm, format)
}

// isDefault reports whether an argument says what holds without it.
func isDefault(l ir.Layer, name, key, op, value string) bool {
	if op != "=" {
		return false
	}
	for _, o := range Options(l) {
		for _, p := range o.Params {
			if o.Name == name && p.Key == key && p.Default != "" && p.Default == value {
				return true
			}
		}
	}
	return false
}

// dropDefaults leaves out of every call what holds without it.
func dropDefaults(l ir.Layer, line grammar.Line) grammar.Line {
	out := make(grammar.Line, len(line))
	for i, s := range line {
		out[i] = slices.Clone(s)
		for j, t := range out[i] {
			if t.Group != nil {
				out[i][j].Group = dropDefaults(l, t.Group)
				continue
			}
			out[i][j].Call.Args = slices.DeleteFunc(slices.Clone(t.Call.Args), func(a grammar.Arg) bool {
				return len(a.Values) == 1 && isDefault(l, t.Call.Name, a.Key, a.Op, a.Values[0])
			})
		}
	}
	return out
}

// checkChoice says what is wrong with one choice of a layer. L4 and L6 are checked as a whole, not word by word.
func checkChoice(l ir.Layer, c ir.Choice) error {
	switch l {
	case ir.Data:
		return data.Check(c)
	case ir.Model:
		return model.Check(c)
	case ir.Compress:
		return compress.Check(c)
	case ir.Sched:
		return system.CheckSchedule(c)
	}
	return nil
}
