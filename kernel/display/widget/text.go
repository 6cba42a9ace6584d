package widget

import "encoding/json"

// String is a control of a text.
type String struct{ *Model }

// Text is a field for a line of text.
func Text(value string) *String { return newString("Text", value) }

// Textarea is a field for several lines.
func Textarea(value string) *String { return newString("Textarea", value) }

// Password is a field whose text is not shown.
func Password() *String { return newString("Password", "") }

// Combobox is a field for a line of text that offers options while it is typed in.
func Combobox(options ...string) *String {
	w := newString("Combobox", "")
	w.set("options", options)
	return w
}

// ColorPicker is a field for a colour: a name, or as #rrggbb.
func ColorPicker(value string) *String { return newString("ColorPicker", value) }

// Label shows a line of text; formulas between dollar signs are set.
func Label(text string) *String { return newString("Label", text) }

// HTML shows a piece of HTML. It is the caller's to escape what comes from elsewhere (html.EscapeString).
func HTML(s string) *String { return newString("HTML", s) }

// HTMLMath shows a piece of HTML in which formulas between dollar signs are set.
func HTMLMath(s string) *String { return newString("HTMLMath", s) }

func newString(class, value string) *String {
	w := &String{newModel(class)}
	w.set("value", value)
	return w
}

// Label sets the text beside the widget.
func (w *String) Label(text string) *String { w.set("description", text); return w }

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *String) Set(trait string, v any) *String { w.set(trait, v); return w }

// Value is the text.
func (w *String) Value() string { return w.Get("value").(string) }

// SetValue sets the text, here and in the page.
func (w *String) SetValue(v string) { w.set("value", v) }

// OnChange calls f with the value after a change of it, by the page or by SetValue.
func (w *String) OnChange(f func(v string)) *String {
	w.watch("value", func(v any) { f(v.(string)) })
	return w
}

// Placeholder sets what an empty field shows.
func (w *String) Placeholder(text string) *String { w.set("placeholder", text); return w }

// OnSubmit calls f with the text when the user presses Enter in a field of one line.
func (w *String) OnSubmit(f func(text string)) *String {
	w.OnCustom(func(content json.RawMessage, _ [][]byte) {
		if event(content) == "submit" {
			f(w.Value())
		}
	})
	return w
}

// event is the name of a custom message of the controls.
func event(content json.RawMessage) string {
	var c struct{ Event string }
	_ = json.Unmarshal(content, &c)
	return c.Event
}
