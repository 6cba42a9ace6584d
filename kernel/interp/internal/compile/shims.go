package compile

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/godlas/godlas/kernel/interp/internal/rt"
)

// Compiled code calls func values of the commonest types, such as that of
// sort.Slice's less, through shims: Go code that takes the arguments as they are
// passed and puts them into a frame.

// shimMaker returns a maker of func values of type t, or nil if t is none of the
// types that have shims.
func shimMaker(t reflect.Type) *rt.FuncMaker {
	if t.IsVariadic() {
		return nil
	}
	name := ""
	for p := range t.Ins() {
		name += class(p)
	}
	name += ">"
	for r := range t.Outs() {
		name += class(r)
	}
	shimsOnce.Do(makeShims)
	if shim := shims[name]; shim != nil {
		return rt.NewShimMaker(shim)
	}
	return nil
}

// class is a letter for how a type is passed, and kept by the collector.
func class(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "b"
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return "i"
	case reflect.Int32, reflect.Uint32:
		return "r"
	case reflect.Float64:
		return "f"
	case reflect.String:
		return "s"
	case reflect.Slice:
		return "l"
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func:
		return "p"
	case reflect.Interface:
		return "e" // with methods or without
	}
	return "?"
}

type (
	pointer = unsafe.Pointer
	list    = []pointer
)

// shims are by the classes of parameters and results. They are made when first asked for.
var (
	shims     map[string]func(f *rt.Func) any
	shimsOnce sync.Once
)

func makeShims() {
	shims = map[string]func(f *rt.Func) any{
		">": shim0[int], ">i": shimR[int], ">f": shimR[float64], ">s": shimR[string], ">b": shimR[bool], ">e": shimR[eface], ">p": shimR[pointer],
		"i>": shim1[int], "f>": shim1[float64], "s>": shim1[string], "p>": shim1[pointer], "e>": shim1[eface], "b>": shim1[bool],
		"i>i": shim1R[int, int], "i>f": shim1R[int, float64], "i>b": shim1R[int, bool], "i>s": shim1R[int, string],
		"f>f": shim1R[float64, float64], "f>b": shim1R[float64, bool], "s>s": shim1R[string, string], "s>b": shim1R[string, bool], "s>i": shim1R[string, int],
		"r>b": shim1R[rune, bool], "r>r": shim1R[rune, rune], "l>f": shim1R[list, float64], "p>p": shim1R[pointer, pointer], "p>b": shim1R[pointer, bool],
		"p>e": shim1R[pointer, eface], "e>e": shim1R[eface, eface], "e>b": shim1R[eface, bool], "s>e": shim1R[string, eface],
		"ep>": shim2[eface, pointer], "ll>": shim2[list, list], "ii>": shim2[int, int], "pi>": shim2[pointer, int],
		"ii>b": shim2R[int, int, bool], "ss>b": shim2R[string, string, bool], "ff>b": shim2R[float64, float64, bool], "pp>b": shim2R[pointer, pointer, bool],
		"ee>b": shim2R[eface, eface, bool], "ii>i": shim2R[int, int, int], "ss>i": shim2R[string, string, int], "ff>i": shim2R[float64, float64, int],
		"pp>i": shim2R[pointer, pointer, int], "ff>f": shim2R[float64, float64, float64], "if>f": shim2R[int, float64, float64], "ii>f": shim2R[int, int, float64],
		"ee>i": shim2R[eface, eface, int], "li>f": shim2R[list, int, float64], "ll>f": shim2R[list, list, float64],
	}
}

// A visit is a call of interpreted code by compiled code.
type visit struct {
	g      *gor
	top    *frame
	fr, nf *frame
	f      *fun
}

// arrive gets the frame of f for a call by compiled code on goroutine g.
func (g *gor) arrive(f *rt.Func) (v visit) {
	v.g, v.top, v.fr, v.f = g, g.top, g.base(), (*fun)(f.Code).target()
	v.nf = v.f.get(v.fr)
	return v
}

// run runs the function, whose arguments are in the frame as compiled code has them.
func (v *visit) run(vars unsafe.Pointer) {
	for i, l := range v.f.paramTypes {
		if p := v.nf.at(v.f.params[i]); l.iface {
			*(*any)(p) = loadIface(p)
		}
	}
	if v.nf.vars != vars {
		v.f.capture(v.nf, vars)
	}
	v.f.run(v.fr, v.nf)
}

// leave gives the frames back, after the results were read.
func (v *visit) leave() {
	v.fr.put(v.nf)
	v.g.top = v.top
	v.fr.caller = nil
	v.g.idle = v.fr
}

// result returns where the one result is, as compiled code has it.
func (v *visit) result() unsafe.Pointer {
	p := v.nf.at(v.f.results[0])
	if l := v.f.resultTypes[0]; l.iface {
		v.g.m.storeIface(l.rtyp, l.rt, p, *(*any)(p))
	}
	return p
}

// arg returns where argument i goes.
func (v *visit) arg(i int) unsafe.Pointer { return v.nf.at(v.f.params[i]) }

// here returns the goroutine that runs, nil if none of a cell does.
func here(f *rt.Func) *gor {
	return (*fun)(f.Code).m.gors.get(rt.G())
}

func elsewhere(f *rt.Func, do func(g *gor)) { (*fun)(f.Code).m.visit(do) }

func shim0[none any](f *rt.Func) any {
	return func() {
		if g := here(f); g != nil {
			v := g.arrive(f)
			v.run(f.Vars)
			v.leave()
			return
		}
		elsewhere(f, func(g *gor) {
			v := g.arrive(f)
			v.run(f.Vars)
			v.leave()
		})
	}
}

func shimR[R any](f *rt.Func) any {
	return func() (r R) {
		if g := here(f); g != nil {
			v := g.arrive(f)
			v.run(f.Vars)
			r = *(*R)(v.result())
			v.leave()
			return r
		}
		r2 := new(R)
		elsewhere(f, func(g *gor) {
			v := g.arrive(f)
			v.run(f.Vars)
			*r2 = *(*R)(v.result())
			v.leave()
		})
		return *r2
	}
}

func shim1[A any](f *rt.Func) any {
	return func(a A) {
		if g := here(f); g != nil {
			v := g.arrive(f)
			*(*A)(v.arg(0)) = a
			v.run(f.Vars)
			v.leave()
			return
		}
		a2 := a // these are allocated
		elsewhere(f, func(g *gor) {
			v := g.arrive(f)
			*(*A)(v.arg(0)) = a2
			v.run(f.Vars)
			v.leave()
		})
	}
}

func shim1R[A, R any](f *rt.Func) any {
	return func(a A) (r R) {
		if g := here(f); g != nil {
			v := g.arrive(f)
			*(*A)(v.arg(0)) = a
			v.run(f.Vars)
			r = *(*R)(v.result())
			v.leave()
			return r
		}
		a2 := a // these are allocated
		r2 := new(R)
		elsewhere(f, func(g *gor) {
			v := g.arrive(f)
			*(*A)(v.arg(0)) = a2
			v.run(f.Vars)
			*r2 = *(*R)(v.result())
			v.leave()
		})
		return *r2
	}
}

func shim2[A, B any](f *rt.Func) any {
	return func(a A, b B) {
		if g := here(f); g != nil {
			v := g.arrive(f)
			*(*A)(v.arg(0)) = a
			*(*B)(v.arg(1)) = b
			v.run(f.Vars)
			v.leave()
			return
		}
		a2, b2 := a, b // these are allocated
		elsewhere(f, func(g *gor) {
			v := g.arrive(f)
			*(*A)(v.arg(0)) = a2
			*(*B)(v.arg(1)) = b2
			v.run(f.Vars)
			v.leave()
		})
	}
}

func shim2R[A, B, R any](f *rt.Func) any {
	return func(a A, b B) (r R) {
		if g := here(f); g != nil {
			v := g.arrive(f)
			*(*A)(v.arg(0)) = a
			*(*B)(v.arg(1)) = b
			v.run(f.Vars)
			r = *(*R)(v.result())
			v.leave()
			return r
		}
		a2, b2 := a, b // these are allocated
		r2 := new(R)
		elsewhere(f, func(g *gor) {
			v := g.arrive(f)
			*(*A)(v.arg(0)) = a2
			*(*B)(v.arg(1)) = b2
			v.run(f.Vars)
			*r2 = *(*R)(v.result())
			v.leave()
		})
		return *r2
	}
}
