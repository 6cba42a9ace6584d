// Package nb reads, runs and writes Jupyter notebooks (.ipynb, nbformat 4) without Python.
package nb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile is the largest notebook that is read, in bytes.
const maxFile = 256 << 20

var errTooLarge = fmt.Errorf("more than %d MiB are too much for a notebook", maxFile>>20)

// Notebook is a notebook of nbformat 4. What this package does not know of it is kept and written back.
type Notebook struct {
	Metadata map[string]any
	Cells    []*Cell
	Minor    int // nbformat_minor; from 5 on cells have ids
	rest     map[string]any
}

// Cell is a cell; Outputs and Count are those of code.
type Cell struct {
	Kind     string // code, markdown or raw
	ID       string // "" for none
	Source   string
	Metadata map[string]any
	Outputs  []Output
	Count    int // execution count, 0 for none
	rest     map[string]any
}

// Output is one output of a cell. Which fields count is Type's to say.
type Output struct {
	Type      string         // stream, display_data, execute_result or error
	Name      string         // of stream: stdout or stderr
	Text      string         // of stream
	Data      map[string]any // of display_data and execute_result, by MIME type: JSON types any value, all others strings
	Metadata  map[string]any
	Count     int // of execute_result
	EName     string
	EValue    string
	Traceback []string
	id        string // for updates; not of the file
}

// Tagged says that the cell's metadata has a tag.
func (c *Cell) Tagged(tag string) bool {
	tags, _ := c.Metadata["tags"].([]any)
	return slices.Contains(tags, any(tag))
}

// Open reads a notebook file. Every error is one line that names the file.
func Open(path string) (*Notebook, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%s: is a directory", path)
	}
	if st.Size() > maxFile {
		return nil, fmt.Errorf("%s: %w", path, errTooLarge)
	}
	n, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// reason is what went wrong, without the operation and path that os puts in front.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Read reads a notebook and checks its form.
func Read(r io.Reader) (*Notebook, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, errTooLarge
	}
	if err := checkShape(b); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // numbers are written back as they were
	var top map[string]any
	if err := d.Decode(&top); err != nil || top == nil {
		return nil, errors.New("not a notebook: no JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("not a notebook: more follows after its JSON object")
	}
	major, ok := integer(top["nbformat"])
	if !ok {
		return nil, errors.New("not a notebook: no number nbformat")
	}
	if major != 4 {
		return nil, fmt.Errorf("nbformat %d; only 4 is read (jupyter nbconvert --to notebook converts it)", major)
	}
	n := &Notebook{}
	if n.Minor, ok = integer(top["nbformat_minor"]); !ok {
		return nil, errors.New("not a notebook: no number nbformat_minor")
	}
	if n.Metadata, err = object(top["metadata"], "metadata"); err != nil {
		return nil, err
	}
	cells, ok := top["cells"].([]any)
	if !ok {
		return nil, errors.New("not a notebook: no list cells")
	}
	for i, v := range cells {
		c, err := readCell(v)
		if err != nil {
			return nil, fmt.Errorf("cell %d: %w", i+1, err)
		}
		n.Cells = append(n.Cells, c)
	}
	n.rest = without(top, "nbformat", "nbformat_minor", "metadata", "cells")
	return n, nil
}

// What a small file could otherwise make of a machine's memory: indented, n brackets take n*n bytes, and a number of one
// digit takes some sixty as a value.
const (
	maxDepth  = 200
	maxValues = 1 << 20
)

// checkShape counts the brackets and values of JSON that need not be well formed.
func checkShape(b []byte) error {
	depth, values := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			depth++
			values++
		case ']', '}':
			depth--
		case ',':
			values++
		}
		if depth > maxDepth {
			return fmt.Errorf("not a notebook: nested more than %d deep", maxDepth)
		}
		if values > maxValues {
			return fmt.Errorf("more than %d values are too much for a notebook", maxValues)
		}
	}
	return nil
}

func readCell(v any) (*Cell, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("not an object")
	}
	c := &Cell{}
	c.Kind, _ = m["cell_type"].(string)
	switch c.Kind {
	case "code", "markdown", "raw":
	default:
		return nil, fmt.Errorf("cell_type is %q, not code, markdown or raw", c.Kind)
	}
	c.ID, _ = m["id"].(string)
	var err error
	if c.Source, err = text(m["source"], "source"); err != nil {
		return nil, err
	}
	if c.Metadata, err = object(m["metadata"], "metadata"); err != nil {
		return nil, err
	}
	if c.Kind != "code" {
		c.rest = without(m, "cell_type", "id", "source", "metadata")
		return c, nil
	}
	c.rest = without(m, "cell_type", "id", "source", "metadata", "outputs", "execution_count")
	c.Count, _ = integer(m["execution_count"])
	outputs, ok := m["outputs"].([]any)
	if !ok && m["outputs"] != nil {
		return nil, errors.New("outputs is not a list")
	}
	for i, v := range outputs {
		o, err := readOutput(v)
		if err != nil {
			return nil, fmt.Errorf("output %d: %w", i+1, err)
		}
		c.Outputs = append(c.Outputs, o)
	}
	return c, nil
}

func readOutput(v any) (Output, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return Output{}, errors.New("not an object")
	}
	var o Output
	var err error
	o.Type, _ = m["output_type"].(string)
	switch o.Type {
	case "stream":
		o.Name, _ = m["name"].(string)
		o.Text, err = text(m["text"], "text")
	case "execute_result", "display_data":
		o.Count, _ = integer(m["execution_count"])
		if o.Metadata, err = object(m["metadata"], "metadata"); err != nil {
			return o, err
		}
		var data map[string]any
		if data, err = object(m["data"], "data"); err != nil {
			return o, err
		}
		o.Data = map[string]any{}
		for mime, d := range data {
			if isJSON(mime) {
				o.Data[mime] = d
			} else if o.Data[mime], err = text(d, mime); err != nil {
				return o, err
			}
		}
	case "error":
		o.EName, _ = m["ename"].(string)
		o.EValue, _ = m["evalue"].(string)
		lines, _ := m["traceback"].([]any)
		for _, l := range lines {
			s, _ := l.(string)
			o.Traceback = append(o.Traceback, s)
		}
	default:
		return o, fmt.Errorf("output_type is %q", o.Type)
	}
	return o, err
}

// integer reads a JSON number without a fraction.
func integer(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return int(i), err == nil
}

// object reads an object; none at all is an empty one.
func object(v any, what string) (map[string]any, error) {
	if v == nil {
		return map[string]any{}, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", what)
	}
	return m, nil
}

// text reads a string or a list of strings.
func text(v any, what string) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []any:
		var b strings.Builder
		for _, l := range v {
			s, ok := l.(string)
			if !ok {
				return "", fmt.Errorf("%s is not text", what)
			}
			b.WriteString(s)
		}
		return b.String(), nil
	}
	return "", fmt.Errorf("%s is not text", what)
}

func without(m map[string]any, keys ...string) map[string]any {
	m = maps.Clone(m)
	for _, k := range keys {
		delete(m, k)
	}
	return m
}

// Write writes the notebook as nbformat itself does: keys sorted, text as lists of lines, indented by one space. The same
// notebook gives the same bytes.
func (n *Notebook) Write(w io.Writer) error {
	top := maps.Clone(n.rest)
	if top == nil {
		top = map[string]any{}
	}
	cells := []any{}
	for _, c := range n.Cells {
		cells = append(cells, c.object())
	}
	top["nbformat"], top["nbformat_minor"], top["metadata"], top["cells"] = 4, n.Minor, orEmpty(n.Metadata), cells
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(top)
}

// Save writes a notebook file, which is never left half written.
func (n *Notebook) Save(path string) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays one
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".nb-*")
	if err != nil {
		return fmt.Errorf("%s: %w", path, reason(err))
	}
	defer os.Remove(f.Name())
	err = n.Write(f)
	mode := os.FileMode(0o644)
	if st, e := os.Stat(path); e == nil {
		mode = st.Mode().Perm()
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, reason(err))
	}
	return nil
}

func (c *Cell) object() map[string]any {
	m := maps.Clone(c.rest)
	if m == nil {
		m = map[string]any{}
	}
	m["cell_type"], m["source"], m["metadata"] = c.Kind, lines(c.Source), orEmpty(c.Metadata)
	if c.ID != "" {
		m["id"] = c.ID
	}
	if c.Kind == "code" {
		outputs := []any{}
		for _, o := range c.Outputs {
			outputs = append(outputs, o.object())
		}
		m["outputs"], m["execution_count"] = outputs, count(c.Count)
	}
	return m
}

func (o Output) object() map[string]any {
	m := map[string]any{"output_type": o.Type}
	switch o.Type {
	case "stream":
		m["name"], m["text"] = o.Name, lines(o.Text)
	case "error":
		m["ename"], m["evalue"], m["traceback"] = o.EName, o.EValue, slices.Concat([]string{}, o.Traceback)
	default:
		data := map[string]any{}
		for mime, d := range o.Data {
			if s, ok := d.(string); ok && !isJSON(mime) && isLines(mime) {
				data[mime] = lines(s)
			} else {
				data[mime] = d
			}
		}
		m["data"], m["metadata"] = data, orEmpty(o.Metadata)
		if o.Type == "execute_result" {
			m["execution_count"] = count(o.Count)
		}
	}
	return m
}

func count(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// lines cuts text after each newline.
func lines(s string) []string {
	l := strings.SplitAfter(s, "\n")
	if l[len(l)-1] == "" {
		l = l[:len(l)-1]
	}
	return l
}

func isJSON(mime string) bool {
	return mime == "application/json" || strings.HasSuffix(mime, "+json")
}

// isLines says that nbformat writes content of a type as lines.
func isLines(mime string) bool {
	return strings.HasPrefix(mime, "text/") || mime == "image/svg+xml" || mime == "application/javascript"
}
