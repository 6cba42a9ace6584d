package nb

import (
	"fmt"
	"strings"
)

const (
	diffContext = 2       // lines around a difference
	diffCells   = 4 << 20 // of the table of common lines: beyond that all between the ends counts as different
)

// edit is a line of a difference: ' ' in both, '-' in the first alone, '+' in the second alone.
type edit struct {
	op   byte
	line string
}

// unified is the difference of two texts in lines as diff -u shows it, without its first two lines; "" if they are equal.
func unified(a, b []string, equal func(a, b string) bool) string {
	edits := compare(a, b, equal)
	show := make([]bool, len(edits))
	some := false
	for i, e := range edits {
		if e.op == ' ' {
			continue
		}
		some = true
		for k := max(i-diffContext, 0); k <= min(i+diffContext, len(edits)-1); k++ {
			show[k] = true
		}
	}
	if !some {
		return ""
	}
	var out strings.Builder
	atA, atB := 1, 1
	for i := 0; i < len(edits); {
		if !show[i] {
			atA, atB, i = atA+1, atB+1, i+1
			continue
		}
		end, na, nb := i, 0, 0
		var body strings.Builder
		for ; end < len(edits) && show[end]; end++ {
			e := edits[end]
			fmt.Fprintf(&body, "%c%s\n", e.op, e.line)
			if e.op != '+' {
				na++
			}
			if e.op != '-' {
				nb++
			}
		}
		fmt.Fprintf(&out, "@@ -%d,%d +%d,%d @@\n%s", atA, na, atB, nb, body.String())
		atA, atB, i = atA+na, atB+nb, end
	}
	return out.String()
}

// compare finds the edits from a to b: of the lines that differ as few as the longest common subsequence leaves.
func compare(a, b []string, equal func(a, b string) bool) (edits []edit) {
	head := 0
	for head < len(a) && head < len(b) && equal(a[head], b[head]) {
		edits = append(edits, edit{' ', a[head]})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && equal(a[len(a)-1-tail], b[len(b)-1-tail]) {
		tail++
	}
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(x)*len(y) > diffCells {
		for _, l := range x {
			edits = append(edits, edit{'-', l})
		}
		for _, l := range y {
			edits = append(edits, edit{'+', l})
		}
	} else {
		edits = append(edits, middle(x, y, equal)...)
	}
	for _, l := range a[len(a)-tail:] {
		edits = append(edits, edit{' ', l})
	}
	return edits
}

func middle(x, y []string, equal func(a, b string) bool) (edits []edit) {
	width := len(y) + 1
	common := make([]int32, (len(x)+1)*width) // length of the longest common subsequence from here on
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if equal(x[i], y[j]) {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(x) || j < len(y) {
		switch {
		case i < len(x) && j < len(y) && equal(x[i], y[j]):
			edits = append(edits, edit{' ', x[i]})
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && common[(i+1)*width+j] >= common[i*width+j+1]:
			edits = append(edits, edit{'-', x[i]})
			i++
		default:
			edits = append(edits, edit{'+', y[j]})
			j++
		}
	}
	return edits
}
