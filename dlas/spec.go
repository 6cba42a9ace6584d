package dlas

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/godlas/godlas/dlas/internal/grammar"
	"github.com/godlas/godlas/dlas/ir"
)

// Spec is one choice a layer: the same plain struct whichever of the four spellings built it. A field holds the
// grammar's text, where an empty one means the default; Canonical fills the defaults in and fixes the spelling.
type Spec struct {
	Data      string `json:"data"`
	Model     string `json:"model"`
	Compress  string `json:"compress"`
	Primitive string `json:"primitive"`
	Schedule  string `json:"schedule"`
	Hardware  string `json:"hardware"`
}

// Layer returns the text of a layer.
func (s Spec) Layer(l ir.Layer) string { return *s.field(l) }

// With returns a copy with another text for one layer.
func (s Spec) With(l ir.Layer, text string) Spec {
	*s.field(l) = text
	return s
}

func (s *Spec) field(l ir.Layer) *string {
	switch l {
	case ir.Data:
		return &s.Data
	case ir.Model:
		return &s.Model
	case ir.Compress:
		return &s.Compress
	case ir.Primitive:
		return &s.Primitive
	case ir.Sched:
		return &s.Schedule
	case ir.Hardware:
		return &s.Hardware
	}
	panic("dlas: no layer " + string(l))
}

// Canonical fills in the defaults, checks every name and argument against the layers' tables and returns the one
// spelling of this Spec. An argument that has its default value is left out; the threads and the ISA of a CPU are
// resolved to this machine's. Only the model stays empty where it follows data that is swept over. The error is an
// *ir.Error.
func (s Spec) Canonical() (Spec, error) {
	var c Spec
	for _, l := range ir.Layers() {
		text, err := canonicalLayer(l, s.Layer(l), c.Data)
		if err != nil {
			return Spec{}, err
		}
		*c.field(l) = text
	}
	return c, nil
}

// canonicalLayer is one layer of Canonical; data is the canonical text of the data layer, which the default model
// follows.
func canonicalLayer(l ir.Layer, text, data string) (string, error) {
	if strings.TrimSpace(text) == "" {
		def, err := defaultOf(l, data)
		if err != nil || def == "" {
			return "", err
		}
		text = def
	}
	line, err := grammar.Parse(l, text)
	if err != nil {
		return "", err
	}
	points, err := layerPoints(l, line)
	if err != nil {
		return "", err
	}
	if len(points) == 1 {
		return points[0], nil
	}
	return dropDefaults(l, line).String(), nil
}

// layerPoints multiplies a line out into canonical texts without repetition.
func layerPoints(l ir.Layer, line grammar.Line) ([]string, error) {
	multiplied, err := line.Points(l)
	if err != nil {
		return nil, err
	}
	var points []string
	seen := make(map[string]bool)
	for _, cs := range multiplied {
		cs, err := normalise(l, cs)
		if err != nil {
			return nil, err
		}
		if text := spell(cs); !seen[text] {
			seen[text] = true
			points = append(points, text)
		}
	}
	return points, nil
}

// spell is the text of choices applied in order.
func spell(cs []ir.Choice) string {
	words := make([]string, len(cs))
	for i, c := range cs {
		words[i] = c.String()
	}
	return strings.Join(words, " ")
}

// Points multiplies the lists and alternatives of all layers out: canonical Specs of one choice a layer, the first
// layer varying slowest, without repetition.
func (s Spec) Points() ([]Spec, error) {
	points := []Spec{{}}
	for _, l := range ir.Layers() {
		var next []Spec
		for _, p := range points {
			text := s.Layer(l)
			if strings.TrimSpace(text) == "" {
				var err error
				if text, err = defaultOf(l, p.Data); err != nil {
					return nil, err
				}
			}
			line, err := grammar.Parse(l, text)
			if err != nil {
				return nil, err
			}
			choices, err := layerPoints(l, line)
			if err != nil {
				return nil, err
			}
			for _, c := range choices {
				next = append(next, p.With(l, c))
			}
			if len(next) > grammar.MaxPoints {
				return nil, &ir.Error{Layer: l, What: "the lists multiply out to too many points", Try: fmt.Sprintf("at most %d", grammar.MaxPoints)}
			}
		}
		points = next
	}
	return points, nil
}

// point is the only point of a Spec; more than one is an error that names sweep.
func (s Spec) point() (Spec, error) {
	points, err := s.Points()
	if err != nil {
		return Spec{}, err
	}
	if len(points) > 1 {
		return Spec{}, &ir.Error{What: fmt.Sprintf("these choices are %d points, and run measures one", len(points)), Try: "use sweep"}
	}
	return points[0], nil
}

// Hash identifies a Spec: the first 16 hex digits of the SHA-256 of the line "dlas 1" and the six canonical texts, one
// a line in the layers' order. A Spec that is in error is hashed as it is spelt.
func (s Spec) Hash() string {
	if c, err := s.Canonical(); err == nil {
		s = c
	}
	var b strings.Builder
	b.WriteString("dlas 1\n")
	for _, l := range ir.Layers() {
		b.WriteString(s.Layer(l) + "\n")
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:8])
}

// ReadSpec reads a Spec from its JSON object, or from a whole result's.
func ReadSpec(data []byte) (Spec, error) {
	fail := func(what string, err error) (Spec, error) {
		return Spec{}, &ir.Error{What: what, Err: err, Try: `it is {"data":…, "model":…, "compress":…, "primitive":…, "schedule":…, "hardware":…}, or a result`}
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return fail("the spec is not a JSON object", jsonFault(err))
	}
	if inner, ok := keys["spec"]; ok {
		data, keys = inner, nil
		if err := json.Unmarshal(data, &keys); err != nil {
			return fail("the result's spec is not a JSON object", jsonFault(err))
		}
	}
	for k := range keys {
		if ir.Layer(k).Number() == 0 {
			return Spec{}, ir.Unknown("", "layer", k, layerNames())
		}
	}
	var s Spec
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&s); err != nil {
		return fail("the spec is not six texts", jsonFault(err))
	}
	return s, nil
}

// jsonFault drops the names of Go types from a decoder's message.
func jsonFault(err error) error {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		if typ.Field == "" {
			return fmt.Errorf("it is a JSON %s", typ.Value)
		}
		return fmt.Errorf("%s is a JSON %s", typ.Field, typ.Value)
	}
	return err
}

func layerNames() []string {
	var names []string
	for _, l := range ir.Layers() {
		names = append(names, string(l))
	}
	return names
}

// Check is Canonical, and opens every data set that the Spec names: what is wrong with their files or missing is found
// before anything runs.
func (s Spec) Check() (Spec, error) {
	c, err := s.Canonical()
	if err != nil {
		return Spec{}, err
	}
	line, err := grammar.Parse(ir.Data, c.Data)
	if err != nil {
		return Spec{}, err
	}
	points, err := line.Points(ir.Data)
	if err != nil {
		return Spec{}, err
	}
	opened := &sets{}
	for _, p := range points {
		if _, err := opened.open(p[0]); err != nil {
			return Spec{}, err
		}
	}
	return c, nil
}
