package display

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

const plain = "text/plain"

// maxText is where the text form of a value is cut, in bytes: a browser does not survive a printed network.
const maxText = 64 << 10

// Mimer shows itself: MimeBundle maps MIME types to content. Binary content is []byte or base64 in a string; that
// of JSON types is any value encoding/json takes; all other is a string.
type Mimer interface{ MimeBundle() map[string]any }

var renderers struct {
	sync.RWMutex
	list []func(v any) (map[string]any, bool)
}

// Register adds a renderer for values whose type cannot have a MimeBundle of its own; it returns false for what it
// does not know. The one registered last is asked first, before all rules of [Bundle].
func Register(r func(v any) (map[string]any, bool)) {
	renderers.Lock()
	defer renderers.Unlock()
	renderers.list = append(renderers.list, r)
}

// Bundle returns what v looks like, by MIME type, always with a text/plain form, and metadata (or nil). By
// the first rule that fits: a registered renderer; the method MimeBundle; an image.Image or []byte in PNG, JPEG or
// GIF as the image; an error or fmt.Stringer as its text; a matrix (methods Dims and At) as a table; all else as %+v
// prints it. Bundle of a *Handle is nil: it has been shown already. Text is cut at 64 KiB. Bundle never panics.
func Bundle(v any) (data, metadata map[string]any) {
	switch v := v.(type) {
	case *Handle:
		return nil, nil
	case *Bar:
		return nil, nil
	case reflect.Value:
		switch {
		case !v.IsValid():
			return Bundle(nil)
		case v.CanInterface():
			return Bundle(v.Interface())
		}
		return map[string]any{plain: cut(fmt.Sprintf("%+v", v))}, nil
	}
	defer func() {
		if p := recover(); p != nil {
			data, metadata = map[string]any{plain: fmt.Sprintf("%T (showing it panics: %v)", v, p)}, nil
		}
	}()
	if d, ok := registered(v); ok {
		return normal(v, d), nil
	}
	if m, ok := v.(Mimer); ok && !isNil(v) {
		return normal(v, m.MimeBundle()), nil
	}
	switch v := v.(type) {
	case image.Image:
		if !isNil(v) {
			return imageBundle(v), nil
		}
	case []byte:
		if mime, ok := imageType(v); ok {
			return map[string]any{mime: base64.StdEncoding.EncodeToString(v), plain: fmt.Sprintf("%s, %d bytes", mime, len(v))}, nil
		}
	case matrix:
		if !isNil(v) {
			return matrixBundle(v), nil
		}
	}
	return map[string]any{plain: text(v)}, nil
}

func registered(v any) (map[string]any, bool) {
	renderers.RLock()
	list := renderers.list
	renderers.RUnlock()
	for i := len(list) - 1; i >= 0; i-- {
		if d, ok := list[i](v); ok {
			return d, true
		}
	}
	return nil, false
}

// normal gives a bundle from elsewhere its text/plain form and encodes bytes; the map given is left as it is.
func normal(v any, d map[string]any) map[string]any {
	d = maps.Clone(d)
	if d == nil {
		d = map[string]any{}
	}
	for mime, c := range d {
		b, ok := c.([]byte)
		switch {
		case !ok:
		case isText(mime):
			d[mime] = string(b)
		case isJSON(mime):
			d[mime] = json.RawMessage(b)
		default:
			d[mime] = base64.StdEncoding.EncodeToString(b)
		}
	}
	for mime, c := range d {
		if isJSON(mime) {
			if _, err := json.Marshal(c); err != nil {
				delete(d, mime) // it would make the whole message unsendable
			}
		} else if _, ok := c.(string); !ok {
			d[mime] = fmt.Sprint(c)
		}
	}
	if _, ok := d[plain]; !ok {
		if s, ok := d["text/html"].(string); ok {
			d[plain] = textOf(s)
		} else {
			d[plain] = text(v)
		}
	}
	return d
}

func isText(mime string) bool {
	return strings.HasPrefix(mime, "text/") || mime == "image/svg+xml" || mime == "application/javascript"
}

func isJSON(mime string) bool {
	return mime == "application/json" || strings.HasSuffix(mime, "+json")
}

func imageBundle(m image.Image) map[string]any {
	size := m.Bounds().Size()
	d := map[string]any{plain: fmt.Sprintf("%T, %dx%d", m, size.X, size.Y)}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err == nil { // an empty image has no PNG
		d["image/png"] = base64.StdEncoding.EncodeToString(b.Bytes())
	}
	return d
}

func imageType(b []byte) (string, bool) {
	switch t := http.DetectContentType(b); t {
	case "image/png", "image/jpeg", "image/gif":
		return t, true
	}
	return "", false
}

// text is the text/plain form of a value without a look of its own.
func text(v any) string {
	if isNil(v) {
		return cut(fmt.Sprintf("%v", v))
	}
	switch v := v.(type) {
	case error:
		return cut(fmt.Sprintf("%v", v)) // by fmt, which survives a panic in Error
	case fmt.Stringer:
		return cut(fmt.Sprintf("%v", v))
	}
	if reflect.TypeOf(v).Kind() == reflect.Func {
		return cut(fmt.Sprintf("%T", v)) // its address says nothing
	}
	return cut(fmt.Sprintf("%+v", v))
}

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

func isNil(v any) bool {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Interface, reflect.Chan:
		return r.IsNil()
	}
	return false
}

func jsonBundle(v any) (data, metadata map[string]any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		data, metadata = Bundle(v)
		return data, metadata
	}
	return map[string]any{"application/json": json.RawMessage(b), plain: cut(string(b))}, nil
}

func vegaBundle(v any) (data, metadata map[string]any) {
	var b []byte
	switch s := v.(type) {
	case string:
		b = []byte(s)
	case []byte:
		b = s
	default:
		var err error
		if b, err = json.Marshal(v); err != nil {
			return Bundle(v)
		}
	}
	if !json.Valid(b) {
		return map[string]any{plain: "display: VegaLite: the specification is not JSON"}, nil
	}
	return map[string]any{"application/vnd.vegalite.v5+json": json.RawMessage(b), plain: cut(string(b))}, nil
}
