package widget

import "slices"

// Choice is a control of one of several options.
type Choice struct{ *Model }

// Dropdown is a list that opens; the first option is chosen.
func Dropdown(options ...string) *Choice { return newChoice("Dropdown", options) }

// Select is a list; the first option is chosen.
func Select(options ...string) *Choice { return newChoice("Select", options) }

// RadioButtons has a button for each option; the first is chosen.
func RadioButtons(options ...string) *Choice { return newChoice("RadioButtons", options) }

// ToggleButtons has a button for each option, of which one is pressed, at first the first.
func ToggleButtons(options ...string) *Choice { return newChoice("ToggleButtons", options) }

// SelectionSlider is a slider over the options, at first at the first.
func SelectionSlider(options ...string) *Choice { return newChoice("SelectionSlider", options) }

func newChoice(class string, options []string) *Choice {
	w := &Choice{newModel(class)}
	w.SetOptions(options...)
	return w
}

// Label sets the text beside the widget.
func (w *Choice) Label(text string) *Choice { w.set("description", text); return w }

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *Choice) Set(trait string, v any) *Choice { w.set(trait, v); return w }

// Options are what can be chosen.
func (w *Choice) Options() []string { return slices.Clone(w.Get("_options_labels").([]string)) }

// SetOptions makes other options; the first is chosen then.
func (w *Choice) SetOptions(options ...string) { w.set("_options_labels", options) }

// Index is the place of the chosen option, from 0, or -1 if none is.
func (w *Choice) Index() int {
	if i, ok := w.Get("index").(int); ok {
		return i
	}
	return -1
}

// SetIndex chooses an option by its place, from 0; -1 chooses none.
func (w *Choice) SetIndex(i int) {
	if i < 0 {
		w.set("index", nil)
		return
	}
	w.set("index", i)
}

// Value is the chosen option, or "" if none is.
func (w *Choice) Value() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i, ok := w.state["index"].(int); ok {
		return w.state["_options_labels"].([]string)[i]
	}
	return ""
}

// SetValue chooses an option.
func (w *Choice) SetValue(option string) {
	i := slices.Index(w.Options(), option)
	if i < 0 {
		panic(fault("%q is none of the options %q", option, w.Options()))
	}
	w.SetIndex(i)
}

// OnChange calls f with the option after another one was chosen, by the page or by SetValue.
func (w *Choice) OnChange(f func(option string)) *Choice {
	w.watch("index", func(any) { f(w.Value()) })
	return w
}

// Choices is a control of any number of several options.
type Choices struct{ *Model }

// SelectMultiple is a list of which any number can be chosen; at first none is.
func SelectMultiple(options ...string) *Choices {
	w := &Choices{newModel("SelectMultiple")}
	w.set("_options_labels", options)
	return w
}

// Label sets the text beside the widget.
func (w *Choices) Label(text string) *Choices { w.set("description", text); return w }

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *Choices) Set(trait string, v any) *Choices { w.set(trait, v); return w }

// Value is what is chosen, in the order of the options.
func (w *Choices) Value() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	chosen := []string{}
	places := slices.Sorted(slices.Values(w.state["index"].([]int)))
	for _, i := range places {
		chosen = append(chosen, w.state["_options_labels"].([]string)[i])
	}
	return chosen
}

// SetValue chooses options.
func (w *Choices) SetValue(options ...string) {
	labels := w.Get("_options_labels").([]string)
	places := []int{}
	for _, o := range options {
		i := slices.Index(labels, o)
		if i < 0 {
			panic(fault("%q is none of the options %q", o, labels))
		}
		places = append(places, i)
	}
	w.set("index", places)
}

// OnChange calls f with what is chosen after a change of it, by the page or by SetValue.
func (w *Choices) OnChange(f func(options []string)) *Choices {
	w.watch("index", func(any) { f(w.Value()) })
	return w
}
