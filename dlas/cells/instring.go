package cells

import (
	"path"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/plotting"
)

// completeString completes a string in a Go cell that is an argument of dlas or plotting, with the words that the magics
// know: dlas.New().Data("…"). See interp.Library.
func completeString(pkg, fn string, arg int, typed string) ([]string, int) {
	switch path.Base(pkg) + "." + fn {
	case "dlas.Stack.Data", "dlas.Spec.Data":
		return completeChoice(ir.Data, typed)
	case "dlas.Stack.Model", "dlas.Spec.Model":
		return completeChoice(ir.Model, typed)
	case "dlas.Stack.Compress", "dlas.Spec.Compress":
		return completeChoice(ir.Compress, typed)
	case "dlas.Stack.Primitive", "dlas.Spec.Primitive":
		return completeChoice(ir.Primitive, typed)
	case "dlas.Stack.Schedule", "dlas.Spec.Schedule":
		return completeChoice(ir.Sched, typed)
	case "dlas.Stack.Hardware", "dlas.Spec.Hardware":
		return completeChoice(ir.Hardware, typed)
	case "dlas.ISA":
		return lastWord(typed, instructionSets())
	case "dlas.Help":
		return lastWord(typed, dlas.HelpWords())
	case "dlas.Named", "dlas.Pair":
		return lastWord(typed, resultNames())
	case "plotting.Plot":
		switch {
		case arg == 0:
			return lastWord(typed, kindNames())
		case arg > 1:
			return completeOption(typed)
		}
	case "plotting.ParseOptions":
		return completeOption(typed)
	}
	return nil, 0
}

// completeOption completes a key=value option of a figure.
func completeOption(typed string) ([]string, int) {
	found, replace := completePlot(plotting.Kinds()[0].Name + " " + typed)
	return found, min(replace, len(typed))
}

func instructionSets() []string {
	for _, o := range dlas.Options(ir.Hardware) {
		for _, p := range o.Params {
			if p.Key == "isa" {
				return p.Values
			}
		}
	}
	return nil
}
