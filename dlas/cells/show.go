package cells

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/plotting"
)

const (
	defaultSamples = 16
	mostSamples    = 400
)

// showData draws the first images of the current stack's data set.
func showData(_ context.Context, u *use) error {
	w := strings.Fields(u.words)
	n := defaultSamples
	if len(w) == 0 || len(w) > 2 || w[0] != "data" {
		return &ir.Error{What: "show wants the word data", Try: "write %dlas show data 16"}
	}
	if len(w) == 2 {
		var err error
		if n, err = strconv.Atoi(w[1]); err != nil || n < 1 || n > mostSamples {
			return &ir.Error{What: fmt.Sprintf("cannot show %q images", w[1]), Try: fmt.Sprintf("a number from 1 to %d", mostSamples)}
		}
	}
	points, err := u.spec.Points()
	if err != nil {
		return err
	}
	title := points[0].Data + ", first images"
	if u.asGo {
		return u.goText(fmt.Sprintf("pictures, labels, err := dlas.New().Data(%q).Pictures(%d)\nif err != nil {\n\tpanic(err)\n}\n"+
			"f, err := plotting.Samples(%q, pictures, labels)\nif err != nil {\n\tpanic(err)\n}\nf", points[0].Data, n, title))
	}
	pictures, labels, err := dlas.FromSpec(u.spec).Pictures(n)
	if err != nil {
		return err
	}
	f, err := plotting.Samples(title, pictures, labels)
	if err != nil {
		return err
	}
	show(f)
	return nil
}
