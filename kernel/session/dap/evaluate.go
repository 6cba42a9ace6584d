package dap

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"reflect"
	"time"

	"github.com/godlas/godlas/kernel/interp"
)

func (a *Adapter) evaluate(args struct {
	Expression string
	FrameID    int
	Context    string
},
) (any, error) {
	vs, err := a.now().Eval(context.Background(), args.FrameID, args.Expression)
	if err != nil {
		return nil, err
	}
	name := ""
	if args.Context != "repl" {
		name = args.Expression
	}
	return a.result(vs, args.FrameID, name), nil
}

// result shows the values of an expression.
func (a *Adapter) result(vs []reflect.Value, in int, name string) body {
	var list []interp.Variable
	for _, v := range vs {
		list = append(list, interp.Variable{Name: name, Value: v})
	}
	shown := a.list(list, in, true)
	switch len(shown) {
	case 0:
		return body{"result": "", "type": "", "variablesReference": 0}
	case 1:
		x := shown[0]
		return body{"result": x.Value, "type": x.Type, "variablesReference": x.Reference, "namedVariables": x.Named, "indexedVariables": x.Indexed}
	}
	text, typ := "", ""
	for i, x := range shown {
		if i > 0 {
			text, typ = text+", ", typ+", "
		}
		text, typ = text+x.Value, typ+x.Type
	}
	return body{"result": text, "type": typ, "variablesReference": 0}
}

// assign sets what an expression means in a call, and shows it.
func (a *Adapter) assign(frame int, expression, value string) (any, error) {
	d := a.now()
	if _, err := d.Eval(context.Background(), frame, expression+" = "+value); err != nil {
		return nil, err
	}
	vs, err := d.Eval(context.Background(), frame, expression)
	if err != nil {
		return nil, err
	}
	b := a.result(vs, frame, expression)
	b["value"] = b["result"]
	delete(b, "result")
	return b, nil
}

func (a *Adapter) setVariable(args struct {
	VariablesReference int
	Name, Value        string
},
) (any, error) {
	r, ok := a.refs.m[args.VariablesReference]
	if !ok {
		return nil, errors.New("there is no such value any more: what was stopped has gone on")
	}
	expression := args.Name
	if r.frame == 0 && !r.globals {
		expression = ""
		a.quiet(func() {
			for _, x := range a.parts(r, r.from, min(r.to, children(r.value))) {
				if x.Name == args.Name {
					expression = x.EvaluateName
				}
			}
		})
		if expression == "" {
			return nil, fmt.Errorf("%s cannot be set: no expression means it", args.Name)
		}
	}
	return a.assign(r.in, expression, args.Value)
}

func (a *Adapter) setExpression(args struct {
	Expression, Value string
	FrameID           int
},
) (any, error) {
	return a.assign(args.FrameID, args.Expression, args.Value)
}

func (a *Adapter) copyToGlobals(args struct {
	SrcVariableName, DstVariableName string
	SrcFrameID                       int
},
) (any, error) {
	return body{}, a.now().CopyToGlobals(args.SrcFrameID, args.SrcVariableName, args.DstVariableName)
}

// richFor is how long a value may take to be shown.
const richFor = 10 * time.Second

// richInspect shows a variable as a cell would.
func (a *Adapter) richInspect(args struct {
	VariableName string
	FrameID      int
},
) (any, error) {
	none := body{"data": body{}, "metadata": body{}}
	if !token.IsIdentifier(args.VariableName) {
		return nil, fmt.Errorf("%q is not a name", args.VariableName)
	}
	g, err := a.host.Debuggee()
	if err != nil {
		return nil, err
	}
	var v reflect.Value
	d := a.now()
	if args.FrameID != 0 && d != nil {
		vs, err := d.Locals(args.FrameID)
		if err != nil {
			return nil, err
		}
		for _, x := range vs {
			if x.Name == args.VariableName {
				v = x.Value
				break
			}
		}
	}
	if !v.IsValid() {
		for _, x := range g.Globals() {
			if x.Name == args.VariableName {
				v = x.Value
			}
		}
	}
	if !v.IsValid() {
		return nil, fmt.Errorf("there is no variable %s", args.VariableName)
	}
	// Its methods are run, as at the end of a cell.
	var data, metadata map[string]any
	show := func() { data, metadata = a.host.Bundle(v) }
	ctx, end := context.WithTimeoutCause(context.Background(), richFor, errors.New("it takes too long to show"))
	defer end()
	if d != nil {
		err = d.Do(ctx, show)
	} else if x, ok := g.(interface {
		Do(context.Context, func()) error
	}); ok {
		err = x.Do(ctx, show)
	}
	if err != nil {
		return nil, err
	}
	if data == nil {
		return none, nil
	}
	if metadata == nil {
		metadata = body{}
	}
	return body{"data": data, "metadata": metadata}, nil
}
