// Package compress is L3, model optimisations: passes that turn a network into a smaller one, applied in order.
//
// A pass is a file of this package and a row of its table. A pass leaves the graph that it was given as it is, and
// replaces the tensors that it changes.
package compress

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// pass is a row of the table.
type pass struct {
	option ir.Option
	check  func(c ir.Choice) error
	// apply returns the new graph and one line that says what it did.
	apply func(ctx context.Context, g *ir.Graph, c ir.Choice, t Tools) (*ir.Graph, string, error)
	// byLayer is apply for a vector of levels, where a layer's cannot be applied to it alone.
	byLayer func(ctx context.Context, g *ir.Graph, c ir.Choice, levels []string, t Tools) (*ir.Graph, string, error)
}

func passes() []pass {
	return []pass{
		none(), prune(), blocks(), punch(), pattern(), palette(), lowrank(), ternary(), fp16(), bf16(),
		channels(), recalibrate(),
		int8Pass(),
		autoPass(),
	}
}

// Options describes the passes there are.
func Options() []ir.Option {
	var o []ir.Option
	for _, p := range passes() {
		o = append(o, p.option)
	}
	return o
}

// Check finds what is wrong with a choice without applying it.
func Check(c ir.Choice) error {
	p, err := lookup(c.Name)
	if err != nil {
		return err
	}
	return p.checked(c)
}

// checked is check for any sort of level.
func (p pass) checked(c ir.Choice) error {
	if levels := Levels(c); levels != nil {
		return checkByLayer(p, c, levels)
	}
	if IsElbow(c) {
		return checkElbow(p, c)
	}
	return p.check(c)
}

// applied is apply for any sort of level.
func (p pass) applied(ctx context.Context, g *ir.Graph, c ir.Choice, t Tools) (*ir.Graph, string, error) {
	if IsElbow(c) {
		return nil, "", &ir.Error{Layer: ir.Compress, What: c.String() + " has to be found first, by measuring on data", Try: "run it with a data set, and take the level that the result says"}
	}
	if levels := Levels(c); levels != nil {
		return applyByLayer(ctx, p, g, c, levels, t)
	}
	return p.apply(ctx, g, c, t)
}

func lookup(name string) (pass, error) {
	var names []string
	for _, p := range passes() {
		if p.option.Name == name {
			return p, nil
		}
		names = append(names, p.option.Name)
	}
	return pass{}, ir.Unknown(ir.Compress, "pass", name, names)
}

// Apply applies the passes in order and returns the new graph, which shares what no pass changed with g, and one line
// for each pass that did something. Errors are *ir.Error of layer compress, or the context's.
func Apply(ctx context.Context, g *ir.Graph, cs []ir.Choice, t Tools) (*ir.Graph, []string, error) {
	if err := CheckOrder(cs); err != nil {
		return nil, nil, err
	}
	var lines []string
	said := sizes{of: t.Stored}
	if tell := t.Progress; tell != nil {
		t.Progress = func(step string, done, total int) {
			if ctx.Err() == nil {
				tell(step, done, total)
			}
		}
	}
	t.past = &past{from: g, kept: map[string][]int{}}
	for _, c := range cs {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		p, err := lookup(c.Name)
		if err == nil {
			err = p.checked(c)
		}
		if err != nil {
			return nil, nil, err
		}
		before := g
		after, line, err := soon(ctx, func() (*ir.Graph, string, error) {
			after, line, err := p.run(ctx, before, c, t)
			if err == nil && line != "" {
				line += said.change(ctx, before, after)
			}
			return after, line, err
		})
		if err != nil {
			return nil, nil, err
		}
		g = after
		if line != "" {
			lines = append(lines, line)
		}
	}
	return g, lines, nil
}

// soon is f, or the context's end before it: a pass looks at the context between layers, and one layer may take seconds.
// What f then still makes is dropped; it has changed nothing that it was given.
func soon(ctx context.Context, f func() (*ir.Graph, string, error)) (*ir.Graph, string, error) {
	type result struct {
		g     *ir.Graph
		line  string
		err   error
		panic any
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			r.panic = recover() // it is the caller's
			done <- r
		}()
		r.g, r.line, r.err = f()
	}()
	select {
	case r := <-done:
		if r.panic != nil {
			panic(r.panic)
		}
		return r.g, r.line, r.err
	case <-ctx.Done():
		return nil, "", context.Cause(ctx)
	}
}

func none() pass {
	return pass{
		option: ir.Option{Name: "none", Help: "The network as it is: the baseline of every compressed one."},
		check: func(c ir.Choice) error {
			if len(c.Value)+len(c.Args) > 0 {
				return ir.Errorf(ir.Compress, "none takes no arguments")
			}
			return nil
		},
		apply: func(_ context.Context, g *ir.Graph, _ ir.Choice, _ Tools) (*ir.Graph, string, error) {
			return g, "", nil
		},
	}
}

// sizes says what networks take in files.
type sizes struct {
	of   func(weights map[string]*ir.Tensor) int64
	last *ir.Graph
	took int64
}

// bytes adds the tensors up some at a time; where the context ends, what it says is not asked for any more.
func (s *sizes) bytes(ctx context.Context, g *ir.Graph) int64 {
	if s.last == g {
		return s.took
	}
	s.last, s.took = g, 0
	some, elems := map[string]*ir.Tensor{}, 0
	for name, t := range g.Weights {
		if ctx.Err() != nil {
			return 0
		}
		some[name] = t
		if elems += t.Shape.Elems(); elems > 1<<20 {
			s.took += s.of(some)
			clear(some)
			elems = 0
		}
	}
	s.took += s.of(some)
	return s.took
}

// change is the end of a pass' line: what its network takes, and what the one before did.
func (s *sizes) change(ctx context.Context, before, after *ir.Graph) string {
	if s.of == nil || before == after {
		return ""
	}
	was := s.bytes(ctx, before)
	return fmt.Sprintf("; stored in %d bytes instead of %d", s.bytes(ctx, after), was)
}
