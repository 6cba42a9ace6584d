package interp

import (
	"context"
	"reflect"
	"unsafe"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
)

// Call runs f, which calls func values that cells have made, as Eval runs a cell:
// code of cells stops when ctx ends, and the error is one of Eval's.
func (in *Interp) Call(ctx context.Context, f func()) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	run := compile.NewRun(ctx)
	var p *compile.Panic
	ok := true
	if err := in.supervise(ctx, run, func() { p, ok = in.m.Call(run, f) }); err != nil {
		return err
	}
	switch {
	case p != nil:
		return in.panicError(p)
	case !ok:
		return context.Cause(ctx)
	}
	return nil
}

// Params returns the names of the parameters of f if it is a func value that a
// cell has made, or else nil.
func (in *Interp) Params(f any) []string {
	v := reflect.ValueOf(f)
	if v.Kind() != reflect.Func || v.IsNil() {
		return nil
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return in.m.Params(*(*unsafe.Pointer)(p.UnsafePointer()))
}
