package nb

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// canonical is a notebook as nbformat writes it.
const canonical = `{
 "cells": [
  {
   "attachments": {},
   "cell_type": "markdown",
   "id": "one",
   "metadata": {
    "x": 1.50
   },
   "source": [
    "# é <b>\n",
    "text"
   ]
  },
  {
   "cell_type": "code",
   "execution_count": 3,
   "id": "two",
   "metadata": {
    "tags": [
     "raises-exception"
    ]
   },
   "outputs": [
    {
     "name": "stdout",
     "output_type": "stream",
     "text": [
      "a\n",
      "b\n"
     ]
    },
    {
     "data": {
      "application/json": {
       "n": 1e3
      },
      "image/png": "aGk=\n",
      "text/plain": [
       "7"
      ]
     },
     "execution_count": 3,
     "metadata": {},
     "output_type": "execute_result"
    },
    {
     "ename": "panic",
     "evalue": "oh",
     "output_type": "error",
     "traceback": [
      "one",
      "two"
     ]
    }
   ],
   "source": []
  },
  {
   "cell_type": "raw",
   "id": "three",
   "metadata": {},
   "source": []
  }
 ],
 "metadata": {
  "kernelspec": {
   "name": "godlas"
  }
 },
 "nbformat": 4,
 "nbformat_minor": 5,
 "unknown": true
}
`

func read(t *testing.T, s string) *Notebook {
	t.Helper()
	n, err := Read(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestReadAndWriteChangeNothing(t *testing.T) {
	n := read(t, canonical)
	var b bytes.Buffer
	if err := n.Write(&b); err != nil {
		t.Fatal(err)
	}
	if b.String() != canonical {
		t.Errorf("written:\n%s", b.String())
	}
	c := n.Cells[1]
	if c.Count != 3 || !c.Tagged("raises-exception") || c.Tagged("raises") || len(c.Outputs) != 3 || c.Outputs[0].Text != "a\nb\n" {
		t.Errorf("read %+v", c)
	}
	if n.Cells[0].Source != "# é <b>\ntext" {
		t.Errorf("source %q", n.Cells[0].Source)
	}
}

func TestReadRefuses(t *testing.T) {
	cell := func(s string) string { return `{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[` + s + `]}` }
	for s, want := range map[string]string{
		``:     "no JSON object",
		`null`: "no JSON object",
		`[1]`:  "no JSON object",
		`{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[]} x`: "more follows",
		`{}`:                                  "no number nbformat",
		`{"nbformat":"4"}`:                    "no number nbformat",
		`{"nbformat":3,"nbformat_minor":0}`:   "nbformat 3",
		`{"nbformat":4,"nbformat_minor":1.5}`: "nbformat_minor",
		`{"nbformat":4,"nbformat_minor":5,"metadata":[],"cells":[]}`: "metadata is not an object",
		`{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":{}}`: "no list cells",
		cell(`1`):                                               "cell 1: not an object",
		cell(`{"cell_type":"heading"}`):                         `cell_type is "heading"`,
		cell(`{"cell_type":"raw","source":{}}`):                 "source is not text",
		cell(`{"cell_type":"raw","source":["a",1]}`):            "source is not text",
		cell(`{"cell_type":"code","source":"","outputs":{}}`):   "outputs is not a list",
		cell(`{"cell_type":"code","source":"","outputs":[{}]}`): `output 1: output_type is ""`,
		cell(`{"cell_type":"code","source":"","outputs":[{"output_type":"display_data","data":{"text/plain":{}}}]}`): "text/plain is not text",
		`{"x":[` + strings.Repeat("1,", maxValues+1):                                                                 "values are too much",
		strings.Repeat("[", 20000):                           "nested more than 200 deep",
		`{"a\"[": "]", "b": ` + strings.Repeat(`{"x":`, 200): "nested more than 200 deep",
	} {
		_, err := Read(strings.NewReader(s))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80s: %v, want %s", s, err, want)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.ipynb")
	n := read(t, canonical)
	if err := n.Save(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path)
	if err != nil || !reflect.DeepEqual(m, n) {
		t.Fatalf("%v: %+v", err, m)
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v after saving again", st.Mode())
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("a.ipynb", link); err == nil {
		if err := m.Save(link); err != nil {
			t.Error(err)
		}
		if st, _ := os.Lstat(link); st.Mode()&os.ModeSymlink == 0 {
			t.Error("saving through a link replaces it")
		}
		os.Remove(link)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	for _, p := range []string{filepath.Join(dir, "none"), dir} {
		if _, err := Open(p); err == nil || !strings.HasPrefix(err.Error(), p+": ") || strings.Contains(err.Error(), "open") {
			t.Errorf("%v", err)
		}
	}
	if err := n.Save(filepath.Join(dir, "none", "b")); err == nil {
		t.Error("saved in a folder that is not there")
	}
	big, err := os.Create(filepath.Join(dir, "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	big.Truncate(maxFile + 2)
	if _, err := Open(big.Name()); err == nil || !strings.Contains(err.Error(), "too much") {
		t.Errorf("%v", err)
	}
}

func TestParams(t *testing.T) {
	for s, want := range map[string]string{
		"n=5": "n = 5", "n=-1.5e3": "n = -1.5e3", "b=true": "b = true", "s=abc": `s = "abc"`, "s= a b": `s = " a b"`, "s=": `s = ""`,
		`s="5"`: `s = "5"`, "s=a\"b": `s = "a\"b"`, "s='x'": `s = "'x'"`, "s=x+1": `s = "x+1"`, "s=-x": `s = "-x"`, "h=0x1F": "h = 0x1F",
		"s=True": `s = "True"`, "s=nil": `s = "nil"`, "s=f()": `s = "f()"`, "d=2024-01-01": `d = "2024-01-01"`, "s=-\"a\"": `s = "-\"a\""`,
	} {
		p, err := ParseParam(s)
		if got := p.Name + " = " + p.Literal(); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"n", "=5", "1n=5", "a b=5", "_=1", "func=1"} {
		if _, err := ParseParam(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestInject(t *testing.T) {
	n := &Notebook{Minor: 5, Cells: []*Cell{
		{Kind: "code", ID: "injected-parameters", Source: "x"},
		{Kind: "code", ID: "p", Source: "n := 1\nvar s = `x`", Metadata: map[string]any{"tags": []any{"parameters"}}},
		{Kind: "code", ID: "q", Source: "n"},
	}}
	params := []Param{{"n", "1"}, {"s", "t"}, {"n", "2"}}
	for range 2 { // the second time replaces the first
		if err := n.Inject(params); err != nil {
			t.Fatal(err)
		}
		if c := n.Cells[2]; len(n.Cells) != 4 || c.Source != "s = \"t\"\nn = 2" || c.ID != "injected-parameters-2" || !c.Tagged("injected-parameters") {
			t.Fatalf("%d cells, %+v", len(n.Cells), c)
		}
	}
	if err := n.Inject([]Param{{"x", "1"}}); err == nil || !strings.Contains(err.Error(), "no parameter x") {
		t.Errorf("a name that the cell does not have: %v", err)
	}
	if err := n.Inject(nil); err != nil || len(n.Cells) != 3 {
		t.Errorf("%d cells are left without parameters", len(n.Cells))
	}
	old := &Notebook{Minor: 4, Cells: []*Cell{{Kind: "markdown"}}}
	if err := old.Inject(params); err != nil {
		t.Fatal(err)
	}
	if c := old.Cells[0]; c.Source != "s := \"t\"\nn := 2" || c.ID != "" {
		t.Errorf("without a tagged cell: %+v", c)
	}
}

func TestLines(t *testing.T) {
	for s, want := range map[string][]string{"": {}, "a": {"a"}, "a\n": {"a\n"}, "\na": {"\n", "a"}} {
		if got := lines(s); !slices.Equal(got, want) || got == nil {
			t.Errorf("%q: %q", s, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(canonical))
	f.Add([]byte(`{"nbformat":4,"nbformat_minor":4,"cells":[{"cell_type":"code","source":["a",""],"outputs":[{"output_type":"error"}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var once, twice bytes.Buffer
		if err := n.Write(&once); err != nil {
			t.Fatal(err)
		}
		m, err := Read(bytes.NewReader(once.Bytes()))
		if err != nil {
			t.Fatalf("what is written is not read: %v", err)
		}
		m.Write(&twice)
		if !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Errorf("written once:\n%s\nand twice:\n%s", once.Bytes(), twice.Bytes())
		}
	})
}
