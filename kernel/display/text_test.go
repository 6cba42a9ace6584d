package display

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"math/big"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

type (
	loop         struct{ Next *loop }
	goString     struct{ A int }
	stringPanics struct{ A int }
	errorPanics  struct{}
	formatPanics struct{}
	endless      []any
	onPointer    struct{ n int }
	withMeta     struct{}
	cplx         struct{}
)

func (goString) GoString() string           { panic("never called by %v") }
func (stringPanics) String() string         { panic("no text") }
func (errorPanics) Error() string           { panic(errors.New("no message")) }
func (formatPanics) Format(fmt.State, rune) { panic("no format") }
func (o *onPointer) MimeBundle() map[string]any {
	return map[string]any{"text/html": fmt.Sprintf("<i>%d</i>", o.n)}
}

func (withMeta) MimeBundle() (data, metadata map[string]any) {
	return map[string]any{"image/png": []byte{1}, plain: "p"}, map[string]any{"image/png": map[string]any{"width": 5}}
}
func (cplx) Dims() (int, int)       { return 1, 1 }
func (cplx) At(i, j int) complex128 { return complex(1, -2) }

func TestText(t *testing.T) {
	ring := &loop{}
	ring.Next = ring
	list := endless{1, nil}
	list[1] = list
	m := map[string]any{}
	m["me"] = m
	n := 7
	when := time.Now()
	ch := make(chan int, 3)
	ch <- 1
	for _, c := range []struct {
		v    any
		want string
	}{
		{ring, "&{Next:&(itself)}"},
		{list, "[1 (itself)]"},
		{&m, "    me\nme  map[me:(itself)]\n[1 row × 1 column]"},
		{&n, "&7"},
		{when, when.Round(0).String()},
		{[]time.Duration{time.Second}, "[1s]"},
		{struct{ P *int }{&n}, "{P:&7}"},
		{ch, "chan int (1 of 3 waiting)"},
		{make(chan int), "chan int"},
		{(chan int)(nil), "<nil>"},
		{(func())(nil), "<nil>"},
		{(*int)(nil), "<nil>"},
		{[]byte(nil), "[]byte(nil)"},
		{json.RawMessage(`{"a":1}`), `json.RawMessage("{\"a\":1}")`},
		{struct{ B []byte }{[]byte("hi")}, `{B:"hi"}`},
		{struct{ B []byte }{[]byte{1, 2}}, "{B:[1 2]}"},
		{map[string]int(nil), "map[]"},
		{goString{1}, "{A:1}"},
		{big.NewInt(12), "12"},
		{stringPanics{1}, "%!v(PANIC=String method: no text)"},
		{[]any{stringPanics{1}, 2}, "[%!v(PANIC=String method: no text) 2]"},
		{errorPanics{}, "%!v(PANIC=Error method: no message)"},
		{formatPanics{}, "%!v(PANIC=Format method: no format)"},
		{float32(0.1), "0.1"},
		{struct{ F float32 }{0.1}, "{F:0.1}"},
		{reflect.ValueOf(ring), "&{Next:&(itself)}"},
		{[]image.Image{image.NewGray(image.Rect(0, 0, 3, 2)), nil}, "[*image.Gray 3×2 <nil>]"},
		{struct{ M *image.Gray }{}, "{M:<nil>}"},
		{cplx{}, "        0\n0  (1-2i)\n[1 row × 1 column]"},
		{
			fmt.Errorf("open: %w", errors.Join(&fs.PathError{Op: "read", Path: "x", Err: os.ErrNotExist}, errors.New("b"))),
			"open: read x: file does not exist\nb\n  *errors.joinError: read x: file does not exist\\nb\n    *fs.PathError: read x: file does not exist\n      *errors.errorString: file does not exist\n    *errors.errorString: b",
		},
	} {
		if got := textForm(c.v); got != c.want {
			t.Errorf("%T: got %q, want %q", c.v, got, c.want)
		}
	}
	if got := bundleOf(onPointer{3})["text/html"]; got != "<i>3</i>" {
		t.Errorf("a MimeBundle of the pointer: %v", got)
	}
	if d, meta := Bundle(withMeta{}); d["image/png"] != "AQ==" || meta["image/png"] == nil {
		t.Errorf("%v, %v", d, meta)
	}
	deep := any(1)
	for range 100_000 {
		deep = []any{deep}
	}
	if s := textForm(deep); len(s) > 100 {
		t.Errorf("%d bytes", len(s))
	}
	if s := textForm(make([]byte, 10_000_000)); len(s) > 2000 || !strings.HasPrefix(s, "10000000 bytes\n00000000  00 00") {
		t.Errorf("%q", s)
	}
}

type misspeltMime struct{}

func (misspeltMime) MimeBundle() map[string]string { return nil }

func TestMisspeltMimeBundle(t *testing.T) {
	want := "{}\n(the method MimeBundle of display.misspeltMime is func() map[string]string; one that shows it is func() map[string]any)"
	if got := textForm(misspeltMime{}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A MimeBundle that holds what no client could show says so, and keeps the rest.
func TestWrongBundles(t *testing.T) {
	for _, c := range []struct {
		mime string
		c    any
		want string
	}{
		{"application/json", func() {}, "application/json: json: unsupported type: func()"},
		{"application/json", []byte("{"), "application/json: the bytes are not JSON"},
		{"text/html", 42, "text/html: a int, and not a string"},
		{"image/png", 42, "image/png: a int, and neither []byte nor a string"},
		{"image/png", "not base64!", "image/png: the string is not base64"},
		{"html", "x", "html: this is no MIME type"},
	} {
		d := bundleOf(mime{map[string]any{c.mime: c.c, plain: "p", "text/markdown": "m"}})
		want := map[string]any{plain: "p\nMimeBundle of display.mime: " + c.want, "text/markdown": "m"}
		if !reflect.DeepEqual(d, want) {
			t.Errorf("%s: got %v, want %v", c.want, d, want)
		}
	}
	d := bundleOf(mime{map[string]any{"text/html": "<p>", "image/png": 1}})
	if s := d["text/html"].(string); !strings.HasPrefix(s, "<p><pre>MimeBundle of ") {
		t.Error(s)
	}
	type text string
	d = bundleOf(mime{map[string]any{"text/html": text("<b>"), "text/x": []string{"a\n", "b"}, "application/vnd.x+json": `{"a":1}`, "image/png": image.NewGray(image.Rect(0, 0, 1, 1))}})
	if d["text/html"] != "<b>" || d["text/x"] != "a\nb" || fmt.Sprintf("%s", d["application/vnd.x+json"]) != `{"a":1}` || !strings.HasPrefix(d["image/png"].(string), "iVBOR") {
		t.Errorf("%v", d)
	}
}

// endlessImage has pixels as far as its bounds go, and none in memory.
type endlessImage struct {
	image.Uniform
	w, h int
}

func (e *endlessImage) Bounds() image.Rectangle {
	return image.Rect(-e.w/2, -e.h/2, e.w-e.w/2, e.h-e.h/2)
}

func TestLargeImage(t *testing.T) {
	for _, c := range []struct {
		w, h int
		want string
	}{{2e9, 4e6, "1600x3"}, {5, 2e9, "1x1600"}} {
		d := bundleOf(&endlessImage{*image.NewUniform(color.RGBA{1, 2, 3, 255}), c.w, c.h})
		if want := fmt.Sprintf("*display.endlessImage, %dx%d, shown at %s", c.w, c.h, c.want); d[plain] != want || d["image/png"] == nil {
			t.Errorf("%v, want %s", d[plain], want)
		}
	}
	m := image.NewGray(image.Rect(0, 0, 5000, 1))
	for x := range 5000 {
		m.Pix[x] = uint8(x % 2 * 200)
	}
	small := shrink(m)
	if r, _, _, _ := small.At(1000, 0).RGBA(); small.Bounds().Dx() != 1600 || r == 0 || r == 200*0x101 {
		t.Errorf("%v, a pixel of stripes is %d", small.Bounds(), r>>8)
	}
}
