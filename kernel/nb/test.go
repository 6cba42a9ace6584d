package nb

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // kinds of images whose size is compared
	_ "image/jpeg"
	_ "image/png"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Verdicts of a cell that was tested.
const (
	Same      = "same"
	Differs   = "differs"
	Failed    = "failed"       // it fails and is not tagged raises-exception
	Ignored   = "ignored"      // its outputs are, by the tag ignore-output
	NoOutputs = "not compared" // the notebook has neither outputs nor a count of it
	NotRun    = "not run"      // by the tag skip-execution, or behind one that fails
)

// Tested is what has come of a code cell.
type Tested struct {
	Place   int // among all cells, from 1
	ID      string
	Verdict string
	Diff    string // of a cell that differs, as diff -u; of one that fails, why
}

// DefaultTolerance is how far numbers with a fraction may be apart, relative to the greater.
const DefaultTolerance = 1e-6

// Test runs a notebook and compares each cell's outputs with those that it has; the notebook itself is not changed. Cells
// tagged ignore-output (or nbval-ignore-output) may show anything. Times of day, durations, rates, dates, addresses of memory and
// escape sequences of terminals are not compared, images only by kind and size, numbers with a fraction by tolerance. The
// error is of the run and not of a cell.
func Test(ctx context.Context, n *Notebook, r Runner, o Options, tolerance float64) ([]Tested, error) {
	var b bytes.Buffer
	if err := n.Write(&b); err != nil {
		return nil, err
	}
	fresh, err := Read(&b)
	if err != nil {
		return nil, err
	}
	// A parameter cell that is put in would move the places of the others.
	n = &Notebook{Metadata: n.Metadata, Cells: slices.Clone(n.Cells), Minor: n.Minor}
	if err := n.Inject(o.Params); err != nil {
		return nil, err
	}
	ran := map[int]bool{}
	each := o.Each
	o.Each = func(place int, c *Cell, took time.Duration) {
		ran[place] = true
		if each != nil {
			each(place, c, took)
		}
	}
	err = Run(ctx, fresh, r, o)
	var failed *CellError
	if err != nil && !errors.As(err, &failed) {
		return nil, err
	}
	var out []Tested
	for i, c := range fresh.Cells {
		if c.Kind != "code" || strings.TrimSpace(c.Source) == "" {
			continue
		}
		t := Tested{Place: i + 1, ID: c.ID, Verdict: NotRun}
		stored := n.Cells[i]
		switch {
		case failed != nil && failed.Place == i+1:
			t.Verdict, t.Diff = Failed, failed.EName+": "+failed.EValue
		case !ran[i+1]:
		case c.tagged("ignore-output", "nbval-ignore-output"):
			t.Verdict = Ignored
		case stored.Count == 0 && len(stored.Outputs) == 0:
			t.Verdict = NoOutputs
		default:
			t.Verdict = Same
			equal := func(a, b string) bool { return alike(a, b, tolerance) }
			if t.Diff = unified(comparable(stored.Outputs), comparable(c.Outputs), equal); t.Diff != "" {
				t.Verdict = Differs
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// comparable is outputs as lines. What is printed comes first, since its order against the rest depends on time.
func comparable(outputs []Output) (out []string) {
	for _, name := range []string{"stdout", "stderr"} {
		var text strings.Builder
		for _, o := range outputs {
			if o.Type == "stream" && o.Name == name {
				text.WriteString(o.Text)
			}
		}
		if text.Len() > 0 {
			out = append(out, "["+name+"]")
			out = append(out, textLines(text.String())...)
		}
	}
	for _, o := range outputs {
		switch o.Type {
		case "error":
			out = append(out, "["+o.EName+"]")
			out = append(out, textLines(o.EValue)...)
		case "display_data", "execute_result":
			kinds := slices.Sorted(maps.Keys(o.Data))
			out = append(out, "["+strings.Join(kinds, ", ")+"]")
			out = append(out, shown(o.Data, kinds)...)
		}
	}
	return out
}

// shown is what is compared of a display: its text if it has one, its source if it is a picture's or a document's, of an
// image the size.
func shown(data map[string]any, kinds []string) (out []string) {
	if text, ok := data["text/plain"].(string); ok {
		out = append(out, textLines(text)...)
	}
	for _, mime := range kinds {
		text, _ := data[mime].(string)
		switch {
		case mime == "text/plain":
		case mime == "image/svg+xml":
			if m := svgSize().FindStringSubmatch(text); m != nil {
				out = append(out, strings.Join(strings.Fields(m[0]), " "))
			}
		case strings.HasPrefix(mime, "image/"):
			b, _ := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
			if c, _, err := image.DecodeConfig(bytes.NewReader(b)); err == nil {
				out = append(out, fmt.Sprintf("%s of %d x %d", mime, c.Width, c.Height))
			} else {
				out = append(out, mime+" that cannot be read")
			}
		case isJSON(mime):
			if strings.HasPrefix(mime, "application/vnd.jupyter.") { // models and views of widgets have ids of their own
				continue
			}
			b, _ := json.MarshalIndent(data[mime], "", " ")
			out = append(out, textLines(string(b))...)
		case len(kinds) == 1:
			out = append(out, textLines(text)...)
		}
	}
	return out
}

// textLines are the lines of a text as they stand on a page: without colours, and after a carriage return anew.
func textLines(s string) (out []string) {
	s = strings.ReplaceAll(stripEscapes(s), "\r\n", "\n")
	s = strings.TrimSuffix(s, "\n")
	if s == "" {
		return nil
	}
	for _, l := range strings.Split(s, "\n") {
		l = strings.TrimRight(l, "\r")
		out = append(out, strings.TrimRight(l[strings.LastIndexByte(l, '\r')+1:], " \t"))
	}
	return out
}

// What the patterns find is compiled when first needed, since every start of the program would pay for it.
var (
	svgSize = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:width|height|viewBox)="[^"]*"`) })
	passing = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(strings.Join([]string{
			`\b\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))*)?`, // dates, with times
			`\b\d\d?:\d\d:\d\d(?:[.,]\d+)?\b`,                          // times of day
			`\bm=[+-]\d+(?:\.\d+)?`,                                    // the monotonic clock behind a time.Time
			`\b[\d.]+ ?[kMG]?B allocated\b|\b\d+ (?:B|allocs)/op`,      // what %time and benchmarks say of memory
			`\b\d+(?:\.\d+)?(?:e[+-]\d+)? ?(?:[kMGT]?B)?/s\b`,          // rates
			`\b0x[0-9a-fA-F]{5,16}\b`,                                  // addresses
			`\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b`, // UUIDs
			`\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)? ?(?:ns|µs|μs|us|ms|s|min)\b(?:/op)?`,
		}, "|"))
	})
	numbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?`) })
)

// alike says that two lines are one, apart from times, addresses and what the tolerance allows.
func alike(a, b string, tolerance float64) bool {
	if a == b {
		return true
	}
	a, b = passing().ReplaceAllString(a, "…"), passing().ReplaceAllString(b, "…")
	if a == b {
		return true
	}
	if numbers().ReplaceAllString(a, "0") != numbers().ReplaceAllString(b, "0") {
		return false
	}
	x, y := numbers().FindAllString(a, -1), numbers().FindAllString(b, -1)
	for i := range x {
		if !closeTo(x[i], y[i], tolerance) {
			return false
		}
	}
	return len(x) == len(y)
}

func closeTo(a, b string, tolerance float64) bool {
	if a == b {
		return true
	}
	if !strings.ContainsAny(a+b, ".eE") {
		return false // counts are exact
	}
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && math.Abs(x-y) <= tolerance*max(math.Abs(x), math.Abs(y))
}

// stripEscapes takes out the escape sequences of terminals.
func stripEscapes(s string) string {
	if !strings.Contains(s, "\x1b") {
		return s
	}
	var b strings.Builder
	for _, p := range ansi(s) {
		b.WriteString(p.text)
	}
	return b.String()
}
