package dlas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/compress"
)

// String is the scan as a table: a row a layer, or a row a level of the whole network.
func (s *Scan) String() string { return s.head() + "\n" + s.table().text() }

// MimeBundle shows the scan under a cell.
func (s *Scan) MimeBundle() map[string]any {
	return map[string]any{
		"text/plain": s.String(),
		"text/html":  `<div>` + escape(s.head()) + `</div>` + s.table().html(),
	}
}

// head says what was scanned, in one line.
func (s *Scan) head() string {
	of := "of the whole network"
	if s.byLayer() {
		of = "of each layer alone, in points of top-1 against before"
	}
	text := fmt.Sprintf("%s %s; %s images of %s, top-1 %s before, %.1f s", s.Pass, of, thousands(int64(s.N)), s.Split, percent(s.Before), s.Seconds)
	if s.After != "" && s.After != "none" {
		text += "; after " + s.After
	}
	for _, more := range []string{s.Note, s.Caveat} {
		if more != "" {
			text += "; " + more
		}
	}
	return plain(text)
}

func (s *Scan) table() table {
	if !s.byLayer() {
		t := table{head: []string{"level", "top-1 %", "95 % interval", "points", "sparsity", ""}, right: []bool{true, true, true, true, true, false}}
		for _, l := range s.Layers {
			for _, p := range l.Points {
				mark := ""
				if p.Level == s.Elbow {
					mark = "elbow"
				}
				t.rows = append(t.rows, []string{p.Level, percentBare(p.Top1), percentBare(p.Low) + " to " + percentBare(p.High), fmt.Sprintf("%+.2f", p.Points), fmt.Sprintf("%.3f", p.Sparsity), mark})
			}
		}
		return t
	}
	t := table{head: []string{"layer", "weights"}, right: []bool{false, true}}
	var levels []string
	for _, l := range s.Layers {
		for _, p := range l.Points {
			if !slices.Contains(levels, p.Level) {
				levels = append(levels, p.Level)
			}
		}
	}
	for _, v := range levels {
		t.head, t.right = append(t.head, strings.ReplaceAll(v, compress.Take, "points")), append(t.right, true)
	}
	for _, l := range s.Layers {
		row := []string{l.Name, thousands(l.Weights)}
		for _, v := range levels {
			cell := ""
			for _, p := range l.Points {
				if p.Level == v {
					cell = fmt.Sprintf("%+.2f (%+.2f to %+.2f)", p.Points, p.PointsLo, p.PointsHi)
				}
			}
			row = append(row, cell)
		}
		t.rows = append(t.rows, row)
	}
	return t
}
