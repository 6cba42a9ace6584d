package display

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

const plain = "text/plain"

// Mimer shows itself: MimeBundle maps MIME types to content. Binary content is []byte or base64 in a string; that
// of JSON types is any value encoding/json takes; all other is a string. The method may return a second
// map[string]any, of metadata. What it returns that is none of this is left out, and the text says so.
type Mimer interface{ MimeBundle() map[string]any }

// mimerWith shows itself with metadata.
type mimerWith interface {
	MimeBundle() (data, metadata map[string]any)
}

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
// the first rule that fits: a registered renderer; the method MimeBundle, also one of *T for a value of T; an image.Image or
// []byte in PNG, JPEG, GIF, WebP or BMP as the image, at most 1600 pixels wide and high; an error as its text with what it
// wraps; a fmt.Stringer or fmt.Formatter as its text; a matrix (methods Dims and At) as a table; a list of structs, maps or
// lists, and a map, as a table of its first and last rows; all else as %+v prints it, with pointers followed. Text from
// values is escaped in HTML, and cut at 64 KiB. Bundle of a *Handle is nil: it has been shown already. Bundle never panics.
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
		p := printer{left: maxText, whole: whole}
		p.value(v, 0)
		return map[string]any{plain: p.b.String()}, nil
	}
	defer func() {
		if p := recover(); p != nil {
			data, metadata = map[string]any{plain: oneLine(fmt.Sprintf("%T (showing it panics: %v)", v, p), maxText)}, nil
		}
	}()
	if d, ok := registered(v); ok {
		return normal(v, d, nil)
	}
	if d, m, ok := itself(v); ok {
		return normal(v, d, m)
	}
	data = look(v)
	if m := misspelt(v); m != "" {
		data[plain] = fmt.Sprintf("%v\n(%s)", data[plain], m)
	}
	return data, nil
}

// misspelt says that a method MimeBundle is not one that is called.
func misspelt(v any) string {
	r := reflect.ValueOf(v)
	if !r.IsValid() || r.NumMethod() == 0 || isNil(v) {
		return ""
	}
	m := r.MethodByName("MimeBundle")
	if !m.IsValid() {
		return ""
	}
	return oneLine(fmt.Sprintf("the method MimeBundle of %T is %v; one that shows it is func() map[string]any", v, m.Type()), 400)
}

// itself asks a value, or a pointer to it, how it wants to be shown.
func itself(v any) (data, metadata map[string]any, ok bool) {
	if isNil(v) {
		return nil, nil, false
	}
	for range 2 {
		switch m := v.(type) {
		case Mimer:
			return m.MimeBundle(), nil, true
		case mimerWith:
			data, metadata = m.MimeBundle()
			return data, metadata, true
		}
		t := reflect.TypeOf(v)
		if t.Name() == "" || !reflect.PointerTo(t).Implements(mimers[0]) && !reflect.PointerTo(t).Implements(mimers[1]) {
			break
		}
		p := reflect.New(t)
		p.Elem().Set(reflect.ValueOf(v))
		v = p.Interface()
	}
	return nil, nil, false
}

// look is by the rules for values that say nothing of MIME types.
func look(v any) map[string]any {
	if isNil(v) {
		return map[string]any{plain: text(v)}
	}
	switch v := v.(type) {
	case image.Image:
		return imageBundle(v)
	case []byte:
		if mime, ok := imageType(v); ok {
			return fileBundle(mime, v)
		}
	case error:
		return map[string]any{plain: errorText(v)}
	case fmt.Formatter: // before matrices: what is formatted by gonum is no matrix
		return map[string]any{plain: text(v)}
	case fmt.Stringer:
		return map[string]any{plain: text(v)}
	case matrix:
		return matrixBundle(v)
	case complexMatrix:
		return complexBundle(v)
	}
	if t := tabular(reflect.ValueOf(v)); t != nil {
		return t.bundle()
	}
	return map[string]any{plain: text(v)}
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

// normal gives a bundle from elsewhere its text/plain form, encodes bytes and leaves out what no client could show, with a
// line that says so; the maps given are left as they are.
func normal(v any, d, metadata map[string]any) (map[string]any, map[string]any) {
	out := map[string]any{}
	var wrong []string
	for _, mime := range slices.Sorted(maps.Keys(d)) {
		c, err := content(mime, d[mime])
		if err != "" {
			wrong = append(wrong, fmt.Sprintf("MimeBundle of %T: %s: %s", v, oneLine(mime, 80), err))
			continue
		}
		out[mime] = c
	}
	if _, ok := out[plain]; !ok {
		if s, ok := out["text/html"].(string); ok {
			out[plain] = textOf(s)
		} else if t, ok := d[plain].(string); ok {
			out[plain] = t
		} else {
			out[plain] = text(v)
		}
	}
	if metadata != nil {
		if _, err := json.Marshal(metadata); err != nil {
			wrong = append(wrong, fmt.Sprintf("MimeBundle of %T: metadata: %v", v, err))
			metadata = nil
		}
	}
	if len(wrong) > 0 {
		note := strings.Join(wrong, "\n")
		out[plain] = fmt.Sprintf("%s\n%s", out[plain], note)
		if s, ok := out["text/html"].(string); ok {
			out["text/html"] = s + "<pre>" + escape(note) + "</pre>"
		}
	}
	return out, metadata
}

// content is what stands under a MIME type in a message, or what is wrong with c.
func content(mime string, c any) (any, string) {
	if kind, sub, ok := strings.Cut(mime, "/"); !ok || kind == "" || sub == "" || strings.ContainsAny(mime, " \t\r\n") {
		return nil, "this is no MIME type"
	}
	b, isBytes := c.([]byte)
	r := reflect.ValueOf(c)
	isString := r.Kind() == reflect.String
	switch {
	case isJSON(mime):
		if isString && (strings.HasPrefix(r.String(), "{") || strings.HasPrefix(r.String(), "[")) {
			b, isBytes = []byte(r.String()), json.Valid([]byte(r.String()))
		}
		if isBytes {
			if !json.Valid(b) {
				return nil, "the bytes are not JSON"
			}
			return json.RawMessage(b), ""
		}
		if _, err := json.Marshal(c); err != nil {
			return nil, err.Error() // it would make the whole message unsendable
		}
		return c, ""
	case isText(mime):
		switch lines, ok := c.([]string); {
		case isBytes:
			return strings.ToValidUTF8(string(b), "\uFFFD"), ""
		case isString:
			return r.String(), ""
		case ok:
			return strings.Join(lines, ""), "" // as notebook files have it
		}
		return nil, fmt.Sprintf("a %T, and not a string", c)
	}
	if m, ok := c.(image.Image); ok && mime == "image/png" && !isNil(c) {
		var buf bytes.Buffer
		if err := png.Encode(&buf, m); err != nil {
			return nil, err.Error()
		}
		b, isBytes = buf.Bytes(), true
	}
	switch {
	case isBytes:
		return base64.StdEncoding.EncodeToString(b), ""
	case !isString:
		return nil, fmt.Sprintf("a %T, and neither []byte nor a string", c)
	}
	s := r.String()
	if t, ok := imageType([]byte(s)); ok && strings.HasPrefix(mime, "image/") && t == mime {
		return base64.StdEncoding.EncodeToString([]byte(s)), ""
	}
	if strings.HasPrefix(mime, "image/") || strings.HasPrefix(mime, "audio/") || strings.HasPrefix(mime, "video/") {
		if _, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\n", "", "\r", "").Replace(s)); err != nil {
			return nil, "the string is not base64"
		}
	}
	return s, ""
}

func isText(mime string) bool {
	return strings.HasPrefix(mime, "text/") || mime == "image/svg+xml" || mime == "application/javascript"
}

func isJSON(mime string) bool {
	return mime == "application/json" || strings.HasSuffix(mime, "+json")
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
	if s, ok := v.(string); ok && (strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")) && json.Valid([]byte(s)) {
		v = json.RawMessage(s)
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		data, metadata = Bundle(v)
		data[plain] = fmt.Sprintf("%v\n(it is no JSON: %v)", data[plain], err)
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
	if !json.Valid(b) || !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return map[string]any{plain: "display: VegaLite: the specification is not a JSON object"}, nil
	}
	return map[string]any{"application/vnd.vegalite.v5+json": json.RawMessage(b), plain: cut(string(b))}, nil
}
