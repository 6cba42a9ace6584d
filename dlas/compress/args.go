package compress

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// Elbow is the level of a pass that is found by its scan.
const Elbow = "elbow"

// form is what stands in the brackets of a pass before its named arguments.
type form struct {
	level   string // what the number is, as in "the fraction must be from 0 to 1"; empty: the pass has none
	lo, hi  float64
	whole   bool   // a whole number
	block   bool   // a block, as in 16x1, too
	example string // how it is written right
}

// given is what a choice says, read by its form.
type given struct {
	level    float64
	row, col int // of the block
}

// blockRows are the numbers of output channels that a block may have: what fills registers of some kernel.
var blockRows = []int{4, 8, 16, 32}

// read checks a choice's arguments against its pass' option and form.
func (f form) read(o ir.Option, c ir.Choice) (given, error) {
	bad := func(format string, args ...any) (given, error) {
		return given{}, &ir.Error{Layer: ir.Compress, What: fmt.Sprintf(format, args...), Try: f.example}
	}
	if err := named(o, c); err != nil {
		return given{}, err
	}
	var got given
	levels, blocks := 0, 0
	for _, v := range c.Value {
		row, col, isBlock := readBlock(v)
		switch {
		case f.block && isBlock:
			blocks++
			if !slices.Contains(blockRows, row) || col < 1 {
				return bad("%s: a block has 4, 8, 16 or 32 output channels and at least one input channel", c)
			}
			got.row, got.col = row, col
		case f.level == "":
			return bad("%s takes no value, but got %s", c.Name, v)
		case v == Elbow:
			return bad("%s is a level that has to be found first, by a scan", c)
		default:
			levels++
			x, err := strconv.ParseFloat(v, 64)
			if err != nil && f.block {
				return bad("%s: %s is neither a number nor a block such as 16x1", c, v)
			}
			if err != nil || !(x >= f.lo && x <= f.hi) || f.whole && x != float64(int(x)) {
				return bad("%s: the %s must be from %s to %s", c, f.level, number(f.lo), number(f.hi))
			}
			got.level = x
		}
	}
	switch {
	case f.level != "" && levels != 1:
		return bad("%s takes one %s, but got %d", c.Name, f.level, levels)
	case f.block && blocks != 1:
		return bad("%s takes one block, but got %d", c.Name, blocks)
	}
	return got, nil
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// readBlock reads RxC.
func readBlock(v string) (row, col int, ok bool) {
	r, c, found := strings.Cut(v, "x")
	if !found {
		return 0, 0, false
	}
	row, err1 := strconv.Atoi(r)
	col, err2 := strconv.Atoi(c)
	if errors.Is(err1, strconv.ErrRange) || errors.Is(err2, strconv.ErrRange) { // a block, but none that there is
		return 0, 0, true
	}
	return row, col, err1 == nil && err2 == nil
}

// named checks the named arguments against an option's parameters.
func named(o ir.Option, c ir.Choice) error {
	var keys []string
	for _, p := range o.Params {
		if p.Key != "" {
			keys = append(keys, p.Key)
		}
	}
	for _, a := range c.Args {
		i := slices.IndexFunc(o.Params, func(p ir.Param) bool { return p.Key == a.Key })
		switch {
		case len(keys) == 0:
			return ir.Errorf(ir.Compress, "%s takes no arguments, but got %s", c.Name, a.Key)
		case i < 0:
			return ir.Unknown(ir.Compress, "argument of "+c.Name, a.Key, keys)
		case a.Op != "=" || len(o.Params[i].Values) > 0 && !slices.Contains(o.Params[i].Values, a.Value):
			return ir.Unknown(ir.Compress, a.Key+" of "+c.Name, a.Value, o.Params[i].Values)
		}
	}
	return nil
}

// scopeParam and byParam are what all passes have that rank.
func scopeParam(def string) ir.Param {
	return ir.Param{Key: "scope", Help: "what is ranked together: the weights of the whole network, or those of each layer alone; of random weights global empties the largest layers, mostly the late ones, first", Default: def, Values: []string{"global", "layer"}}
}

func byParam() ir.Param {
	return ir.Param{Key: "by", Help: "what a weight is ranked by: " + scoringHelp(), Default: "magnitude", Values: scoringNames()}
}
