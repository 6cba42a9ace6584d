package ir

import (
	"fmt"
	"sort"
	"strings"
)

// Layer is one of DLAS's six, by the word that a user types.
type Layer string

// The layers, top to bottom.
const (
	Data      Layer = "data"
	Model     Layer = "model"
	Compress  Layer = "compress"
	Primitive Layer = "primitive"
	Sched     Layer = "schedule"
	Hardware  Layer = "hardware"
)

// Layers lists them in the paper's order.
func Layers() []Layer { return []Layer{Data, Model, Compress, Primitive, Sched, Hardware} }

// Number is 1 for data to 6 for hardware, 0 for any other word.
func (l Layer) Number() int {
	for i, x := range Layers() {
		if x == l {
			return i + 1
		}
	}
	return 0
}

// Title is the paper's name of the layer.
func (l Layer) Title() string {
	return map[Layer]string{
		Data: "Datasets & Problem Spaces", Model: "Models & Neural Architectures", Compress: "Model Optimisations",
		Primitive: "Algorithms & Data Formats", Sched: "Systems Software", Hardware: "Hardware",
	}[l]
}

// Error is what a user sees, in one line: the layer, what was wrong, the way out.
type Error struct {
	Layer Layer  // empty where no layer is to blame
	What  string // what was wrong, in one line
	Try   string // the way out: nearest names, what exists; may be empty
	Err   error  // cause, may be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	if n := e.Layer.Number(); n > 0 {
		fmt.Fprintf(&b, "L%d %s: ", n, e.Layer)
	}
	b.WriteString(oneLine(e.What))
	if e.Err != nil {
		b.WriteString(": " + oneLine(e.Err.Error()))
	}
	if e.Try != "" {
		b.WriteString("; " + oneLine(e.Try))
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a layer with no way out named.
func Errorf(l Layer, format string, args ...any) *Error {
	return &Error{Layer: l, What: fmt.Sprintf(format, args...)}
}

// Unknown is the Error for a name that is not among those there are; it names the nearest ones.
func Unknown(l Layer, what, got string, have []string) *Error {
	return &Error{Layer: l, What: fmt.Sprintf("unknown %s %q", what, got), Try: "try " + strings.Join(Nearest(got, have, 3), ", ")}
}

// Nearest returns up to n of the names, the most likely meant first: those with the fewest edits between got and their
// beginning, where what is left of the name counts little.
func Nearest(got string, have []string, n int) []string {
	names := append([]string(nil), have...)
	cost := make(map[string]int, len(names))
	for _, h := range names {
		cost[h] = likeness(strings.ToLower(got), strings.ToLower(h))
	}
	sort.SliceStable(names, func(i, j int) bool { return cost[names[i]] < cost[names[j]] })
	return names[:min(n, len(names))]
}

// likeness is the least, over the beginnings of name, of four for each edit that turns got into it and one for each
// letter after it.
func likeness(got, name string) int {
	row := make([]int, len(name)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(got) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(name) {
			edit := 1
			if got[i] == name[j] {
				edit = 0
			}
			prev, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, prev+edit)
		}
	}
	least := 4 * row[len(name)]
	for j, edits := range row {
		least = min(least, 4*edits+len(name)-j)
	}
	return least
}

// oneLine drops control characters, so that a name read from a hostile file can neither break the line nor colour it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' {
			return ' '
		}
		return r
	}, s)
}
