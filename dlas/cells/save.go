package cells

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/plotting"
)

// shown is what was last seen under a cell, by magics and Go cells alike: the last figure, the last results, and which
// of the two came last.
var shown struct {
	sync.Mutex
	figure     *plotting.Figure
	results    []*dlas.Result
	one        bool // results is one result, not a table
	figureLast bool
}

// remember keeps v for save where it is a figure or results.
func remember(v any) {
	shown.Lock()
	defer shown.Unlock()
	table := func(one bool, rs ...*dlas.Result) { shown.results, shown.one, shown.figureLast = rs, one, false }
	switch v := v.(type) {
	case *plotting.Figure:
		shown.figure, shown.figureLast = v, true
	case *dlas.Result:
		table(true, v)
	case *dlas.Sweep:
		table(false, v.Results...)
	case dlas.Results:
		table(false, v...)
	case *dlas.Comparison:
		table(false, v.A, v.B)
	}
}

// save writes what was shown last: pictures are of the last figure, JSON is of the last results, CSV of whichever came
// last.
func save(_ context.Context, u *use) error {
	path := strings.Trim(u.words, `"`)
	if path == "" {
		return &ir.Error{What: "save wants the name of a file", Try: "write %dlas save figure.svg; there is also .png, .pdf, .csv and .json"}
	}
	ext := strings.ToLower(filepath.Ext(path))
	shown.Lock()
	figure, results, one, figureLast := shown.figure, shown.results, shown.one, shown.figureLast
	shown.Unlock()
	try := "end the name in .svg, .png, .pdf, .csv or .json"
	switch ext {
	case ".svg", ".png", ".pdf":
		figureLast = true
	case ".json":
		figureLast = false
	case ".csv":
	default:
		return &ir.Error{What: fmt.Sprintf("cannot save as %q", filepath.Base(path)), Try: try}
	}
	if u.asGo {
		return u.goText(goSave(path, ext, figureLast, one))
	}
	if figureLast {
		if figure == nil {
			return &ir.Error{What: "no figure has been shown yet", Try: "draw one with %dlas plot"}
		}
		if err := figure.Save(path); err != nil {
			return err
		}
	} else {
		if len(results) == 0 {
			return &ir.Error{What: "no result has been shown yet", Try: "measure one with %dlas run"}
		}
		var out []byte
		var err error
		if ext == ".csv" {
			out, err = resultsCSV(results)
		} else {
			out, err = resultsJSON(results, one)
		}
		if err == nil {
			err = os.WriteFile(path, out, 0o666)
		}
		if err != nil {
			return &ir.Error{What: "cannot save", Err: err}
		}
	}
	_, err := fmt.Fprintf(u.stdout, "wrote %s\n", path)
	return err
}

// goSave is the Go that writes the same file.
func goSave(path, ext string, figure, one bool) string {
	switch {
	case figure:
		return fmt.Sprintf("f, err := plotting.Plot(\"pareto\", dlas.Recent())\nif err != nil {\n\tpanic(err)\n}\nif err := f.Save(%q); err != nil {\n\tpanic(err)\n}", path)
	case ext == ".json" && one:
		return fmt.Sprintf("import (\n\t\"encoding/json\"\n\t\"os\"\n)\n\ntext, err := json.MarshalIndent(dlas.Last(), \"\", \"  \")\nif err != nil {\n\tpanic(err)\n}\nif err := os.WriteFile(%q, text, 0o666); err != nil {\n\tpanic(err)\n}", path)
	default:
		return fmt.Sprintf("import (\n\t\"encoding/json\"\n\t\"os\"\n)\n\ntext, err := json.MarshalIndent(dlas.Recent(), \"\", \"  \")\nif err != nil {\n\tpanic(err)\n}\nif err := os.WriteFile(%q, text, 0o666); err != nil {\n\tpanic(err)\n}", path)
	}
}

// resultsJSON is the object of one result, or the list of several.
func resultsJSON(rs []*dlas.Result, one bool) ([]byte, error) {
	var v any = rs
	if one {
		v = rs[0]
	}
	out, err := json.MarshalIndent(v, "", "  ")
	return append(out, '\n'), err
}

// resultsCSV is a line for each result: its choices, then every quantity that a plot can show, with its interval.
func resultsCSV(rs []*dlas.Result) ([]byte, error) {
	header := []string{"name", "spec_hash"}
	for _, l := range ir.Layers() {
		header = append(header, string(l))
	}
	header = append(header, "top1", "top1_low", "top1_high", "n", "latency_ms", "latency_low_ms", "latency_high_ms", "batch",
		"params", "nonzero", "sparsity", "macs", "macs_nonzero", "bytes", "memory_bytes", "environment_hash", "stored", "unpaired")
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(header); err != nil {
		return nil, err
	}
	for _, r := range rs {
		row := []string{r.Name, r.SpecHash}
		for _, l := range ir.Layers() {
			row = append(row, r.Spec.Layer(l))
		}
		if a := r.Accuracy; a != nil {
			row = append(row, texts(a.Top1, a.Low, a.High, a.N)...)
		} else {
			row = append(row, "", "", "", "")
		}
		if l := r.Latency; l != nil {
			row = append(row, texts(l.Median, l.Low, l.High, l.Batch)...)
		} else {
			row = append(row, "", "", "", "")
		}
		m := r.Model
		row = append(row, texts(m.Params, m.NonZero, m.Sparsity, m.MACs, m.MACsNonzero, m.Bytes, m.MemoryBytes, r.Environment.Hash, r.Stored, r.Unpaired)...)
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func texts(vs ...any) []string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = fmt.Sprint(v)
	}
	return out
}
