package widget

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/install/installtest"
)

// dump prints every trait of the classes named on its command line as ipywidgets has it: default as JSON, the kind, and
// for an enumeration its words.
const dump = `
import json, sys
import ipywidgets as W
from ipywidgets.widgets.widget import Widget, _remove_buffers
from traitlets import Enum, Bool, Int, CInt, Float, CFloat, Unicode, CUnicode, Tuple, List

def kind(t):
    if getattr(t, "values", None) is not None: return "word"
    if isinstance(t, Bool): return "bool"
    if isinstance(t, (Int, CInt)): return "int"
    if isinstance(t, (Float, CFloat)): return "float"
    if isinstance(t, (Unicode, CUnicode)): return "str"
    return ""

def traits(w):
    out = {}
    for k, t in w.traits(sync=True).items():
        v = getattr(w, k)
        if isinstance(v, Widget): v = "REF " + v._model_name
        if isinstance(v, (bytes, memoryview)): v = None
        out[k] = {"default": v, "kind": kind(t), "null": bool(t.allow_none), "words": sorted(getattr(t, "values", None) or [])}
    return out

all = {}
for name in sys.argv[1:]:
    made = {"SelectionSlider": {"options": ["a"]}}.get(name, {})
    if not hasattr(W, name): continue
    w = getattr(W, name)(**made)
    all[name] = traits(w)
    style = getattr(w, "style", None)
    if style is not None: all[type(style).__name__] = traits(style)
print(json.dumps(all))
`

// controls are the classes that cells can make.
var controls = []string{
	"IntSlider", "FloatSlider", "FloatLogSlider", "IntRangeSlider", "FloatRangeSlider", "SelectionSlider", "Dropdown", "Select",
	"RadioButtons", "ToggleButtons", "SelectMultiple", "Text", "Password", "Textarea", "Combobox", "IntText", "FloatText",
	"BoundedIntText", "BoundedFloatText", "Button", "ToggleButton", "Checkbox", "Valid", "IntProgress", "FloatProgress",
	"Play", "ColorPicker", "HTML", "HTMLMath", "Label", "Image", "Output", "Box", "HBox", "VBox", "GridBox", "Tab",
	"Accordion", "Stack", "Layout",
}

// TestTraitsAreThoseOfIpywidgets compares every trait of every class with the ipywidgets package itself.
func TestTraitsAreThoseOfIpywidgets(t *testing.T) {
	env := installtest.Env(t)
	cmd := exec.Command(env.Python, append([]string{"-B", "-W", "ignore", "-c", dump}, controls...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, cmd.Stderr)
	}
	var want map[string]map[string]struct {
		Default any
		Kind    string
		Null    bool
		Words   []string
	}
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) < len(controls)+8 {
		t.Fatalf("ipywidgets told of %d classes only", len(want))
	}
	for name, traits := range want {
		c := classOf(name)
		if len(c.traits) != len(traits) {
			t.Errorf("%s has %d traits, want %d", name, len(c.traits), len(traits))
		}
		for key, w := range traits {
			tr := c.trait(key)
			if tr == nil {
				t.Errorf("%s has no %s", name, key)
				continue
			}
			def := tr.def
			switch {
			case tr.kind == kindBytes:
				def = nil
			case key == "layout":
				def = "REF LayoutModel"
			case key == "style":
				def = "REF " + c.style + "Model"
			case name == "SelectionSlider" && (key == "index" || key == "_options_labels"): // it must have an option there
				continue
			}
			b, _ := json.Marshal(def)
			var got any
			json.Unmarshal(b, &got)
			if !same(got, w.Default) {
				t.Errorf("%s.%s is %v at first, want %v", name, key, got, w.Default)
			}
			kinds := map[kind]string{kindString: "str", kindBool: "bool", kindInt: "int", kindFloat: "float", kindEnum: "word"}
			if w.Kind != "" && kinds[tr.kind] != w.Kind {
				t.Errorf("%s.%s is %v, want %s", name, key, tr.kind, w.Kind)
			}
			if w.Kind != "" && tr.null != w.Null {
				t.Errorf("%s.%s may be null: %v, want %v", name, key, tr.null, w.Null)
			}
			words := slices.Sorted(slices.Values(tr.oneOf))
			if !slices.Equal(words, w.Words) {
				t.Errorf("%s.%s is one of %s, want %s", name, key, strings.Join(words, " "), strings.Join(w.Words, " "))
			}
		}
	}
}
