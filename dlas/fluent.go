package dlas

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
)

// Go is the Go text that builds and runs this stack. For a notebook it is a cell with MustRun (MustSweep where there
// is more than one point); else it is a whole program.
func (s Stack) Go(notebook bool) string {
	spec, err := s.spec.Canonical()
	if err != nil {
		spec = s.spec
	}
	points, err := spec.Points()
	sweep := err == nil && len(points) > 1
	verb := "Run"
	if sweep {
		verb = "Sweep"
	}
	calls := fluentCalls(spec)
	if notebook {
		return "r := dlas.New().\n\t" + strings.Join(calls, ".\n\t") + ".\n\tMust" + verb + "()\nr\n"
	}
	return fmt.Sprintf(`package main

import (
	"context"
	"fmt"
	"log"

	"github.com/godlas/godlas/dlas"
)

func main() {
	r, err := dlas.New().
		%s.
		%s(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r)
}
`, strings.Join(calls, ".\n\t\t"), verb)
}

// GoExport is the Go text of a notebook's cell that exports this stack's network to a file.
func (s Stack) GoExport(path string) string {
	spec, err := s.spec.Canonical()
	if err != nil {
		spec = s.spec
	}
	spec.Data, spec.Primitive, spec.Schedule, spec.Hardware = s.spec.Data, "", "", ""
	calls := append([]string{"dlas.New()"}, fluentCalls(spec)...)
	return fmt.Sprintf("err := %s.\n\tExport(display.Context(), %q)\nif err != nil {\n\tpanic(err)\n}\n", strings.Join(calls, ".\n\t"), path)
}

// fluentCalls is a verb for each layer, the typed one where the choice has one.
func fluentCalls(spec Spec) []string {
	var calls []string
	for _, l := range ir.Layers() {
		text := spec.Layer(l)
		if text == "" {
			continue
		}
		calls = append(calls, fluentLayer(l, text)...)
	}
	return calls
}

func fluentLayer(l ir.Layer, text string) []string {
	line, err := grammar.Parse(l, text)
	if err == nil && len(line) == 1 {
		if typed := typedCalls(l, line[0]); typed != nil {
			return typed
		}
	}
	verb := map[ir.Layer]string{
		ir.Data: "Data", ir.Model: "Model", ir.Compress: "Compress", ir.Primitive: "Primitive", ir.Sched: "Schedule", ir.Hardware: "Hardware",
	}[l]
	return []string{verb + "(" + strconv.Quote(text) + ")"}
}

// typedCalls is nil where the layer's text must be handed over as it is.
func typedCalls(l ir.Layer, s grammar.Seq) []string {
	switch l {
	case ir.Compress:
		return passCalls(s)
	case ir.Primitive:
		words := make([]string, len(s))
		for i, t := range s {
			words[i] = strconv.Quote(grammar.Line{{t}}.String())
			if t.Group != nil {
				words[i] = strconv.Quote(t.Group.String())
			}
		}
		return []string{"Primitive(" + strings.Join(words, ", ") + ")"}
	case ir.Sched:
		if c := s[0].Call; len(s) == 1 && c.Name == "tuned" && len(c.Values) == 1 && len(c.Values[0]) == 1 && len(c.Args) == 0 {
			if n, ok := numbers(c.Values[0]); ok && !strings.ContainsAny(n, ".e") {
				return []string{"Tuned(" + n + ")"}
			}
		}
		if c := s[0].Call; len(s) == 1 && len(c.Values)+len(c.Args) == 0 {
			switch c.Name {
			case "untuned":
				return []string{"Untuned()"}
			case "heuristic":
				return []string{"Heuristic()"}
			}
		}
	case ir.Hardware:
		return typedCPU(s)
	}
	return nil
}

func typedCPU(s grammar.Seq) []string {
	c := s[0].Call
	if len(s) != 1 || c.Name != "cpu" || len(c.Values) > 0 {
		return nil
	}
	var options []string
	for _, a := range c.Args {
		switch {
		case a.Key == "isa" && a.Op == "=":
			words := make([]string, len(a.Values))
			for i, v := range a.Values {
				words[i] = strconv.Quote(v)
			}
			options = append(options, "dlas.ISA("+strings.Join(words, ", ")+")")
		case a.Key == "threads" && a.Op == "=":
			n, ok := numbers(a.Values)
			if !ok || strings.ContainsAny(n, ".e") {
				return nil
			}
			options = append(options, "dlas.Threads("+n+")")
		default:
			return nil
		}
	}
	return []string{"CPU(" + strings.Join(options, ", ") + ")"}
}

func numbers(vs []string) (string, bool) {
	for _, v := range vs {
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return "", false
		}
	}
	return strings.Join(vs, ", "), true
}
