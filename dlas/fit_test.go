package dlas

import (
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/ir"
)

// TestBackground: an output more than there are classes is a background; where a part of ImageNet is named by numbers alone
// that cannot be known, and is said.
func TestBackground(t *testing.T) {
	for _, c := range []struct {
		classes, least, outputs, background int
		says                                string
	}{
		{1000, 1000, 1001, 1, "the first is taken for background"},
		{1000, 1000, 1000, 0, ""},
		{0, 996, 1001, 0, "if its first output is a background, write imagenet(PATH)"},
		{0, 996, 1000, 0, ""},
		{0, 10, 1001, 0, ""},
		{10, 10, 11, 0, ""},
	} {
		r := &runner{graph: &ir.Graph{}, set: &data.Set{Classes: make([]string, c.classes), MinClasses: c.least}}
		r.findBackground(c.outputs)
		if notes := strings.Join(r.notes, "; "); r.background != c.background || (c.says == "") != (notes == "") || !strings.Contains(notes, c.says) {
			t.Errorf("%+v: %d outputs before the first class, %q", c, r.background, notes)
		}
	}
}
