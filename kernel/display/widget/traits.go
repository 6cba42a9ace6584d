package widget

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/kernel/internal/comms"
)

// kind is the type of a trait's value.
type kind int

const (
	kindString kind = iota
	kindBool
	kindInt
	kindFloat
	kindEnum      // string
	kindStrings   // []string
	kindInts      // []int
	kindIntPair   // [2]int
	kindFloatPair // [2]float64
	kindRef       // *Model
	kindRefs      // []*Model
	kindBytes     // []byte
	kindAny       // what JSON has
)

func (k kind) String() string {
	return [...]string{
		"a string", "true or false", "a whole number", "a number", "a word", "strings", "whole numbers", "two whole numbers",
		"two numbers", "a widget", "widgets", "bytes", "a value",
	}[k]
}

// fault is a mistake in the use of a widget: one line under the cell.
func fault(format string, args ...any) error {
	return &comms.Fault{Name: "widget", Text: "widget: " + fmt.Sprintf(format, args...)}
}

// value turns v, from a cell or from JSON, into what the state holds for the trait.
func (t *trait) value(v any) (any, error) {
	if v == nil {
		if t.null {
			return nil, nil
		}
		return nil, t.wants(v)
	}
	r := reflect.ValueOf(v)
	switch t.kind {
	case kindString:
		if r.Kind() == reflect.String {
			return strings.ToValidUTF8(r.String(), "\uFFFD"), nil
		}
		if n, ok := wholeNumber(r); ok && !t.null && (t.name == "width" || t.name == "height") { // of an image, in pixels
			return strconv.Itoa(n), nil
		}
	case kindEnum:
		if r.Kind() == reflect.String {
			for _, w := range t.oneOf {
				if strings.EqualFold(w, r.String()) {
					return w, nil
				}
			}
		}
	case kindBool:
		if r.Kind() == reflect.Bool {
			return r.Bool(), nil
		}
	case kindInt:
		if n, ok := wholeNumber(r); ok {
			return n, nil
		}
	case kindFloat:
		if x, ok := number(r); ok {
			return x, nil
		}
	case kindStrings:
		if list, ok := listOf(r, func(e reflect.Value) (string, bool) { return e.String(), e.Kind() == reflect.String }); ok {
			return list, nil
		}
	case kindInts:
		if list, ok := listOf(r, wholeNumber); ok {
			return list, nil
		}
	case kindIntPair:
		if list, ok := listOf(r, wholeNumber); ok && len(list) == 2 {
			return [2]int(list), nil
		}
	case kindFloatPair:
		if list, ok := listOf(r, number); ok && len(list) == 2 {
			return [2]float64(list), nil
		}
	case kindRef:
		if w, ok := v.(Widget); ok && !r.IsNil() {
			return w.model(), nil
		}
	case kindRefs:
		list, ok := listOf(r, func(e reflect.Value) (*Model, bool) {
			w, ok := e.Interface().(Widget)
			if !ok || reflect.ValueOf(w).IsNil() {
				return nil, false
			}
			return w.model(), true
		})
		if ok {
			return list, nil
		}
	case kindBytes:
		if b, ok := v.([]byte); ok {
			return slices.Clone(b), nil
		}
	case kindAny:
		return v, nil
	}
	return nil, t.wants(v)
}

func (t *trait) wants(v any) error {
	what := t.kind.String()
	if t.kind == kindEnum {
		what = fmt.Sprintf("one of %q", t.oneOf)
	}
	if t.null {
		what += " or nil"
	}
	if s, ok := v.(string); ok {
		return fault("%s is %s, not %q", t.name, what, s)
	}
	return fault("%s is %s, not %v (%T)", t.name, what, v, v)
}

func wholeNumber(r reflect.Value) (int, bool) {
	if r.Kind() == reflect.Interface {
		r = r.Elem()
	}
	switch {
	case r.CanInt():
		return int(r.Int()), true
	case r.CanUint() && r.Uint() <= math.MaxInt64:
		return int(r.Uint()), true
	case r.CanFloat():
		x := r.Float()
		return int(x), x == math.Trunc(x) && math.Abs(x) <= 1<<53
	}
	return 0, false
}

func number(r reflect.Value) (float64, bool) {
	if r.Kind() == reflect.Interface {
		r = r.Elem()
	}
	switch {
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	case r.CanFloat():
		x := r.Float()
		return x, !math.IsNaN(x) && !math.IsInf(x, 0) // JSON has neither
	}
	return 0, false
}

func listOf[T any](r reflect.Value, elem func(reflect.Value) (T, bool)) ([]T, bool) {
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		return nil, false
	}
	list := make([]T, 0, r.Len())
	for i := range r.Len() {
		e := r.Index(i)
		if e.Kind() == reflect.Interface {
			e = e.Elem()
		}
		if !e.IsValid() {
			return nil, false
		}
		x, ok := elem(e)
		if !ok {
			return nil, false
		}
		list = append(list, x)
	}
	return list, true
}

// same reports whether two values of a trait are equal.
func same(a, b any) bool { return reflect.DeepEqual(a, b) }

// The checks of classes whose traits depend on each other: as in ipywidgets, bounds that cross are refused and a value
// out of them is moved to the nearest.

func bounded(s map[string]any, key string) error {
	switch lo := s["min"].(type) {
	case int:
		hi := s["max"].(int)
		if err := ordered(float64(lo), float64(hi)); err != nil {
			return err
		}
		s["value"] = min(max(s["value"].(int), lo), hi)
	case float64:
		hi := s["max"].(float64)
		if err := ordered(lo, hi); err != nil {
			return err
		}
		s["value"] = min(max(s["value"].(float64), lo), hi)
	}
	return positive(s, key)
}

func boundedLog(s map[string]any, key string) error {
	base, lo, hi := s["base"].(float64), s["min"].(float64), s["max"].(float64)
	if err := ordered(lo, hi); err != nil {
		return err
	}
	if base <= 1 {
		return fault("base is more than 1, not %v", base)
	}
	s["value"] = min(max(s["value"].(float64), math.Pow(base, lo)), math.Pow(base, hi))
	return positive(s, key)
}

func boundedPair(s map[string]any, key string) error {
	switch v := s["value"].(type) {
	case [2]int:
		lo, hi := s["min"].(int), s["max"].(int)
		if err := ordered(float64(lo), float64(hi)); err != nil {
			return err
		}
		a, b := min(v[0], v[1]), max(v[0], v[1])
		s["value"] = [2]int{min(max(a, lo), hi), min(max(b, lo), hi)}
	case [2]float64:
		lo, hi := s["min"].(float64), s["max"].(float64)
		if err := ordered(lo, hi); err != nil {
			return err
		}
		a, b := min(v[0], v[1]), max(v[0], v[1])
		s["value"] = [2]float64{min(max(a, lo), hi), min(max(b, lo), hi)}
	}
	return positive(s, key)
}

func ordered(lo, hi float64) error {
	if lo > hi {
		return fault("the smallest value %v is above the largest %v", lo, hi)
	}
	return nil
}

func positive(s map[string]any, key string) error {
	if key != "step" && key != "interval" || s[key] == nil {
		return nil
	}
	if x, _ := number(reflect.ValueOf(s[key])); x <= 0 {
		return fault("%s is more than 0, not %v", key, s[key])
	}
	return nil
}

// indexed keeps the index of a choice within its options; new options begin with the first.
func indexed(s map[string]any, key string) error {
	n := len(s["_options_labels"].([]string))
	if key == "_options_labels" {
		s["index"] = any(0)
		if n == 0 {
			s["index"] = nil
		}
		return nil
	}
	if i, ok := s["index"].(int); ok && (i < 0 || i >= n) {
		return fault("index %d of %d options", i, n)
	}
	return nil
}

func indexedAll(s map[string]any, key string) error {
	n := len(s["_options_labels"].([]string))
	if key == "_options_labels" {
		s["index"] = []int{}
		return nil
	}
	for _, i := range s["index"].([]int) {
		if i < 0 || i >= n {
			return fault("index %d of %d options", i, n)
		}
	}
	return nil
}

// selected keeps the open page of a Tab, Accordion or Stack among its children.
func selected(s map[string]any, key string) error {
	n := len(s["children"].([]*Model))
	i, ok := s["selected_index"].(int)
	if !ok || 0 <= i && i < n {
		return nil
	}
	if key == "children" {
		s["selected_index"] = nil
		return nil
	}
	return fault("selected_index %d of %d children", i, n)
}
