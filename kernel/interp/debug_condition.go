package interp

import (
	"fmt"
	"go/types"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/tools/go/ssa"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
	"github.com/godlas/godlas/kernel/interp/internal/front"
)

// A condition is compiled once for each function in which it is asked. Its names
// of the function's variables are variables of its own, to which the values are
// copied each time: it can be asked often, and changes nothing by an assignment.

type condKey struct {
	src string
	fn  any
}

type cond struct {
	err  error
	fn   compile.FuncRef
	last []*ssa.Global
	vars []condVar
}

type condVar struct {
	obj  types.Object // of the function
	home unsafe.Pointer
}

// hits reads what the count of a breakpoint is to be.
func hits(s string) (func(n int64) bool, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return func(int64) bool { return true }, nil
	}
	op := strings.TrimRight(s, " 0123456789")
	k, err := strconv.ParseInt(strings.TrimSpace(s[len(op):]), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("hit condition %q is not a count, such as 3, >= 3 or %% 3", s)
	}
	switch op {
	case "", "=", "==":
		return func(n int64) bool { return n == k }, nil
	case ">":
		return func(n int64) bool { return n > k }, nil
	case ">=":
		return func(n int64) bool { return n >= k }, nil
	case "<":
		return func(n int64) bool { return n < k }, nil
	case "<=":
		return func(n int64) bool { return n <= k }, nil
	case "%":
		if k > 0 {
			return func(n int64) bool { return n%k == 0 }, nil
		}
	}
	return nil, fmt.Errorf("hit condition %q is not a count, such as 3, >= 3 or %% 3", s)
}

// condition says whether to stop at a breakpoint. What cannot be asked stops, and says why.
func (d *Debugger) condition(p Breakpoint, reached func(int64) bool) func(compile.FrameRef) (bool, string) {
	count := new(atomic.Int64)
	return func(r compile.FrameRef) (bool, string) {
		if p.Condition != "" {
			vs, err := d.ask(r, p.Condition)
			if err == nil && (len(vs) != 1 || vs[0].Kind() != reflect.Bool) {
				err = fmt.Errorf("it is no bool")
			}
			if err != nil {
				return true, fmt.Sprintf("the condition %s: %v", p.Condition, err)
			}
			if !vs[0].Bool() {
				return false, ""
			}
		}
		if !reached(count.Add(1)) {
			return false, ""
		}
		if p.Log == "" {
			return true, ""
		}
		if d.opt.Output != nil {
			d.opt.Output(r.Run().Ctx, d.interpolate(r, p.Log)+"\n")
		}
		return false, ""
	}
}

// interpolate writes the values of expressions in place of {them}.
func (d *Debugger) interpolate(r compile.FrameRef, text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		src, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			if ok {
				b.WriteString("{" + rest)
			}
			return b.String()
		}
		vs, err := d.ask(r, src)
		if err != nil {
			fmt.Fprintf(&b, "{%s: %v}", src, err)
		}
		for i, v := range vs {
			if i > 0 {
				b.WriteString(", ")
			}
			if v.Kind() == reflect.String {
				b.WriteString(v.String())
			} else {
				b.WriteString(front.Brief(v, 200))
			}
		}
		text = after
	}
}

// ask evaluates an expression on the goroutine of a call that may stop.
func (d *Debugger) ask(r compile.FrameRef, src string) ([]reflect.Value, error) {
	in, key := d.in, condKey{src, r.Func()}
	d.mu.Lock()
	defer d.mu.Unlock() // what goroutines ask shares variables
	c := d.conds[key]
	if c == nil {
		c = d.compileCondition(r, src)
		d.conds[key] = c
	}
	if c.err != nil {
		return nil, c.err
	}
	in.m.Mu.Lock()
	for _, v := range c.vars {
		if p, t := r.Variable(v.obj.Pos()); p != nil {
			in.m.Value(v.home, t).Set(in.m.Value(p, t))
		}
	}
	in.m.Mu.Unlock()
	if p := r.Call(c.fn); p != nil {
		return nil, in.panicError(p)
	}
	in.m.Mu.Lock()
	defer in.m.Mu.Unlock()
	var out []reflect.Value
	for _, g := range c.last {
		out = append(out, in.m.Variable(g))
	}
	return out, nil
}

func (d *Debugger) compileCondition(r compile.FrameRef, src string) *cond {
	in, c := d.in, &cond{}
	compiled, refs, err := in.compileIn(src, func() map[string]types.Object {
		objs := map[string]types.Object{}
		for _, o := range d.visible(r) {
			if _, ok := o.(*types.Var); !ok {
				objs[o.Name()] = o
			} else if p, t := r.Variable(o.Pos()); p != nil {
				v, g := in.front.Local(o.Name(), t)
				objs[o.Name()] = v
				if strings.Contains(src, o.Name()) {
					c.vars = append(c.vars, condVar{o, in.m.Global(g)})
				}
			}
		}
		return objs
	})
	if err != nil {
		c.err = err
		return c
	}
	for _, f := range refs.all[:len(refs.all)-1] { // the initialisation of packages
		if p := r.Call(f); p != nil {
			c.err = in.panicError(p)
			return c
		}
	}
	c.fn, c.last = refs.all[len(refs.all)-1], compiled.Last
	return c
}

// Check says what is wrong with the breakpoint's own text.
func (p Breakpoint) Check() error {
	_, err := hits(p.Hits)
	return err
}
