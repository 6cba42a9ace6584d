package dlas

import (
	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
)

func primitiveOptions() []ir.Option { return named("auto", "direct", "gemm", "dense", "csr") }

func scheduleOptions() []ir.Option { return named("untuned", "heuristic") }

func named(names ...string) []ir.Option {
	var o []ir.Option
	for _, n := range names {
		o = append(o, ir.Option{Name: n})
	}
	return o
}

func checkChoice(l ir.Layer, c ir.Choice) error {
	switch l {
	case ir.Data:
		return data.Check(c)
	case ir.Model:
		return model.Check(c)
	case ir.Compress:
		return compress.Check(c)
	case ir.Hardware:
		return nil
	}
	var names []string
	for _, o := range Options(l) {
		if o.Name == c.Name {
			return nil
		}
		names = append(names, o.Name)
	}
	return ir.Unknown(l, string(l), c.Name, names)
}

func primitiveCheck(algorithm, format string) error { return nil }
