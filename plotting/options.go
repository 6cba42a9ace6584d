package plotting

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/godlas/godlas/dlas/ir"
)

// Options are what the key=value arguments of a plot say.
type Options struct {
	X, Y   string    // names of metrics; empty: the kind's own
	Colour ir.Layer  // the layer whose choices are told apart by colour; empty: the kind chooses
	Panel  ir.Layer  // a panel for each choice of this layer; empty: one panel
	Node   string    // a layer of the network; empty: the kind chooses
	Width  vg.Length // of the whole figure
	Font   vg.Length // size of the axis labels
}

// Width and font of a figure where nothing is said: they suit a notebook. For a
// column of a paper there is width=84mm font=8pt.
const (
	DefaultWidth = 140 * vg.Millimeter
	DefaultFont  = vg.Length(9)
)

var optionNames = []string{"x", "y", "colour", "panel", "node", "width", "font"}

// ParseOptions reads arguments such as x=bytes, colour=primitive, width=84mm,
// font=8pt. Errors are one line and name what there is.
func ParseOptions(args []string) (Options, error) {
	var o Options
	for _, a := range args {
		key, value, ok := strings.Cut(a, "=")
		if !ok || value == "" {
			return Options{}, &ir.Error{What: fmt.Sprintf("%q is not an option of plot", a), Try: "options are " + strings.Join(optionNames, "=, ") + "="}
		}
		var err error
		switch key {
		case "x", "y":
			if _, err = metricNamed(value); err == nil {
				if key == "x" {
					o.X = value
				} else {
					o.Y = value
				}
			}
		case "colour", "color":
			o.Colour, err = layerNamed(key, value)
		case "panel":
			o.Panel, err = layerNamed(key, value)
		case "node":
			o.Node = value
		case "width":
			o.Width, err = length(key, value, 20*vg.Millimeter, 2000*vg.Millimeter)
		case "font":
			o.Font, err = length(key, value, 4, 40)
		default:
			err = ir.Unknown("", "option of plot", key, optionNames)
		}
		if err != nil {
			return Options{}, err
		}
	}
	return o, nil
}

// only refuses the options that a kind does not take, of those that are not every kind's.
func (o Options) only(kind string, takes ...string) error {
	takes = append(takes, "width", "font")
	for _, given := range []struct{ name, value string }{{"x", o.X}, {"y", o.Y}, {"colour", string(o.Colour)}, {"panel", string(o.Panel)}, {"node", o.Node}} {
		if given.value != "" && !slices.Contains(takes, given.name) {
			return &ir.Error{What: kind + " has no " + given.name + "=", Try: "it has " + strings.Join(takes, "=, ") + "="}
		}
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	if o.Font == 0 {
		o.Font = DefaultFont
	}
	return o
}

func layerNamed(key, value string) (ir.Layer, error) {
	if l := ir.Layer(value); l.Number() > 0 {
		return l, nil
	}
	var names []string
	for _, l := range ir.Layers() {
		names = append(names, string(l))
	}
	return "", ir.Unknown("", key, value, names)
}

var lengthUnits = []struct {
	name string
	unit vg.Length
}{{"mm", vg.Millimeter}, {"cm", vg.Centimeter}, {"in", vg.Inch}, {"pt", 1}, {"px", 0.75}}

// length reads a number with its unit.
func length(key, s string, low, high vg.Length) (vg.Length, error) {
	for _, u := range lengthUnits {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			break
		}
		l := vg.Length(v) * u.unit
		if !(l >= low && l <= high) {
			return 0, &ir.Error{What: fmt.Sprintf("%s=%s is out of range", key, s), Try: fmt.Sprintf("it may be %.4gpt to %.5gpt", low.Points(), high.Points())}
		}
		return l, nil
	}
	return 0, &ir.Error{What: fmt.Sprintf("%s=%s is not a length", key, s), Try: "write it like 84mm, 3in, 8pt or 400px"}
}
