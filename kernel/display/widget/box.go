package widget

import (
	"fmt"
	"reflect"
	"strings"
)

// Container is a widget that holds others.
type Container struct{ *Model }

// HBox puts widgets beside each other.
func HBox(children ...Widget) *Container { return newContainer("HBox", children) }

// VBox puts widgets below each other.
func VBox(children ...Widget) *Container { return newContainer("VBox", children) }

// Box puts widgets beside each other as its layout says.
func Box(children ...Widget) *Container { return newContainer("Box", children) }

// GridBox puts widgets in a grid of so many columns.
func GridBox(columns int, children ...Widget) *Container {
	w := newContainer("GridBox", children)
	w.set("layout.grid_template_columns", fmt.Sprintf("repeat(%d, auto)", max(columns, 1)))
	return w
}

// Tab shows one of the widgets at a time, at first the first, and a row of titles to choose by; see Titles.
func Tab(children ...Widget) *Container {
	w := newContainer("Tab", children)
	w.openFirst()
	return w
}

// Accordion shows the titles of the widgets, and that one which is chosen below its title; at first none.
func Accordion(children ...Widget) *Container { return newContainer("Accordion", children) }

// Stack shows one of the widgets at a time, at first the first; see SetSelected.
func Stack(children ...Widget) *Container {
	w := newContainer("Stack", children)
	w.openFirst()
	return w
}

func newContainer(class string, children []Widget) *Container {
	w := &Container{newModel(class)}
	w.text = w.describe
	w.SetChildren(children...)
	return w
}

func (w *Container) openFirst() {
	if len(w.Children()) > 0 {
		w.set("selected_index", 0)
	}
}

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *Container) Set(trait string, v any) *Container { w.set(trait, v); return w }

// Titles sets the titles of a Tab or an Accordion.
func (w *Container) Titles(titles ...string) *Container { w.set("titles", titles); return w }

// Children are the widgets in it.
func (w *Container) Children() []Widget {
	var list []Widget
	for _, c := range w.Get("children").([]*Model) {
		list = append(list, c)
	}
	return list
}

// SetChildren puts other widgets in it.
func (w *Container) SetChildren(children ...Widget) {
	var in []*Model
	for _, c := range children {
		if c == nil || reflect.ValueOf(c).IsNil() {
			panic(fault("a nil among the widgets of a %s", w.class.name))
		}
		in = append(in, c.model())
	}
	if err := w.outside(in); err != nil {
		panic(err)
	}
	w.mu.Lock()
	shown := w.comm != nil
	w.mu.Unlock()
	for _, c := range children {
		if shown {
			c.model().prepare()
		}
	}
	w.set("children", children)
}

// outside is an error if m is what it is to refer to, or in that: neither the kernel nor the page comes to an end of it.
func (m *Model) outside(v any) error {
	if refersTo(v, m, map[*Model]bool{}) {
		return fault("a %s cannot be in itself", m.class.name)
	}
	return nil
}

// refersTo reports whether a trait's value is x or comes to it by way of models that were not seen before.
func refersTo(v any, x *Model, seen map[*Model]bool) bool {
	var list []*Model
	switch v := v.(type) {
	case *Model:
		list = []*Model{v}
	case []*Model:
		list = v
	}
	for _, c := range list {
		if c == x {
			return true
		}
		if seen[c] {
			continue
		}
		seen[c] = true
		c.mu.Lock()
		state := c.state // it is replaced, never changed
		c.mu.Unlock()
		for _, v := range state {
			if refersTo(v, x, seen) {
				return true
			}
		}
	}
	return false
}

// Selected is the place of the widget that a Tab, Accordion or Stack shows, from 0, or -1.
func (w *Container) Selected() int {
	if i, ok := w.Get("selected_index").(int); ok {
		return i
	}
	return -1
}

// SetSelected shows another one; -1 shows none.
func (w *Container) SetSelected(i int) {
	if i < 0 {
		w.set("selected_index", nil)
		return
	}
	w.set("selected_index", i)
}

// OnSelect calls f with the place of the one that is shown after another was chosen, or -1.
func (w *Container) OnSelect(f func(i int)) *Container {
	w.watch("selected_index", func(any) { f(w.Selected()) })
	return w
}

func (w *Container) describe() string {
	var b strings.Builder
	b.WriteString(w.class.name + ":")
	for _, c := range w.Children() {
		b.WriteString("\n  " + strings.ReplaceAll(c.model().String(), "\n", "\n  "))
	}
	return b.String()
}
