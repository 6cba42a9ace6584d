package magic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

const loadHelp = `put the text of a file, or of earlier cells, into this cell
%load FILE, %load -r 10-20,30 FILE for these lines, %load 3-5 for the inputs of cells.`

const saveHelp = `write earlier cells, or the value of a variable, to a file
%save FILE 1-3 5 writes the inputs of these cells (without numbers: of all). %save FILE NAME writes a string or []byte as it is and
any other value as JSON. -a appends, -f replaces a file that is there.`

const writefileHelp = `write the cell below it to a file
-a appends. $NAME in the file's name is an environment variable, ~ the home directory.`

// maxLoad is the largest file that is taken for the text of a cell.
const maxLoad = 1 << 20

func readText(name, path string) (string, error) {
	path, err := expand(path)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%%%s: %s: %w", name, path, reason(err))
	}
	if !st.Mode().IsRegular() {
		return "", fmt.Errorf("%%%s: %s is no file", name, path)
	}
	if st.Size() > maxLoad {
		return "", fmt.Errorf("%%%s: %s: %d bytes are too many for a cell", name, path, st.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%%%s: %s: %w", name, path, reason(err))
	}
	return string(b), nil
}

func load(_ context.Context, c *Call) error {
	f, rest, err := cutFlags("load", c.Args, "-r LINES")
	if err != nil {
		return err
	}
	if rest == "" {
		return errors.New("%load: which file? %load FILE, or %load 3 for the input of cell 3")
	}
	if _, err := os.Stat(rest); err != nil && !f.has("-r") {
		if in, err := spans(rest); err == nil {
			text, err := inputs(c, "load", in)
			if err != nil {
				return err
			}
			c.SetNextInput(text, true)
			return nil
		}
	}
	text, err := readText("load", rest)
	if err != nil {
		return err
	}
	if r, ok := f["-r"]; ok {
		in, err := spans(r)
		if err != nil {
			return fmt.Errorf("%%load: -r %w", err)
		}
		var kept strings.Builder
		n := 0
		for l := range strings.Lines(text) {
			if n++; within(n, in) {
				kept.WriteString(l)
			}
		}
		if kept.Len() == 0 {
			return fmt.Errorf("%%load: %s has %d lines, and none in %s", rest, n, r)
		}
		text = kept.String()
	}
	c.SetNextInput(text, true)
	return nil
}

// inputs are the texts of cells, one below the other.
func inputs(c *Call, name string, in []span) (string, error) {
	var texts []string
	last := 0
	for _, i := range c.Inputs() {
		last = max(last, i.N)
		if within(i.N, in) {
			texts = append(texts, strings.TrimRight(i.Code, "\n")+"\n")
		}
	}
	switch {
	case last == 0:
		return "", fmt.Errorf("%%%s: no cell has run before this one", name)
	case len(texts) == 0:
		return "", fmt.Errorf("%%%s: the cells that have run have numbers up to %d; none of them is meant", name, last)
	}
	return strings.Join(texts, "\n"), nil
}

func save(_ context.Context, c *Call) error {
	f, rest, err := cutFlags("save", c.Args, "-a", "-f")
	if err != nil {
		return err
	}
	words, err := Fields(rest)
	if err != nil {
		return fmt.Errorf("%%save: %w", err)
	}
	if len(words) == 0 {
		return errors.New("%save: to which file? %save FILE 1-3, or %save FILE NAME")
	}
	var text []byte
	what := strings.Join(words[1:], " ")
	if v, ok := c.Get(what); ok {
		if text, err = valueBytes(v); err != nil {
			return fmt.Errorf("%%save: %s: %w", what, err)
		}
	} else {
		in, err := spans(what)
		if err != nil {
			return fmt.Errorf("%%save: %s is neither a variable nor cells: %w", what, err)
		}
		s, err := inputs(c, "save", in)
		if err != nil {
			return err
		}
		text = []byte(s)
	}
	return write(c, "save", words[0], text, f.has("-a"), f.has("-f"))
}

// valueBytes is what a variable's value is in a file.
func valueBytes(v reflect.Value) ([]byte, error) {
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.String:
		return []byte(v.String()), nil
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		return v.Bytes(), nil
	}
	b, err := json.MarshalIndent(v.Interface(), "", "  ")
	return append(b, '\n'), err
}

// write puts text into a file and says so.
func write(c *Call, name, path string, text []byte, add, replace bool) error {
	path, err := expand(path)
	if err != nil {
		return err
	}
	mode, did := os.O_CREATE|os.O_WRONLY|os.O_EXCL, "wrote"
	switch {
	case add:
		mode, did = os.O_CREATE|os.O_WRONLY|os.O_APPEND, "appended"
	case replace:
		mode = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	}
	file, err := os.OpenFile(path, mode, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%%%s: %s is there already; -f replaces it, -a appends", name, path)
	case err != nil:
		return fmt.Errorf("%%%s: %s: %w", name, path, reason(err))
	}
	_, err = file.Write(text)
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("%%%s: %s: %w", name, path, reason(err))
	}
	fmt.Fprintf(c.Stderr, "%s %d bytes to %s\n", did, len(text), filepath.ToSlash(path))
	return nil
}

func writefile(_ context.Context, c *Call) error {
	f, path, err := cutFlags("%writefile", c.Args, "-a")
	if err != nil {
		return err
	}
	if path == "" {
		return errors.New("%%writefile: to which file? %%writefile FILE")
	}
	text := c.Body
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return write(c, "%writefile", path, []byte(text), f.has("-a"), true)
}

func runFile(ctx context.Context, c *Call) error {
	if c.Args == "" {
		return errors.New("%run: which file? %run FILE")
	}
	text, err := readText("run", c.Args)
	if err != nil {
		return err
	}
	return c.Run(ctx, text)
}
