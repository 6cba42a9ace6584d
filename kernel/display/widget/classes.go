package widget

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Versions of the protocol and of the page's modules, as ipywidgets 8.1 has them.
const (
	protocolVersion = "2.1.0"
	baseVersion     = "2.0.0"
	controlsVersion = "2.0.0"
	outputVersion   = "1.0.0"

	baseModule     = "@jupyter-widgets/base"
	controlsModule = "@jupyter-widgets/controls"
	outputModule   = "@jupyter-widgets/output"
)

// class is a kind of widget as the page knows it.
type class struct {
	name   string
	traits []trait
	byName map[string]*trait
	style  string // class of its style, "" if it has none
	layout bool
	check  func(s map[string]any, key string) error // mends or refuses a state in which key is new
}

// trait is a named part of a widget's state.
type trait struct {
	name  string
	kind  kind
	null  bool // may be null, and is at first
	def   any
	oneOf []string // of kindEnum
}

func (c *class) trait(name string) *trait { return c.byName[name] }

// The traits of each class, as `name kind default`, separated by semicolons. A kind with a question mark may be null,
// and is; one with a tilde may be too. A list of words is an enumeration with the first as default. See ipywidgets, packages/schema.
const (
	described = "description str; description_allow_html bool"
	disabled  = "; disabled bool"
	across    = "; orientation horizontal,vertical"
	slides    = "; " + described + disabled + across + "; readout bool true; continuous_update bool true; behavior drag-tap,drag-snap,tap,drag,snap"
	intRange  = "; min int 0; max int 100; step int 1"
	realRange = "; min float 0; max float 100; step float~ 0.1"
	styles    = ",primary,success,info,warning,danger"
	boxStyles = ",success,info,warning,danger"
	options   = "; _options_labels strs; index int?; " + described + disabled
	typed     = "value str; placeholder str \u200b; " + described
	entered   = typed + disabled + "; continuous_update bool true"
	counted   = "; " + described + disabled + "; continuous_update bool false"
	boxed     = "children refs; box_style " + boxStyles
	chosen    = boxed + "; titles strs; selected_index int?"
	fontOf    = "; font_family str?; font_size str?; font_style str?; font_variant str?; font_weight str?; text_color str?; text_decoration str?"
	inked     = "description_width str; background str?; font_size str?; text_color str?"
)

func describe(name string) (traits, style string, check func(map[string]any, string) error, ok bool) {
	ok = true
	switch name {
	case "IntSlider":
		traits, style, check = "value int"+intRange+"; readout_format str d"+slides, "SliderStyle", bounded
	case "FloatSlider":
		traits, style, check = "value float"+realRange+"; readout_format str .2f"+slides, "SliderStyle", bounded
	case "FloatLogSlider":
		traits, style, check = "value float 1; base float 10; min float 0; max float 4; step float~ 0.1; readout_format str .3g"+slides, "SliderStyle", boundedLog
	case "IntRangeSlider":
		traits, style, check = "value ints2 25,75"+intRange+"; readout_format str d"+slides, "SliderStyle", boundedPair
	case "FloatRangeSlider":
		traits, style, check = "value floats2 25,75"+realRange+"; readout_format str .2f"+slides, "SliderStyle", boundedPair
	case "SelectionSlider":
		traits, style, check = "_options_labels strs; index int?; "+strings.TrimPrefix(slides, "; "), "SliderStyle", indexed
	case "Dropdown":
		traits, style, check = strings.TrimPrefix(options, "; "), "DescriptionStyle", indexed
	case "Select":
		traits, style, check = "rows int 5"+options, "DescriptionStyle", indexed
	case "RadioButtons":
		traits, style, check = "orientation vertical,horizontal"+options, "DescriptionStyle", indexed
	case "ToggleButtons":
		traits, style, check = "icons strs; tooltips strs; button_style ~"+styles+options, "ToggleButtonsStyle", indexed
	case "SelectMultiple":
		traits, style, check = "rows int 5; _options_labels strs; index ints; "+described+disabled, "DescriptionStyle", indexedAll
	case "Text", "Password":
		traits, style = entered, "TextStyle"
	case "Textarea":
		traits, style = entered+"; rows int?", "TextStyle"
	case "Combobox":
		traits, style = entered+"; options strs; ensure_option bool", "TextStyle"
	case "IntText":
		traits, style = "value int; step int 1"+counted, "DescriptionStyle"
	case "FloatText":
		traits, style = "value float; step float?"+counted, "DescriptionStyle"
	case "BoundedIntText":
		traits, style, check = "value int"+intRange+counted, "DescriptionStyle", bounded
	case "BoundedFloatText":
		traits, style, check = "value float; min float 0; max float 100; step float?"+counted, "DescriptionStyle", bounded
	case "Button":
		traits, style = "description str; icon str; button_style "+styles+disabled, "ButtonStyle"
	case "ToggleButton":
		traits, style = "value bool; icon str; button_style "+styles+"; "+described+disabled, "ToggleButtonStyle"
	case "Checkbox":
		traits, style = "value bool; indent bool true; "+described+disabled, "CheckboxStyle"
	case "Valid":
		traits, style = "value bool; readout str Invalid; "+described+disabled, "DescriptionStyle"
	case "IntProgress":
		traits, style, check = "value int; min int 0; max int 100; bar_style "+boxStyles+"; "+described+across, "ProgressStyle", bounded
	case "FloatProgress":
		traits, style, check = "value float; min float 0; max float 100; bar_style ~"+boxStyles+"; "+described+across, "ProgressStyle", bounded
	case "Play":
		traits, style, check = "value int; interval int 100; playing bool; repeat bool; show_repeat bool true"+intRange+"; "+described+disabled, "DescriptionStyle", bounded
	case "ColorPicker":
		traits, style = "value str black; concise bool; "+described+disabled, "DescriptionStyle"
	case "HTML", "HTMLMath", "Label":
		traits, style = typed, name+"Style"
	case "Image":
		traits = "value bytes; format str png; width str; height str"
	case "Output":
		traits = "msg_id str; outputs any"
	case "Box", "HBox", "VBox", "GridBox":
		traits = boxed
	case "Tab", "Accordion", "Stack":
		traits, check = chosen, selected
	case "Layout":
		traits = layoutTraits
	case "SliderStyle":
		traits = "description_width str; handle_color str?"
	case "DescriptionStyle":
		traits = "description_width str"
	case "ToggleButtonsStyle":
		traits = "description_width str; button_width str; font_weight str"
	case "TextStyle", "HTMLStyle", "HTMLMathStyle":
		traits = inked
	case "LabelStyle":
		traits = "description_width str; background str?" + fontOf
	case "ButtonStyle":
		traits = "button_color str?" + fontOf
	case "ToggleButtonStyle":
		traits = "description_width str" + fontOf
	case "CheckboxStyle":
		traits = "description_width str; background str?"
	case "ProgressStyle":
		traits = "description_width str; bar_color str?"
	default:
		ok = false
	}
	return traits, style, check, ok
}

const (
	global       = "inherit,initial,unset"
	layoutTraits = "align_content ?flex-start,flex-end,center,space-between,space-around,space-evenly,stretch," + global +
		"; align_items ?flex-start,flex-end,center,baseline,stretch," + global +
		"; align_self ?auto,flex-start,flex-end,center,baseline,stretch," + global +
		"; border_top str?; border_right str?; border_bottom str?; border_left str?; bottom str?; display str?; flex str?" +
		"; flex_flow str?; grid_area str?; grid_auto_columns str?; grid_auto_flow ?column,row,row dense,column dense," + global +
		"; grid_auto_rows str?; grid_column str?; grid_gap str?; grid_row str?; grid_template_areas str?" +
		"; grid_template_columns str?; grid_template_rows str?; height str?" +
		"; justify_content ?flex-start,flex-end,center,space-between,space-around," + global +
		"; justify_items ?flex-start,flex-end,center," + global +
		"; left str?; margin str?; max_height str?; max_width str?; min_height str?; min_width str?" +
		"; object_fit ?contain,cover,fill,scale-down,none; object_position str?; order str?; overflow str?; padding str?" +
		"; right str?; top str?; visibility ?visible,hidden," + global + "; width str?"
)

var classes struct {
	sync.Mutex
	made map[string]*class
}

// classOf returns a class by its name in ipywidgets. It panics for one that is not there.
func classOf(name string) *class {
	classes.Lock()
	defer classes.Unlock()
	if c := classes.made[name]; c != nil {
		return c
	}
	text, style, check, ok := describe(name)
	if !ok {
		panic("widget: no class " + name)
	}
	c := &class{name: name, style: style, check: check, byName: map[string]*trait{}}
	module, version, view := controlsModule, controlsVersion, name+"View"
	viewModule, viewVersion := module, version
	switch {
	case name == "Layout":
		module, version = baseModule, baseVersion
		viewModule, viewVersion = module, version
	case strings.HasSuffix(name, "Style"):
		viewModule, viewVersion, view = baseModule, baseVersion, "StyleView"
	case name == "Output":
		module, version = outputModule, outputVersion
		viewModule, viewVersion = module, version
	case name == "IntProgress" || name == "FloatProgress":
		view = "ProgressView"
	case name == "BoundedIntText" || name == "BoundedFloatText":
		view = strings.TrimPrefix(view, "Bounded")
	}
	add := func(t trait) { c.traits = append(c.traits, t) }
	for _, s := range [][2]string{
		{"_model_module", module},
		{"_model_module_version", version},
		{"_model_name", name + "Model"},
		{"_view_module", viewModule},
		{"_view_module_version", viewVersion},
		{"_view_name", view},
	} {
		add(trait{name: s[0], kind: kindString, def: s[1]})
	}
	add(trait{name: "_view_count", kind: kindInt, null: true})
	if name != "Layout" && !strings.HasSuffix(name, "Style") {
		c.layout = true
		add(trait{name: "_dom_classes", kind: kindStrings, def: []string{}})
		add(trait{name: "layout", kind: kindRef})
		add(trait{name: "tabbable", kind: kindBool, null: true})
		add(trait{name: "tooltip", kind: kindString, null: true})
		if style != "" {
			add(trait{name: "style", kind: kindRef})
		}
	}
	for part := range strings.SplitSeq(text, ";") {
		add(parseTrait(strings.Trim(part, " ")))
	}
	for i := range c.traits {
		c.byName[c.traits[i].name] = &c.traits[i]
	}
	if classes.made == nil {
		classes.made = map[string]*class{}
	}
	classes.made[name] = c
	return c
}

// parseTrait reads one entry of the tables above.
func parseTrait(s string) trait {
	name, rest, _ := strings.Cut(s, " ")
	t := trait{name: name}
	word, def, _ := strings.Cut(rest, " ")
	if strings.Contains(rest, ",") && !strings.HasPrefix(rest, "ints2") && !strings.HasPrefix(rest, "floats2") { // its words may have spaces
		t.kind = kindEnum
		rest, t.null = strings.CutPrefix(rest, "?")
		rest, may := strings.CutPrefix(rest, "~")
		t.oneOf = strings.Split(rest, ",")
		if !t.null {
			t.def = t.oneOf[0]
		}
		t.null = t.null || may
		return t
	}
	word, t.null = strings.CutSuffix(word, "?")
	word, may := strings.CutSuffix(word, "~")
	switch word {
	case "str":
		t.kind, t.def = kindString, def
	case "bool":
		t.kind, t.def = kindBool, def == "true"
	case "int":
		n, _ := strconv.Atoi(def)
		t.kind, t.def = kindInt, n
	case "float":
		x, _ := strconv.ParseFloat(def, 64)
		t.kind, t.def = kindFloat, x
	case "strs":
		t.kind, t.def = kindStrings, []string{}
	case "ints":
		t.kind, t.def = kindInts, []int{}
	case "ints2", "floats2":
		var a, b int
		fmt.Sscanf(def, "%d,%d", &a, &b)
		t.kind, t.def = kindIntPair, [2]int{a, b}
		if word == "floats2" {
			t.kind, t.def = kindFloatPair, [2]float64{float64(a), float64(b)}
		}
	case "refs":
		t.kind, t.def = kindRefs, []*Model{}
	case "bytes":
		t.kind, t.def = kindBytes, []byte{}
	case "any":
		t.kind, t.def = kindAny, []any{}
	default:
		panic("widget: trait " + s)
	}
	if t.null {
		t.def = nil
	}
	t.null = t.null || may
	return t
}
