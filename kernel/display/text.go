package display

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"image"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// maxText is where the text form of a value is cut, in bytes: a browser does not survive a printed network.
const maxText = 64 << 10

// A list or map of more elements than whole is shown by its first and last ones; inside another value that is so of more
// than wholeInside.
const (
	whole       = 1000
	wholeInside = 100
	headOf      = 20
	tailOf      = 5
	maxDepth    = 12 // of values in values
)

// text is the text/plain form of a value without a look of its own: what %+v prints, but never more than maxText, pointers
// followed, and an end to values that hold themselves.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "<nil>"
	case string:
		return cut(v)
	case []byte:
		return bytesText(v)
	case time.Time:
		return timeText(v)
	}
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8 && !hasText(r.Type()) {
		return strings.Replace(bytesText(r.Bytes()), "[]byte(", r.Type().String()+"(", 1)
	}
	p := printer{left: maxText, whole: whole}
	p.value(r, 0)
	return p.b.String()
}

// Line is a value on one line of at most n characters, without control characters. A reflect.Value stands for what it holds.
// It never panics.
func Line(v any, n int) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = oneLine(fmt.Sprintf("%T", v), n)
		}
	}()
	r, ok := v.(reflect.Value)
	if !ok {
		r = reflect.ValueOf(v)
	}
	return inline(r, n)
}

// inline is a value on one line of at most n characters.
func inline(v reflect.Value, n int) string {
	p := printer{left: 4 * n, whole: 8}
	p.value(v, 1)
	return oneLine(p.b.String(), n)
}

// oneLine shortens a text to n characters without line breaks and control characters.
func oneLine(s string, n int) string {
	var b strings.Builder
	count := 0
	for _, r := range s {
		if count++; count > n {
			b.WriteString("…")
			break
		}
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case hidden(r):
			b.WriteRune('·')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden are characters that change how others are shown: controls, and those that turn the direction of writing.
func hidden(r rune) bool {
	return unicode.IsControl(r) || r == utf8.RuneError || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 || r == 0x200e || r == 0x200f
}

// printer writes values until it has written left bytes.
type printer struct {
	b     strings.Builder
	left  int
	whole int // elements of a list that is shown whole
	full  bool
	path  []unsafe.Pointer // that lead to the value: one that comes again ends there
}

func (p *printer) write(s string) {
	if p.full {
		return
	}
	if len(s) > p.left {
		n := p.left
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		p.b.WriteString(s[:n] + " …")
		p.full, p.left = true, 0
		return
	}
	p.left -= len(s)
	p.b.WriteString(s)
}

// value writes v, which lies depth values deep.
func (p *printer) value(v reflect.Value, depth int) {
	if p.full {
		return
	}
	if !v.IsValid() {
		p.write("<nil>")
		return
	}
	if depth > maxDepth {
		p.write("…")
		return
	}
	if v.Kind() == reflect.Interface {
		p.value(v.Elem(), depth)
		return
	}
	if p.methods(v) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		p.pointer(v, depth)
	case reflect.Struct:
		p.structure(v, depth)
	case reflect.Map:
		p.within(v.UnsafePointer(), v.IsNil(), func() { p.entries(v, depth) })
	case reflect.Slice:
		if b, ok := shortBytes(v); ok {
			p.write(strconv.Quote(b))
			return
		}
		// An empty one may share its address with what it is in.
		p.within(v.UnsafePointer(), v.Len() == 0, func() { p.elements(v, depth) })
	case reflect.Array:
		p.elements(v, depth)
	case reflect.Func:
		p.nilOr(v, v.Type().String()) // its address says nothing
	case reflect.Chan:
		if v.IsNil() {
			p.write("<nil>")
			return
		}
		p.write(v.Type().String())
		if v.Cap() > 0 {
			p.write(fmt.Sprintf(" (%d of %d waiting)", v.Len(), v.Cap()))
		}
	case reflect.String:
		p.write(v.String())
	default:
		p.write(fmt.Sprint(v))
	}
}

// shortBytes is the text that a slice of bytes inside a value is.
func shortBytes(v reflect.Value) (string, bool) {
	if v.Type().Elem().Kind() != reflect.Uint8 || v.Len() == 0 || v.Len() > 1024 {
		return "", false
	}
	b := v.Bytes()
	return string(b), utf8.Valid(b) && printable(b)
}

func (p *printer) nilOr(v reflect.Value, s string) {
	if v.IsNil() {
		s = "<nil>"
	}
	p.write(s)
}

// methods writes what a value's own methods say, as fmt does, which survives their panics.
func (p *printer) methods(v reflect.Value) bool {
	if !v.CanInterface() {
		return false
	}
	switch x := v.Interface().(type) {
	case time.Time:
		p.write(timeText(x))
	case reflect.Value:
		if !x.IsValid() {
			p.write("<invalid reflect.Value>")
			return true
		}
		p.value(x, maxDepth) // it may hold itself
	case error:
		p.write(fmt.Sprintf("%v", x))
	case fmt.Stringer:
		p.write(fmt.Sprintf("%v", x))
	case fmt.Formatter:
		p.write(fmt.Sprintf("%+v", x))
	case image.Image:
		p.dims(v, func() (int, int) { return x.Bounds().Dx(), x.Bounds().Dy() })
	case matrix:
		p.dims(v, x.Dims)
	case complexMatrix:
		p.dims(v, x.Dims)
	default:
		return false
	}
	return true
}

// dims names a picture or a matrix by its type and size.
func (p *printer) dims(v reflect.Value, size func() (int, int)) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		p.write("<nil>")
		return
	}
	defer func() {
		if recover() != nil {
			p.write(v.Type().String()) // one that is not made yet
		}
	}()
	a, b := size()
	p.write(fmt.Sprintf("%s %d×%d", v.Type(), a, b))
}

// within runs f unless what is at a pointer is being written already.
func (p *printer) within(at unsafe.Pointer, none bool, f func()) {
	if !none {
		if slices.Contains(p.path, at) {
			p.write("(itself)")
			return
		}
		p.path = append(p.path, at)
		defer func() { p.path = p.path[:len(p.path)-1] }()
	}
	f()
}

func (p *printer) pointer(v reflect.Value, depth int) {
	if v.IsNil() {
		p.write("<nil>")
		return
	}
	if slices.Contains(p.path, v.UnsafePointer()) {
		p.write("&(itself)")
		return
	}
	p.write("&")
	p.path = append(p.path, v.UnsafePointer())
	p.value(v.Elem(), depth+1)
	p.path = p.path[:len(p.path)-1]
}

func (p *printer) structure(v reflect.Value, depth int) {
	v = addressable(v)
	t := v.Type()
	p.write("{")
	for i := range t.NumField() {
		if i > 0 {
			p.write(" ")
		}
		p.write(t.Field(i).Name + ":")
		p.value(field(v, i), depth+1)
		if p.full {
			return
		}
	}
	p.write("}")
}

// addressable is v, or a copy of it whose fields can be reached.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() || !v.CanInterface() || !ours(v.Type()) {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// ours tells whether a type was declared in a cell or in a program's main package.
func ours(t reflect.Type) bool { return t.PkgPath() == "main" || t.PkgPath() == "" }

// field is a field of a struct. The methods of what is in a field that is not exported count too if a cell has declared the
// struct; in those of libraries such methods may rely on what the library knows.
func field(v reflect.Value, i int) reflect.Value {
	f := v.Field(i)
	if f.CanInterface() || !f.CanAddr() || !ours(v.Type()) {
		return f
	}
	return reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem()
}

func (p *printer) elements(v reflect.Value, depth int) {
	n := v.Len()
	limit := p.whole
	if depth > 0 {
		limit = min(limit, wholeInside)
	}
	head, tail := min(headOf, limit*4/5), min(tailOf, limit/5)
	p.write("[")
	for i := 0; i < n && !p.full; i++ {
		if n > limit && i == head {
			p.write(" …")
			i = n - tail
		}
		if i > 0 {
			p.write(" ")
		}
		p.value(v.Index(i), depth+1)
	}
	p.write("]")
	if n > limit && depth == 0 {
		p.write(fmt.Sprintf(" (%d elements)", n))
	}
}

func (p *printer) entries(v reflect.Value, depth int) {
	limit := p.whole
	if depth > 0 {
		limit = min(limit, wholeInside)
	}
	n := v.Len()
	keys := keysOf(v, limit)
	p.write("map[")
	for i, k := range keys {
		if i > 0 {
			p.write(" ")
		}
		p.value(k, depth+1)
		p.write(":")
		p.value(v.MapIndex(k), depth+1)
		if p.full {
			return
		}
	}
	if len(keys) < n {
		p.write(" …")
	}
	p.write("]")
	if len(keys) < n && depth == 0 {
		p.write(fmt.Sprintf(" (%d entries)", n))
	}
}

// sortable is the largest map whose keys are sorted before the first ones are taken; of a larger one any are.
const sortable = 100_000

// keysOf lists the keys of a map that are shown: in order, and at most the first most ones.
func keysOf(m reflect.Value, most int) []reflect.Value {
	var keys []reflect.Value
	for it := m.MapRange(); it.Next(); {
		keys = append(keys, it.Key())
		if m.Len() > sortable && len(keys) == most {
			break
		}
	}
	slices.SortFunc(keys, compareKeys)
	if len(keys) > most {
		keys = keys[:min(headOf, most*4/5)]
	}
	return keys
}

// compareKeys orders keys as fmt does where a reader cares: numbers and strings by value, others by their text.
func compareKeys(a, b reflect.Value) int {
	for a.Kind() == reflect.Interface {
		a = a.Elem()
	}
	for b.Kind() == reflect.Interface {
		b = b.Elem()
	}
	if !a.IsValid() || !b.IsValid() || a.Kind() != b.Kind() {
		return cmp.Compare(a.Kind(), b.Kind())
	}
	switch {
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	case a.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	}
	return cmp.Compare(inline(a, 200), inline(b, 200))
}

// maxDump is how many bytes of what is no text are shown.
const maxDump = 256

// bytesText is bytes as Go writes them if they are text, else as numbers, or many as a hex dump.
func bytesText(b []byte) string {
	switch {
	case b == nil:
		return "[]byte(nil)"
	case utf8.Valid(b[:min(len(b), maxText)]) && printable(b) || len(b) > maxText && printable(b):
		n := min(len(b), maxText/4)
		for n > 0 && n < len(b) && !utf8.RuneStart(b[n]) {
			n--
		}
		s := "[]byte(" + strconv.Quote(string(b[:n])) + ")"
		if n < len(b) {
			s += fmt.Sprintf(" … (%d bytes)", len(b))
		}
		return s
	case len(b) <= 32:
		return fmt.Sprint(b)
	}
	s := fmt.Sprintf("%d bytes\n%s", len(b), strings.TrimRight(hex.Dump(b[:min(len(b), maxDump)]), "\n"))
	if len(b) > maxDump {
		s += "\n…"
	}
	return s
}

// printable tells whether the beginning of b is text.
func printable(b []byte) bool {
	b = b[:min(len(b), 1024)]
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(b)
		}
		if hidden(r) && r != '\n' && r != '\t' && r != '\r' {
			return false
		}
		b = b[n:]
	}
	return true
}

// timeText leaves out the reading of the monotonic clock.
func timeText(t time.Time) string { return t.Round(0).String() }

func cut(s string) string {
	if len(s) > maxText {
		n := maxText
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = fmt.Sprintf("%s … (%d bytes more)", s[:n], len(s)-n)
	}
	return s
}
