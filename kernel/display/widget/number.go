package widget

import (
	"fmt"
	"math"
	"strconv"
)

// Int is a control of a whole number.
type Int struct{ *Model }

// IntSlider is a slider from low to high.
func IntSlider(low, high int) *Int { return newInt("IntSlider", low, high) }

// IntText is a field for a whole number.
func IntText(value int) *Int {
	w := &Int{newModel("IntText")}
	w.set("value", value)
	return w
}

// BoundedIntText is a field for a whole number from low to high.
func BoundedIntText(low, high int) *Int { return newInt("BoundedIntText", low, high) }

// IntProgress is a bar that shows how far from low to high the value is.
func IntProgress(low, high int) *Int { return newInt("IntProgress", low, high) }

// Play counts from low to high by itself when the user starts it.
func Play(low, high int) *Int { return newInt("Play", low, high) }

func newInt(class string, low, high int) *Int {
	w := &Int{newModel(class)}
	w.bounds(low, high, low)
	return w
}

// Label sets the text beside the widget.
func (w *Int) Label(text string) *Int { w.set("description", text); return w }

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *Int) Set(trait string, v any) *Int { w.set(trait, v); return w }

// Step sets by how much one step changes the value.
func (w *Int) Step(by int) *Int { w.set("step", by); return w }

// Value is the number.
func (w *Int) Value() int { return w.Get("value").(int) }

// SetValue sets the number, here and in the page.
func (w *Int) SetValue(v int) { w.set("value", v) }

// OnChange calls f with the value after a change of it, by the page or by SetValue.
func (w *Int) OnChange(f func(v int)) *Int {
	w.watch("value", func(v any) { f(v.(int)) })
	return w
}

// Float is a control of a number.
type Float struct{ *Model }

// FloatSlider is a slider from low to high, in steps of a power of ten that fits.
func FloatSlider(low, high float64) *Float {
	w := newFloat("FloatSlider", low, high)
	w.fine(low, high)
	return w
}

// FloatLogSlider is a slider from 10 to the power of low to 10 to the power of high.
func FloatLogSlider(low, high float64) *Float {
	if math.IsInf(math.Pow(10, high), 0) {
		panic(fault("FloatLogSlider takes powers of ten, from -4 to 0 for 0.0001 to 1; ten to the power of %v is no float64", high))
	}
	w := &Float{newModel("FloatLogSlider")}
	w.bounds(low, high, math.Pow(10, low))
	return w
}

// FloatText is a field for a number.
func FloatText(value float64) *Float {
	w := &Float{newModel("FloatText")}
	w.set("value", value)
	return w
}

// BoundedFloatText is a field for a number from low to high.
func BoundedFloatText(low, high float64) *Float { return newFloat("BoundedFloatText", low, high) }

// FloatProgress is a bar that shows how far from low to high the value is.
func FloatProgress(low, high float64) *Float { return newFloat("FloatProgress", low, high) }

func newFloat(class string, low, high float64) *Float {
	w := &Float{newModel(class)}
	w.bounds(low, high, low)
	return w
}

// Label sets the text beside the widget.
func (w *Float) Label(text string) *Float { w.set("description", text); return w }

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *Float) Set(trait string, v any) *Float { w.set(trait, v); return w }

// Step sets by how much one step changes the value.
func (w *Float) Step(by float64) *Float { w.set("step", by); return w }

// Value is the number.
func (w *Float) Value() float64 { return w.Get("value").(float64) }

// SetValue sets the number, here and in the page.
func (w *Float) SetValue(v float64) { w.set("value", v) }

// OnChange calls f with the value after a change of it, by the page or by SetValue.
func (w *Float) OnChange(f func(v float64)) *Float {
	w.watch("value", func(v any) { f(v.(float64)) })
	return w
}

// IntRange is a control of two whole numbers, the smaller first.
type IntRange struct{ *Model }

// IntRangeSlider is a slider with two handles from low to high, at first at a quarter and at three quarters.
func IntRangeSlider(low, high int) *IntRange {
	w := &IntRange{newModel("IntRangeSlider")}
	w.bounds(low, high, [2]int{low + (high-low)/4, low + (high-low)*3/4})
	return w
}

// Label sets the text beside the widget.
func (w *IntRange) Label(text string) *IntRange { w.set("description", text); return w }

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *IntRange) Set(trait string, v any) *IntRange { w.set(trait, v); return w }

// Step sets by how much one step changes the value.
func (w *IntRange) Step(by int) *IntRange { w.set("step", by); return w }

// Value is both numbers.
func (w *IntRange) Value() [2]int { return w.Get("value").([2]int) }

// SetValue sets both numbers, here and in the page.
func (w *IntRange) SetValue(v [2]int) { w.set("value", v) }

// OnChange calls f with the value after a change of it, by the page or by SetValue.
func (w *IntRange) OnChange(f func(v [2]int)) *IntRange {
	w.watch("value", func(v any) { f(v.([2]int)) })
	return w
}

// FloatRange is a control of two numbers, the smaller first.
type FloatRange struct{ *Model }

// FloatRangeSlider is a slider with two handles from low to high, at first at a quarter and at three quarters.
func FloatRangeSlider(low, high float64) *FloatRange {
	w := &FloatRange{newModel("FloatRangeSlider")}
	w.bounds(low, high, [2]float64{low + (high-low)/4, low + (high-low)*3/4})
	w.fine(low, high)
	return w
}

// Label sets the text beside the widget.
func (w *FloatRange) Label(text string) *FloatRange { w.set("description", text); return w }

// Set sets any trait by its name in ipywidgets, such as "disabled", "tooltip", "layout.width" or "style.text_color".
func (w *FloatRange) Set(trait string, v any) *FloatRange { w.set(trait, v); return w }

// Step sets by how much one step changes the value.
func (w *FloatRange) Step(by float64) *FloatRange { w.set("step", by); return w }

// Value is both numbers.
func (w *FloatRange) Value() [2]float64 { return w.Get("value").([2]float64) }

// SetValue sets both numbers, here and in the page.
func (w *FloatRange) SetValue(v [2]float64) { w.set("value", v) }

// OnChange calls f with the value after a change of it, by the page or by SetValue.
func (w *FloatRange) OnChange(f func(v [2]float64)) *FloatRange {
	w.watch("value", func(v any) { f(v.([2]float64)) })
	return w
}

// bounds sets the two ends and the value of a new widget.
func (m *Model) bounds(low, high, value any) {
	values := map[string]any{}
	for k, v := range map[string]any{"min": low, "max": high, "value": value} {
		x, err := m.class.trait(k).value(v)
		if err != nil {
			panic(err)
		}
		values[k] = x
	}
	if err := m.change(values, nil); err != nil {
		panic(err)
	}
}

// fine gives a new slider a power of ten as its step, of which there are fifty to five hundred between its ends, and
// enough digits to show it.
func (m *Model) fine(low, high float64) {
	if !(high > low) {
		return
	}
	digits := -int(math.Floor(math.Log10((high - low) / 50)))
	m.set("step", decimal(math.Pow(10, -float64(digits))))
	m.set("readout_format", fmt.Sprintf(".%df", max(digits, 0)))
}

// decimal takes the noise of binary arithmetic off a number that a slider has come to by adding steps.
func decimal(x float64) float64 {
	d, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	if err != nil {
		return x
	}
	return d
}
