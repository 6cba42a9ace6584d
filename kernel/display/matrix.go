package display

import (
	"fmt"
	"strings"
)

// matrix is what the matrices of gonum have; a local interface keeps this package free of gonum.
type matrix interface {
	Dims() (r, c int)
	At(i, j int) float64
}

// A matrix with more rows or columns than this shows the first and last ones.
const (
	maxSide  = 20
	edgeSide = 8
)

// shown lists the indices of n that are shown; -1 stands for those left out.
func shown(n int) []int {
	var s []int
	for i := range n {
		if n > maxSide && i >= edgeSide && i < n-edgeSide {
			if i == edgeSide {
				s = append(s, -1)
			}
			continue
		}
		s = append(s, i)
	}
	return s
}

func matrixBundle(m matrix) map[string]any {
	r, c := m.Dims()
	rows, cols := shown(r), shown(c)
	cell := func(i, j int) string {
		switch {
		case i >= 0 && j >= 0:
			return fmt.Sprintf("%.4g", m.At(i, j))
		case i >= 0:
			return "…"
		case j >= 0:
			return "⋮"
		}
		return "⋱"
	}
	var text, html strings.Builder
	fmt.Fprintf(&text, "%dx%d", r, c)
	fmt.Fprintf(&html, "<table><caption>%d × %d</caption>", r, c)
	width := make([]int, len(cols))
	for k, j := range cols {
		for _, i := range rows {
			width[k] = max(width[k], len([]rune(cell(i, j))))
		}
	}
	for _, i := range rows {
		text.WriteString("\n")
		html.WriteString("<tr>")
		for k, j := range cols {
			s := cell(i, j)
			if k > 0 {
				text.WriteString("  ")
			}
			text.WriteString(strings.Repeat(" ", width[k]-len([]rune(s))) + s)
			html.WriteString(`<td style="text-align:right">` + s + "</td>")
		}
		html.WriteString("</tr>")
	}
	html.WriteString("</table>")
	return map[string]any{plain: text.String(), "text/html": html.String()}
}
