package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/cell"
	"github.com/godlas/godlas/kernel/session/magic"
)

// running is a cell that runs; to magics it is the session.
type running struct {
	s    *session
	ctx  context.Context
	name string // in positions
	n    int

	output string     // the text of its result
	files  []*os.File // that its output is copied to
}

// execute runs a cell and says how it ended; an error has been sent as a frame then.
func (s *session) execute(ctx context.Context, ex pipe.Execute) (done pipe.Done) {
	r := &running{s: s, ctx: ctx, name: fmt.Sprintf("cell[%d]", ex.Count), n: ex.Count}
	s.sources.put(r.name, ex.Code)
	if r.leaves(ex.Code) {
		return done
	}
	defer r.finish()
	err := r.pieces(ex.Code)
	if !ex.Silent && !ex.Unstored {
		s.inputs.add(magic.Input{N: ex.Count, Code: ex.Code, Result: r.output})
	}
	if err != nil {
		done.Interrupted = ctx.Err() != nil
		if left := new(interp.Stopped); errors.As(err, &left) {
			done.Left = len(left.Calls)
		}
		done.Err = s.describe(ctx, err)
		s.out.send(pipe.KindError, done.Err)
		return done
	}
	for key, src := range ex.UserExpressions {
		if done.Expressions == nil {
			done.Expressions = map[string]map[string]any{}
		}
		done.Expressions[key] = r.expression(src)
	}
	return done
}

func (r *running) pieces(code string) error {
	pieces := program(code, cell.Split(code))
	for i, p := range pieces { // before anything runs
		if i > 0 && p.Kind == cell.Whole && p.Body == "" {
			return fmt.Errorf("%%%%%s must be the first line of its cell", p.Name)
		}
	}
	for i, p := range pieces {
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		var err error
		switch {
		case p.Kind == cell.Go:
			var values []reflect.Value
			source := r.source(p, pieces, code)
			if err = refused(source); err != nil {
				return err
			}
			values, err = r.eval(r.ctx, interp.Cell{Source: source, Input: code, Aside: i < len(pieces)-1})
			if err == nil && i == len(pieces)-1 {
				err = r.result(values, source)
			}
		case p.Kind == cell.Help:
			err = r.help(p)
		case p.Kind == cell.Main:
			err = r.main(p)
		default:
			err = r.magic(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Eval is of magic.Session.
func (r *running) Eval(ctx context.Context, source string) ([]reflect.Value, error) {
	return r.eval(ctx, interp.Cell{Source: source, Aside: true})
}

func (r *running) eval(ctx context.Context, c interp.Cell) ([]reflect.Value, error) {
	l, err := r.s.language()
	if err != nil {
		return nil, err
	}
	c.Name, c.N = r.name, r.n
	res, err := l.Eval(ctx, c)
	if paths := r.s.programs.Unimported(c.Source, err); len(paths) > 0 {
		for _, p := range paths {
			_, _ = l.Eval(ctx, interp.Cell{Name: c.Name, N: c.N, Source: fmt.Sprintf("import %q", p), Aside: true})
		}
		res, err = l.Eval(ctx, c) // nothing of it has run
	}
	for _, n := range res.Notes {
		fmt.Fprintln(r.s.out.stream("stderr"), "note: "+clean(n))
	}
	r.ran(c, err)
	return res.Values, err
}

// magic runs a piece that is not Go.
func (r *running) magic(p cell.Piece) (err error) {
	call := &magic.Call{
		Session: r, Name: p.Name, Args: p.Args, Whole: p.Kind == cell.Whole, Body: p.Body,
		Stdout: r.s.out.stream("stdout"), Stderr: r.s.out.stream("stderr"), Line: p.Line, Column: p.Col,
	}
	run := magic.Shell
	if p.Kind != cell.Shell {
		m, err := r.s.table.Find(p.Name, call.Whole)
		if f, ok := r.s.programs.Foreign(p.Name); err != nil && ok {
			m, err = f, nil
		}
		if err != nil {
			return err
		}
		run = m.Run
	}
	defer func() {
		if v := recover(); v != nil {
			if e, ok := v.(error); ok {
				err = e
				return
			}
			err = fmt.Errorf("%%%s: %v", p.Name, v)
		}
	}()
	return run(r.ctx, call)
}

// help shows what is known of a name in the pager.
func (r *running) help(p cell.Piece) error {
	if strings.HasPrefix(p.Name, "%") {
		name := strings.TrimLeft(p.Name, "%")
		m, err := r.s.table.Find(name, strings.HasPrefix(p.Name, "%%"))
		if err != nil {
			return err
		}
		r.Page(m.Usage())
		return nil
	}
	l, err := r.s.language()
	if err != nil {
		return err
	}
	info, ok := l.Inspect(p.Name, len(p.Name), len(p.Args)-1)
	if !ok {
		return fmt.Errorf("nothing is known of %s", p.Name)
	}
	return r.s.out.send(pipe.KindPayload, page(describeInfo(info, len(p.Args)-1)))
}

func page(data map[string]any) map[string]any {
	return map[string]any{"source": "page", "data": data, "start": 0}
}

// expression is the value of one of the client's expressions, or its error, in Jupyter's form.
func (r *running) expression(src string) map[string]any {
	values, err := r.Eval(r.ctx, src)
	if err == nil && len(values) == 0 {
		err = errors.New("it has no value")
	}
	var data, metadata map[string]any
	if err == nil { // the value's own methods run here, and may not end
		err = r.s.do(r.ctx, func() { data, metadata = bundleAll(values) })
	}
	if err != nil {
		e := r.s.describe(r.ctx, err)
		return map[string]any{"status": "error", "ename": e.Name, "evalue": e.Value, "traceback": e.Traceback}
	}
	if data == nil { // it shows itself, or nothing
		data = map[string]any{}
	}
	if metadata == nil {
		metadata = map[string]any{}
	}
	return map[string]any{"status": "ok", "data": data, "metadata": metadata}
}

// Result is of magic.Session.
func (r *running) Result(values []reflect.Value) { r.result(values, "") }

// result shows the values of a cell's last expression, unless source says that they are not what the cell is about.
func (r *running) result(values []reflect.Value, source string) error {
	values = worthShowing(values, source)
	if len(values) == 0 {
		return nil
	}
	var data, metadata map[string]any
	// the value's own methods run here, and may not end
	if err := r.s.do(r.ctx, func() { data, metadata = bundleAll(values) }); err != nil {
		return err
	}
	if data == nil {
		return nil
	}
	r.output, _ = data["text/plain"].(string)
	return r.s.out.send(pipe.KindResult, pipe.Display{Data: data, Metadata: metadata})
}

// do runs f, which calls methods of values of cells, until its end or that of ctx.
func (s *session) do(ctx context.Context, f func()) error {
	if l, err := s.language(); err == nil {
		if l, ok := l.(interface {
			Do(ctx context.Context, f func()) error
		}); ok {
			return l.Do(ctx, f)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// bundleAll is the look of the values of one expression.
func bundleAll(values []reflect.Value) (data, metadata map[string]any) {
	if len(values) == 1 {
		return display.Bundle(values[0])
	}
	var texts []string
	for _, v := range values {
		d, _ := display.Bundle(v)
		t, _ := d["text/plain"].(string)
		if d["text/html"] != nil && strings.Contains(t, "\n") && !showsItself(v) { // a table stands in no row of values
			t = display.Line(v, 1000)
		}
		texts = append(texts, t)
	}
	return map[string]any{"text/plain": strings.Join(texts, ", ")}, nil
}

func showsItself(v reflect.Value) bool {
	if !v.IsValid() || !v.CanInterface() {
		return false
	}
	_, ok := v.Interface().(display.Mimer)
	return ok
}

// Vars is of magic.Session.
func (r *running) Vars() []magic.Var {
	l, err := r.s.language()
	if err != nil {
		return nil
	}
	var out []magic.Var
	for _, v := range l.Vars() {
		out = append(out, magic.Var{Name: v.Name, Kind: v.Kind, Type: v.Type, Value: v.Value})
	}
	return out
}

// Get is of magic.Session.
func (r *running) Get(name string) (reflect.Value, bool) {
	l, err := r.s.language()
	if err != nil {
		return reflect.Value{}, false
	}
	return l.Get(name)
}

// Set is of magic.Session.
func (r *running) Set(name string, v any) error {
	l, err := r.s.language()
	if err != nil {
		return err
	}
	return l.Set(name, v)
}

// Reset is of magic.Session.
func (r *running) Reset() { r.s.reset() }

// Page is of magic.Session.
func (r *running) Page(text string) {
	r.s.out.send(pipe.KindPayload, page(map[string]any{"text/plain": text}))
}

// SetNextInput is of magic.Session.
func (r *running) SetNextInput(text string, replace bool) {
	r.s.out.send(pipe.KindPayload, map[string]any{"source": "set_next_input", "text": text, "replace": replace})
}

// Table is of magic.Session.
func (r *running) Table() *magic.Table { return r.s.table }
