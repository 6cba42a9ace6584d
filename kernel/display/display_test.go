package display

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder is a sink that keeps what it is given.
type recorder struct {
	mu      sync.Mutex
	shown   []map[string]any
	ids     []string
	updates []map[string]any
	upIDs   []string
	cleared []bool
}

func (r *recorder) Display(d, _ map[string]any, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown, r.ids = append(r.shown, d), append(r.ids, id)
	return nil
}

func (r *recorder) Update(d, _ map[string]any, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.updates, r.upIDs = append(r.updates, d), append(r.upIDs, id)
	return nil
}

func (r *recorder) Clear(w bool) error { r.cleared = append(r.cleared, w); return nil }

func (r *recorder) Input(ctx context.Context, prompt string, password bool) (string, error) {
	return fmt.Sprintf("%s|%v", prompt, password), ctx.Err()
}

func record(t *testing.T) *recorder {
	r := &recorder{}
	SetSink(r)
	t.Cleanup(func() { SetSink(nil) })
	return r
}

type (
	mime    struct{ m map[string]any }
	faulty  struct{}
	named   int
	dense   struct{ r, c int }
	elsewhr struct{ x int }
)

func (m mime) MimeBundle() map[string]any   { return m.m }
func (faulty) MimeBundle() map[string]any   { panic("no luck") }
func (n named) String() string              { return fmt.Sprintf("named %d", int(n)) }
func (d dense) Dims() (int, int)            { return d.r, d.c }
func (d dense) At(i, j int) float64         { return float64(i*10 + j) }
func (*elsewhr) MimeBundle() map[string]any { return map[string]any{"text/html": "never for nil"} }
func bundleOf(v any) map[string]any         { d, _ := Bundle(v); return d }
func keys(d map[string]any) (s string)      { b, _ := json.Marshal(d); return string(b) }

func TestBundle(t *testing.T) {
	var none *elsewhr
	png := []byte("\x89PNG\r\n\x1a\n rest")
	for _, c := range []struct {
		name string
		v    any
		want map[string]any
	}{
		{"int", 42, map[string]any{plain: "42"}},
		{"string", "a\nb", map[string]any{plain: "a\nb"}},
		{"nil", nil, map[string]any{plain: "<nil>"}},
		{"struct", struct{ A int }{1}, map[string]any{plain: "{A:1}"}},
		{"func", func(int) error { return nil }, map[string]any{plain: "func(int) error"}},
		{"error", errors.New("<bad>"), map[string]any{plain: "<bad>"}},
		{"stringer", named(3), map[string]any{plain: "named 3"}},
		{"reflect.Value", reflect.ValueOf(7), map[string]any{plain: "7"}},
		{"unexported field", reflect.ValueOf(elsewhr{5}).Field(0), map[string]any{plain: "5"}},
		{"nil with methods", none, map[string]any{plain: "<nil>"}},
		{"png bytes", png, map[string]any{"image/png": base64.StdEncoding.EncodeToString(png), plain: "image/png, 13 bytes"}},
		{"other bytes", []byte{1, 2}, map[string]any{plain: "[1 2]"}},
		{"text in bytes", []byte("a\n"), map[string]any{plain: `[]byte("a\n")`}},
		{"mimer", mime{map[string]any{"text/html": "<p>a &lt; b</p><p>c</p>"}}, map[string]any{"text/html": "<p>a &lt; b</p><p>c</p>", plain: "a < b\nc"}},
		{"mimer with bytes", mime{map[string]any{"image/png": []byte{0xff}, "text/x": []byte("é"), plain: "p"}}, map[string]any{"image/png": "/w==", "text/x": "é", plain: "p"}},
		{"mimer that panics", faulty{}, map[string]any{plain: "display.faulty (showing it panics: no luck)"}},
		{"handle", &Handle{}, nil},
		{"matrix", dense{2, 2}, map[string]any{plain: "    0   1\n0   0   1\n1  10  11\n[2 rows × 2 columns]", "text/html": `<table>
<thead><tr><th style="text-align:right"></th><th style="text-align:right" title="float64">0</th><th style="text-align:right" title="float64">1</th></tr></thead>
<tbody>
<tr><th style="text-align:right">0</th><td style="text-align:right">0</td><td style="text-align:right">1</td></tr>
<tr><th style="text-align:right">1</th><td style="text-align:right">10</td><td style="text-align:right">11</td></tr>
</tbody>
</table>
<p>2 rows × 2 columns</p>`}},
	} {
		if got := bundleOf(c.v); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %s, want %s", c.name, keys(got), keys(c.want))
		}
	}
}

func TestBundleImage(t *testing.T) {
	d := bundleOf(image.NewGray(image.Rect(0, 0, 3, 2)))
	b, err := base64.StdEncoding.DecodeString(d["image/png"].(string))
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || m.Width != 3 || m.Height != 2 {
		t.Errorf("decodes to %+v, %v", m, err)
	}
	if d[plain] != "*image.Gray, 3x2" {
		t.Errorf("text is %q", d[plain])
	}
	if d := bundleOf(image.NewGray(image.Rectangle{})); d[plain] == "" || d["image/png"] != nil {
		t.Errorf("empty image: %v", d)
	}
}

func TestBundleIsCut(t *testing.T) {
	d := bundleOf(strings.Repeat("é", maxText))
	s := d[plain].(string)
	if len(s) > maxText+100 || !strings.HasSuffix(s, "bytes more)") || strings.ContainsRune(s, '\uFFFD') {
		t.Errorf("%d bytes ending in %q", len(s), s[len(s)-30:])
	}
	r, c := dense{1000, 1000}.Dims()
	text := bundleOf(dense{r, c})[plain].(string)
	if lines := strings.Count(text, "\n"); lines != 2*edgeSide+2 || !strings.Contains(text, "⋮") || !strings.Contains(text, "…") {
		t.Errorf("a large matrix takes %d lines", lines)
	}
}

func TestRegister(t *testing.T) {
	type foreign struct{ n int }
	Register(func(v any) (map[string]any, bool) {
		f, ok := v.(foreign)
		return map[string]any{"text/html": fmt.Sprintf("<b>%d</b>", f.n)}, ok
	})
	t.Cleanup(func() { renderers.list = nil })
	if d := bundleOf(foreign{4}); d["text/html"] != "<b>4</b>" || d[plain] != "4" {
		t.Errorf("got %v", d)
	}
	if d := bundleOf(5); d["text/html"] != nil {
		t.Errorf("asked for another type: %v", d)
	}
}

func TestHandles(t *testing.T) {
	r := record(t)
	h := HTML("<i>1</i>")
	h.Update("<i>2</i>")
	h.Update(7)
	if err := h.Update(h); err == nil { // nor does an empty place stay behind: two updates are counted below
		t.Error("a handle takes a handle's place")
	}
	Markdown("# x")
	LaTeX("x^2")
	LaTeX("$y$")
	SVG("<svg/>")
	JSON(map[string]int{"a": 1})
	VegaLite(`{"mark":"bar"}`)
	VegaLite("3")
	SVG("no picture")
	if len(r.shown) != 9 || len(r.updates) != 2 {
		t.Fatalf("%d shown, %d updated", len(r.shown), len(r.updates))
	}
	if r.updates[0]["text/html"] != "<i>2</i>" || r.updates[1][plain] != "7" || r.upIDs[0] != r.ids[0] || r.upIDs[1] != r.ids[0] {
		t.Errorf("updates %v of %v, shown as %v", r.updates, r.upIDs, r.ids)
	}
	if r.ids[0] == r.ids[1] || r.ids[0] == "" {
		t.Errorf("ids %q are not distinct", r.ids)
	}
	for i, want := range []string{"text/html", "text/markdown", "text/latex", "text/latex", "image/svg+xml", "application/json", "application/vnd.vegalite.v5+json", plain, plain} {
		if r.shown[i][want] == nil || r.shown[i][plain] == nil {
			t.Errorf("%d: %v lacks %s or text", i, r.shown[i], want)
		}
	}
	if r.shown[2]["text/latex"] != "$$x^2$$" || r.shown[3]["text/latex"] != "$y$" {
		t.Errorf("latex: %v, %v", r.shown[2], r.shown[3])
	}
	Clear(true)
	if len(r.cleared) != 1 || !r.cleared[0] {
		t.Errorf("cleared %v", r.cleared)
	}
}

func TestInputFollowsTheCell(t *testing.T) {
	record(t)
	if s, err := Input("n? "); s != "n? |false" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	if s, _ := Password("p"); s != "p|true" {
		t.Errorf("%q", s)
	}
	ctx, stop := context.WithCancel(t.Context())
	SetContext(ctx)
	defer SetContext(context.Background())
	stop()
	if _, err := Input(""); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted cell's question ends in %v", err)
	}
}

func TestConsole(t *testing.T) {
	var out strings.Builder
	c := console{out: func() io.Writer { return &out }, in: func() io.Reader { return strings.NewReader("one\r\ntwo") }}
	c.Display(map[string]any{plain: "hello", "text/html": "<b>"}, nil, "")
	for _, want := range []string{"one", "two"} {
		if s, err := c.Input(t.Context(), "? ", false); s != want || err != nil {
			t.Errorf("got %q, %v; want %q", s, err, want)
		}
	}
	if _, err := c.Input(t.Context(), "", false); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if _, err := c.Input(t.Context(), "", true); err == nil {
		t.Error("asked for a password that would be seen")
	}
	if out.String() != "hello\n? ? " {
		t.Errorf("printed %q", out.String())
	}
}

func TestTextOf(t *testing.T) {
	for html, want := range map[string]string{
		"a<br>b":                             "a\nb",
		"<script>x<y</script>z":              "z",
		"<style>p{}</style><P class=q>A</P>": "A",
		"<tr><td>1</td><td>2</td></tr>":      "1  2",
		"1 < 2":                              "1 < 2",
		"&lt;b&gt;":                          "<b>",
		"<script>never closed":               "never closed",
	} {
		if got := textOf(html); got != want {
			t.Errorf("%q: got %q, want %q", html, got, want)
		}
	}
}

func TestProgress(t *testing.T) {
	r := record(t)
	clock := time.Unix(0, 0)
	b := newBar(10, func() time.Time { return clock }, ownSurface())
	b.draw()
	for range 5 {
		clock = clock.Add(20 * time.Millisecond)
		b.Add(1)
	}
	if len(r.updates) != 1 { // five steps of 20 ms make one redraw
		t.Fatalf("%d updates", len(r.updates))
	}
	if got, want := r.updates[0][plain], "████████████░░░░░░░░░░░░ 5/10  50/s  100ms left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b.Label("half")
	b.Set(10)
	b.Done()
	b.Done()
	if got, want := r.updates[len(r.updates)-1][plain], "half  ████████████████████████ 10/10  100/s  100ms in all"; got != want || len(r.updates) != 3 {
		t.Errorf("%d updates, the last %q, want %q", len(r.updates), got, want)
	}
	newBar(0, func() time.Time { return clock }, ownSurface()).Add(3) // unknown length: no division by it
}
