// Package schema says what messages of the Jupyter protocol 5.5 look like, and finds fault with those that do not.
//
// It is strict, for it judges what this kernel sends: a field that the protocol does not name is a fault, and so is what the
// protocol allows and a client may stumble over (a display without text/plain, base64 that is none). Nothing that is
// received in earnest goes through it: a kernel passes over fields that it does not know. Source:
// https://jupyter-client.readthedocs.io/en/stable/messaging.html, and for usage_reply what ipykernel sends.
package schema

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Way is where a message comes from and where it goes.
type Way string

// The ways of messages. What goes both from clients and over iopub is of no one way.
const (
	FromClient Way = "from a client" // on shell, control or stdin
	FromKernel Way = "from a kernel" // on shell, control or stdin
	Published  Way = "on iopub"      // by a kernel
	either     Way = "of several ways"
)

// Message is a message as it is on the wire, in its parts.
type Message struct {
	Way      Way
	Prefix   [][]byte // the frames before the delimiter: of an iopub message, its topic
	Header   []byte
	Parent   []byte
	Metadata []byte
	Content  []byte
}

// Check returns the first fault of a message, or nil.
func Check(m Message) error {
	header, err := object(m.Header)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if err := headerRule(header); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	typ := header["msg_type"].(string)
	fault := func(where string, err error) error { return fmt.Errorf("%s: %s: %w", typ, where, err) }
	row, ok := table()[typ]
	if !ok {
		return fmt.Errorf("%q is no message type of the protocol", typ)
	}
	if row.way != either && row.way != m.Way {
		return fmt.Errorf("%s: it does not go %s", typ, m.Way)
	}
	parent, err := object(m.Parent)
	if err != nil {
		return fault("parent", err)
	}
	if len(parent) > 0 {
		if err := parentRule(parent); err != nil {
			return fault("parent", err)
		}
	}
	content, err := object(m.Content)
	if err != nil {
		return fault("content", err)
	}
	switch needs := row.parent; {
	case needs == always && len(parent) == 0:
		return fault("parent", fmt.Errorf("there is none"))
	case needs == never && len(parent) > 0:
		return fault("parent", fmt.Errorf("there is one"))
	}
	if request, ok := parent["msg_type"].(string); ok && strings.HasSuffix(typ, "_reply") && m.Way != FromClient {
		if want := strings.TrimSuffix(request, "_request") + "_reply"; typ != want {
			return fault("parent", fmt.Errorf("it is a %s", request))
		}
	}
	if _, err := object(m.Metadata); err != nil {
		return fault("metadata", err)
	}
	if err := row.content(content); err != nil {
		return fault("content", err)
	}
	if m.Way == Published {
		if err := topic(typ, content, m.Prefix); err != nil {
			return fault("topic", err)
		}
	}
	return nil
}

// topic checks the one frame before an iopub message.
func topic(typ string, content map[string]any, prefix [][]byte) error {
	if len(prefix) != 1 {
		return fmt.Errorf("%d frames", len(prefix))
	}
	got := string(prefix[0])
	switch typ {
	case "stream":
		if want := fmt.Sprintf("stream.%v", content["name"]); got != want {
			return fmt.Errorf("%q, not %q", got, want)
		}
	case "iopub_welcome":
		if got != content["subscription"] {
			return fmt.Errorf("%q is not the subscription %q", got, content["subscription"])
		}
	default:
		if !strings.HasPrefix(got, "kernel.") || !strings.HasSuffix(got, "."+typ) {
			return fmt.Errorf("%q is not of the form kernel.ID.%s", got, typ)
		}
	}
	return nil
}

// object decodes a JSON object, and nothing after it.
func object(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if m == nil || d.More() {
		return nil, fmt.Errorf("not one JSON object")
	}
	return m, nil
}

// rule finds the fault of a value.
type rule func(any) error

func text(v any) error {
	if _, ok := v.(string); !ok {
		return fmt.Errorf("not a string: %v", v)
	}
	return nil
}

func filled(v any) error {
	if s, ok := v.(string); !ok || s == "" {
		return fmt.Errorf("not a string with something in it: %v", v)
	}
	return nil
}

func boolean(v any) error {
	if _, ok := v.(bool); !ok {
		return fmt.Errorf("not true or false: %v", v)
	}
	return nil
}

func anything(any) error { return nil }

func number(v any) error {
	if _, ok := v.(json.Number); !ok {
		return fmt.Errorf("not a number: %v", v)
	}
	return nil
}

// count is a whole number from low.
func count(low int) rule {
	return func(v any) error {
		n, ok := v.(json.Number)
		i, err := strconv.Atoi(n.String())
		if !ok || err != nil || i < low {
			return fmt.Errorf("not a whole number from %d: %v", low, v)
		}
		return nil
	}
}

func oneOf(words ...string) rule {
	return func(v any) error {
		if s, ok := v.(string); !ok || !slices.Contains(words, s) {
			return fmt.Errorf("not one of %s: %v", strings.Join(words, ", "), v)
		}
		return nil
	}
}

func or(a, b rule) rule {
	return func(v any) error {
		if a(v) == nil {
			return nil
		}
		return b(v)
	}
}

func null(v any) error {
	if v != nil {
		return fmt.Errorf("not null: %v", v)
	}
	return nil
}

func list(of rule) rule {
	return func(v any) error {
		l, ok := v.([]any)
		if !ok {
			return fmt.Errorf("not a list: %v", v)
		}
		for i, x := range l {
			if err := of(x); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	}
}

// tuple is a list of fixed length.
func tuple(of ...rule) rule {
	return func(v any) error {
		l, ok := v.([]any)
		if !ok || len(l) != len(of) {
			return fmt.Errorf("not a list of %d: %v", len(of), v)
		}
		for i, x := range l {
			if err := of[i](x); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	}
}

// dict is an object with any keys.
func dict(of rule) rule {
	return func(v any) error {
		m, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("not an object: %v", v)
		}
		for k, x := range m {
			if err := of(x); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
		return nil
	}
}

// fields is an object with exactly these fields; those whose name ends in "?" may be absent. With a field "*", others are
// allowed too.
type fields map[string]rule

func (f fields) check(v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("not an object: %v", v)
	}
	for name, r := range f {
		name, optional := strings.CutSuffix(name, "?")
		x, there := m[name]
		switch {
		case name == "*" || !there && optional:
			continue
		case !there:
			return fmt.Errorf("there is no %s", name)
		}
		if err := r(x); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if f["*"] != nil {
		return nil
	}
	for name := range m {
		if f[name] == nil && f[name+"?"] == nil {
			return fmt.Errorf("the protocol has no field %s", name)
		}
	}
	return nil
}

// date is ISO 8601 with a time zone, as it must be since 5.1.
func date(v any) error {
	s, _ := v.(string)
	if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
		return fmt.Errorf("not a date of ISO 8601 with its time zone: %v", v)
	}
	return nil
}

var mimeType = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w.+-]+/[\w.+-]+$`) })

// bundle is data by MIME type: JSON for JSON types, base64 for binary ones, text for all others.
func bundle(v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("not an object: %v", v)
	}
	for k, x := range m {
		kind, sub, _ := strings.Cut(k, "/")
		switch {
		case !mimeType().MatchString(k):
			return fmt.Errorf("%q is no MIME type", k)
		case sub == "json" || strings.HasSuffix(sub, "+json"):
		case kind == "image" && sub != "svg+xml" || kind == "audio" || kind == "video" || sub == "pdf":
			s, ok := x.(string)
			if _, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(s, "\n", "")); !ok || err != nil {
				return fmt.Errorf("%s: not base64: %.40v", k, x)
			}
		default:
			if err := text(x); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
	}
	return nil
}

// shown is a bundle that every client can show.
func shown(v any) error {
	if err := bundle(v); err != nil {
		return err
	}
	if v.(map[string]any)["text/plain"] == nil {
		return fmt.Errorf("there is no text/plain")
	}
	return nil
}
