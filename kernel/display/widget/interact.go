package widget

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/internal/comms"
)

// Interactive is a function with a control for each parameter, above what it returns and prints.
type Interactive struct {
	*Model
	f        reflect.Value
	controls []Widget
	out      *Area
	takesCtx bool

	mu      sync.Mutex
	ran     bool
	running bool
	again   bool // a control has changed since the run began
	late    *time.Timer
	stop    context.CancelCauseFunc // of the run
	turn    *turn                   // its output
	idle    *sync.Cond
}

// overtaken is how long a run may go on after a control has changed: what is quick is shown while a slider is dragged,
// and nobody waits for what is slow.
const overtaken = 250 * time.Millisecond

// swap is how long a run may take before what it has shown so far takes the place of the last one's.
const swap = time.Second

// Interact makes a control of each parameter of the function f and shows them above what f returns, prints and fails
// with. On a change f runs anew with the newest values: never twice at once, and not for values between; a run that is
// overtaken and does not end soon is stopped. The first run is when it is first shown.
//
// A control is a widget of this package whose value the parameter can take, or a value that stands for one: []string (a
// Dropdown), [2]int and [2]float64 (a slider between two numbers), bool (a Checkbox), string (a Text), an int or a
// float64 n (a slider about n). A parameter of a whole-number type takes the index of a choice. Controls are labelled
// with the parameters' names.
//
// If the first parameter of f is a context.Context it needs no control: it ends when the run is to stop. Functions such
// as MustRun of package dlas follow the run without it. If the last result is an error it is shown as one.
func Interact(f any, controls ...any) *Interactive {
	i := &Interactive{Model: newModel("VBox"), f: reflect.ValueOf(f), out: Output()}
	i.idle = sync.NewCond(&i.mu)
	if i.f.Kind() != reflect.Func || i.f.IsNil() {
		panic(fault("Interact wants a function, not %v", f))
	}
	t := i.f.Type()
	first := 0
	if t.NumIn() > 0 && t.In(0) == reflect.TypeFor[context.Context]() {
		i.takesCtx, first = true, 1
	}
	if t.IsVariadic() || t.NumIn()-first != len(controls) {
		panic(fault("Interact wants a control for each parameter of %s: it has %d, and %d controls are given", strings.ReplaceAll(t.String(), "main.", ""), t.NumIn()-first, len(controls)))
	}
	var names []string
	if h := comms.TheHost(); h != nil {
		names = h.Params(f)
	}
	for n, c := range controls {
		w := controlFor(c)
		if _, err := argument(w, t.In(first+n)); err != nil {
			panic(err)
		}
		if name := at(names, first+n); strings.Trim(name, "_") != "" && w.model().class.trait("description") != nil && w.model().Get("description") == "" {
			w.model().set("description", name)
		}
		w.model().watchNow(i.changed)
		i.controls = append(i.controls, w)
	}
	all := append(append([]Widget(nil), i.controls...), i.out)
	children := make([]*Model, len(all))
	for n, w := range all {
		children[n] = w.model()
	}
	i.set("children", children)
	i.Model.text = i.text
	i.shows = i.begin
	return i
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// controlFor is the widget that a value stands for.
func controlFor(c any) Widget {
	switch c := c.(type) {
	case Widget:
		if !reflect.ValueOf(c).IsNil() {
			return c
		}
	case []string:
		return Dropdown(c...)
	case bool:
		return Checkbox(c)
	case string:
		return Text(c)
	case [2]int:
		return IntSlider(c[0], c[1])
	case [2]float64:
		return FloatSlider(c[0], c[1])
	case int:
		low, high := about(float64(c))
		w := IntSlider(int(low), int(high))
		w.SetValue(c)
		return w
	case float64:
		w := FloatSlider(about(c))
		w.SetValue(c)
		return w
	}
	panic(fault("a control is a widget, []string, [2]int, [2]float64, bool, string, int or float64, not %v (%T)", c, c))
}

// about is a range with n in it.
func about(n float64) (low, high float64) {
	switch {
	case n == 0:
		return 0, 10
	case n < 0:
		return 3 * n, -n
	}
	return -n, 3 * n
}

// argument is the value of a control as one of type t.
func argument(w Widget, t reflect.Type) (reflect.Value, error) {
	var v any
	switch w := w.(type) {
	case *Int:
		v = w.Value()
	case *Float:
		v = w.Value()
	case *String:
		v = w.Value()
	case *Bool:
		v = w.Value()
	case *Choice:
		v = w.Value()
		if k := t.Kind(); reflect.Int <= k && k <= reflect.Uint64 {
			v = max(w.Index(), 0)
		}
	case *Choices:
		v = w.Value()
	case *IntRange:
		v = w.Value()
	case *FloatRange:
		v = w.Value()
	default:
		return reflect.Value{}, fault("a %s has no value to hand to a function", w.model().class.name)
	}
	r := reflect.ValueOf(v)
	fits := r.Type().AssignableTo(t)
	switch from, to := r.Kind(), t.Kind(); {
	case from == reflect.Int:
		fits = fits || reflect.Int <= to && to <= reflect.Uint64 || to == reflect.Float32 || to == reflect.Float64
	case from == reflect.Float64:
		fits = fits || to == reflect.Float32 || to == reflect.Float64
	default:
		fits = fits || from == to && r.CanConvert(t)
	}
	if !fits {
		return reflect.Value{}, fault("a parameter of type %s does not take the value of %s, which is of type %T", strings.ReplaceAll(t.String(), "main.", ""), w.model().class.name, v)
	}
	if r.Type().AssignableTo(t) {
		return r, nil
	}
	return r.Convert(t), nil
}

// Output is where the results are.
func (i *Interactive) Output() *Area { return i.out }

// Set sets any trait of the box that holds it all, such as "layout.width".
func (i *Interactive) Set(trait string, v any) *Interactive { i.set(trait, v); return i }

// Wait returns when no run is going on or due.
func (i *Interactive) Wait() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.running {
		i.idle.Wait()
	}
}

// MimeBundle is that of its box, and the last picture that the first run has shown: for who shows a notebook without its
// widgets.
func (i *Interactive) MimeBundle() map[string]any {
	d := i.Model.MimeBundle()
	if mime, picture, ok := i.out.in.picture(); ok {
		d[mime] = picture
	}
	return d
}

// begin is the first run; it belongs to the cell that shows it.
func (i *Interactive) begin() {
	i.mu.Lock()
	if i.ran || i.running {
		i.mu.Unlock()
		return
	}
	i.ran, i.running = true, true
	i.mu.Unlock()
	ctx := context.Background()
	if h := comms.TheHost(); h != nil {
		ctx = h.Context()
	}
	i.runs(ctx)
}

// changed begins a run, or has the one that runs be followed by another.
func (i *Interactive) changed() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.running {
		if !i.ran { // it is not shown yet
			return
		}
		i.running = true
		go i.runs(context.Background())
		return
	}
	i.again = true
	if stop := i.stop; i.late == nil && stop != nil {
		i.late = time.AfterFunc(overtaken, func() { stop(comms.ErrSuperseded) })
	}
}

// runs runs f until no control has changed since.
func (i *Interactive) runs(ctx context.Context) {
	for {
		run, stop := context.WithCancelCause(ctx)
		i.mu.Lock()
		i.again, i.stop, i.late = false, stop, nil
		i.mu.Unlock()
		i.run(run)
		stop(nil)
		i.mu.Lock()
		if i.late != nil {
			i.late.Stop()
		}
		if !i.again || ctx.Err() != nil {
			i.running, i.stop = false, nil
			i.idle.Broadcast()
			i.mu.Unlock()
			return
		}
		i.mu.Unlock()
		ctx = context.Background() // what follows belongs to no cell that runs
	}
}

func (i *Interactive) run(ctx context.Context) {
	in := &turn{area: i.out.in}
	i.mu.Lock()
	if i.turn != nil {
		i.turn.over.Store(true)
	}
	i.turn = in
	i.mu.Unlock()
	in.replace()
	err := run(ctx, i.Model.at, in, func() {
		var args []reflect.Value
		if i.takesCtx {
			running := ctx
			if h := comms.TheHost(); h != nil {
				running = h.Context()
			}
			args = append(args, reflect.ValueOf(&running).Elem())
		}
		for _, c := range i.controls {
			v, err := argument(c, i.f.Type().In(len(args)))
			if err != nil {
				panic(err)
			}
			args = append(args, v)
		}
		in.show(i.f.Call(args))
	})
	if err != nil && context.Cause(ctx) == comms.ErrSuperseded {
		in.over.Store(true)
		return
	}
	in.settle()
}

func (i *Interactive) text() string {
	var b strings.Builder
	for _, c := range i.controls {
		fmt.Fprintln(&b, c.model())
	}
	return b.String() + i.out.in.text()
}
