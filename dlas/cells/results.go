package cells

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// This file has the verbs that name, list and compare results.

func nodes(_ context.Context, u *use) error {
	r, source, err := u.one("nodes")
	if err != nil {
		return err
	}
	if u.asGo {
		return u.goText(source + ".NodeTable()")
	}
	if r == nil {
		return &ir.Error{What: "there is no result whose nodes could be listed", Try: "measure one with %dlas run"}
	}
	show(r.NodeTable())
	return nil
}

func explainResult(ctx context.Context, u *use) error {
	r, source, err := u.one("explain")
	if err != nil {
		return err
	}
	if u.asGo {
		return u.goText(source + ".Explain()")
	}
	if of := lastShownSweep(); u.words == "" && of != nil {
		r = of.Results[len(of.Results)-1]
		fmt.Fprintf(u.stdout, "a sweep has %d results, and one is explained at a time: this is the last one; %%dlas explain %s is the first\n", len(of.Results), refOf(of.Results[0]))
	}
	if r == nil {
		return &ir.Error{What: "there is no result to explain", Try: "measure one with %dlas run"}
	}
	e, err := dlas.Explain(ctx, r)
	if err != nil {
		return err
	}
	show(e)
	return nil
}

// lastShownSweep is the sweep of several results whose table was shown last; nil where something else was.
func lastShownSweep() *dlas.Sweep {
	shown.Lock()
	defer shown.Unlock()
	if s := dlas.LastSweep(); s != nil && len(s.Results) > 1 && !shown.one && slices.Equal(s.Results, shown.results) {
		return s
	}
	return nil
}

// one is the result that a verb is of, the last (or nil) where none is named, and how Go finds it.
func (u *use) one(verb string) (r *dlas.Result, source string, err error) {
	w := strings.Fields(u.words)
	switch {
	case len(w) > 1:
		return nil, "", &ir.Error{What: fmt.Sprintf("%%dlas %s takes no %q", verb, u.words), Try: "write %dlas " + verb + " or %dlas " + verb + " RESULT"}
	case len(w) == 1:
		r, err = resultNamed(w[0])
		return r, fmt.Sprintf("dlas.Named(%q)", w[0]), err
	}
	return dlas.Last(), "dlas.Last()", nil
}

func compare(ctx context.Context, u *use) error {
	w := strings.Fields(u.words)
	if u.asGo {
		var quoted []string
		for _, x := range w {
			quoted = append(quoted, strconv.Quote(x))
		}
		form := "dlas.MustCompare(a, b)"
		if u.stored {
			form = "dlas.CompareStored(a, b)"
		}
		return u.goText("a, b, err := dlas.Pair(" + strings.Join(quoted, ", ") + ")\nif err != nil {\n\tpanic(err)\n}\n" + form)
	}
	a, b, err := dlas.Pair(w...)
	if err != nil {
		return err
	}
	if u.stored {
		show(dlas.CompareStored(a, b))
		return nil
	}
	c, err := dlas.Compare(ctx, a, b)
	if err != nil {
		return err
	}
	show(c)
	return nil
}

// refOf is how a result can be named again.
func refOf(r *dlas.Result) string {
	if r.Name != "" {
		return r.Name
	}
	return r.SpecHash
}

// resultNamed finds the newest result of a name or hash prefix, of this notebook first, then of the store.
func resultNamed(name string) (*dlas.Result, error) {
	if r := dlas.Named(name); r != nil {
		return r, nil
	}
	for _, r := range slices.Backward(dlas.AllResults()) {
		if r.Name == name || strings.HasPrefix(r.SpecHash, name) {
			return r, nil
		}
	}
	names := resultNames()
	if len(names) == 0 {
		return nil, &ir.Error{What: fmt.Sprintf("there is no result %q", name), Try: "measure one with %dlas run as " + name}
	}
	return nil, ir.Unknown("", "result", name, names)
}

// resultNames lists what results of this notebook are called: their names, else their hashes.
func resultNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, r := range dlas.Recent() {
		if n := refOf(r); !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	return names
}

func results(_ context.Context, u *use) error {
	if u.asGo {
		return u.goText("dlas.AllResults()")
	}
	var found dlas.Results
	for _, r := range dlas.AllResults() {
		if matches(r, u.words) {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		if u.words != "" {
			return &ir.Error{What: fmt.Sprintf("no result has %q in its name, hash or choices", u.words)}
		}
		return &ir.Error{What: "there is no result yet", Try: "measure one with %dlas run"}
	}
	if n := len(found); n > mostResults {
		fmt.Fprintf(u.stdout, "the newest %d of %d; a filter shows others: %%dlas results WORD\n", mostResults, n)
		found = found[n-mostResults:]
	}
	show(found)
	return nil
}

// mostResults is how many rows a table under a cell has at most.
const mostResults = 50

func matches(r *dlas.Result, filter string) bool {
	all := r.Name + " " + r.SpecHash
	for _, l := range ir.Layers() {
		all += " " + r.Spec.Layer(l)
	}
	for _, w := range strings.Fields(filter) {
		if !strings.Contains(strings.ToLower(all), strings.ToLower(w)) {
			return false
		}
	}
	return true
}
