package compile

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// Maps from integers and strings to words are used as maps of Go's own types of
// the same layout and hash, which the run time has quicker ways for.

// mapOps makes the operations of a kind of maps. d is where an element goes, m
// where the map is, k where the key is.
type mapOps interface {
	get(d, m, k reg) op
	getOK(d, has, m, k reg) op
	set(m, k, v reg) op
	// update is m[k] = m[k] op y, for elements that are int or float64.
	update(t types.BasicKind, o token.Token, m, k, y reg) op
}

type mapWords[K comparable, V any] struct{}

// mapOps returns the operations of a type of map, or nil if it is of another kind.
func (c *compiler) mapOps(t types.Type) mapOps {
	mt, ok := t.Underlying().(*types.Map)
	if !ok {
		return nil
	}
	elem := c.m.memory(mt.Elem())
	if elem.iface {
		return nil
	}
	switch kindOf(mt.Key()) {
	case types.String:
		return mapTo[string](elem)
	case types.Int, types.Int64, types.Uint, types.Uint64, types.Uintptr:
		return mapTo[uint64](elem)
	case types.Int32, types.Uint32:
		return mapTo[uint32](elem)
	}
	return nil
}

func mapTo[K comparable](elem *layout) mapOps {
	switch elem.how {
	case copy1:
		return mapWords[K, uint8]{}
	case copy8:
		return mapWords[K, uint64]{}
	case copyPointer:
		return mapWords[K, *byte]{}
	case copyString:
		return mapWords[K, string]{}
	case copySlice:
		return mapWords[K, []*byte]{}
	case copyInterface:
		return mapWords[K, any]{}
	}
	return nil
}

func (mapWords[K, V]) get(d, m, k reg) op {
	return func(fr *frame) { *at[V](fr, d) = (*at[map[K]V](fr, m))[*at[K](fr, k)] }
}

func (mapWords[K, V]) getOK(d, has, m, k reg) op {
	return func(fr *frame) { *at[V](fr, d), *at[bool](fr, has) = (*at[map[K]V](fr, m))[*at[K](fr, k)] }
}

func (mapWords[K, V]) set(m, k, v reg) op {
	return func(fr *frame) { (*at[map[K]V](fr, m))[*at[K](fr, k)] = *at[V](fr, v) }
}

func (mapWords[K, V]) update(t types.BasicKind, o token.Token, m, k, y reg) op {
	if t == types.Float64 {
		return updateMap[K, float64](o, m, k, y)
	}
	return updateMap[K, int](o, m, k, y)
}

func updateMap[K comparable, V number](o token.Token, m, k, y reg) op {
	switch o {
	case token.ADD:
		return func(fr *frame) { (*at[map[K]V](fr, m))[*at[K](fr, k)] += *at[V](fr, y) }
	case token.SUB:
		return func(fr *frame) { (*at[map[K]V](fr, m))[*at[K](fr, k)] -= *at[V](fr, y) }
	}
	return func(fr *frame) { (*at[map[K]V](fr, m))[*at[K](fr, k)] *= *at[V](fr, y) }
}

// fuseMap is for m[k] op= y.
func (c *compiler) fuseMap(x *ssa.Lookup, list []ssa.Instruction) (op, int) {
	if len(list) < 3 || x.CommaOk {
		return nil, 0
	}
	b, ok := list[1].(*ssa.BinOp)
	if !ok || b.X != ssa.Value(x) || !only(x, b) {
		return nil, 0
	}
	up, ok := list[2].(*ssa.MapUpdate)
	if !ok || up.Map != x.X || up.Key != x.Index || up.Value != ssa.Value(b) || !only(b, up) {
		return nil, 0
	}
	t, ops := arithmetic(b), c.mapOps(x.X.Type())
	if t == types.Invalid || ops == nil {
		return nil, 0
	}
	return ops.update(t, b.Op, c.reg(x.X), c.reg(x.Index), c.reg(b.Y)), 3
}
