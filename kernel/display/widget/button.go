package widget

import "encoding/json"

// Bool is a control of a truth value.
type Bool struct{ *Model }

// Checkbox is a box to tick.
func Checkbox(value bool) *Bool { return newBool("Checkbox", value) }

// ToggleButton is a button that stays pressed.
func ToggleButton(value bool) *Bool { return newBool("ToggleButton", value) }

// Valid shows a tick or a cross.
func Valid(value bool) *Bool { return newBool("Valid", value) }

func newBool(class string, value bool) *Bool {
	w := &Bool{newModel(class)}
	w.set("value", value)
	return w
}

// Label sets the text beside the widget.
func (w *Bool) Label(text string) *Bool { w.set("description", text); return w }

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *Bool) Set(trait string, v any) *Bool { w.set(trait, v); return w }

// Value is whether it is on.
func (w *Bool) Value() bool { return w.Get("value").(bool) }

// SetValue sets whether it is on, here and in the page.
func (w *Bool) SetValue(v bool) { w.set("value", v) }

// OnChange calls f with the value after a change of it, by the page or by SetValue.
func (w *Bool) OnChange(f func(v bool)) *Bool {
	w.watch("value", func(v any) { f(v.(bool)) })
	return w
}

// Push is a button.
type Push struct{ *Model }

// Button is a button with a text on it.
func Button(text string) *Push {
	w := &Push{newModel("Button")}
	w.set("description", text)
	return w
}

// Label sets the text on the button.
func (w *Push) Label(text string) *Push { w.set("description", text); return w }

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *Push) Set(trait string, v any) *Push { w.set(trait, v); return w }

// OnClick calls f for each click.
func (w *Push) OnClick(f func()) *Push {
	w.OnCustom(func(content json.RawMessage, _ [][]byte) {
		if event(content) == "click" {
			f()
		}
	})
	return w
}
