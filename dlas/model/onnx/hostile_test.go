package onnx

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// most is what reading may take above the size of the file.
const most = 64 << 20

// read reads a file as hostile ones are: in time and memory that the file's size bounds, whatever becomes of it.
func read(t testing.TB, raw []byte) (*Model, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	m, err := Read(raw, Options{})
	if err == nil {
		_, err = op.Infer(m.Graph, 1)
	}
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	// All that was allocated counts, not only what was held at once.
	if took > time.Second || after.TotalAlloc-before.TotalAlloc > most {
		t.Errorf("%d bytes took %v and %d bytes of memory (%v)", len(raw), took, after.TotalAlloc-before.TotalAlloc, err)
	}
	if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("the error is not one line: %q", err)
	}
	return m, err
}

// file wraps the fields of a graph.
func file(opset int64, graph func(*encoder)) []byte {
	var e encoder
	e.int(1, 8)
	e.message(8, func(e *encoder) { e.int(2, opset) })
	e.message(7, graph)
	return e.b
}

func input(e *encoder, name string, dims ...int64) {
	e.message(11, func(e *encoder) {
		e.string(1, name)
		e.message(2, func(e *encoder) {
			e.message(1, func(e *encoder) {
				e.int(1, 1)
				e.message(2, func(e *encoder) {
					for _, d := range dims {
						e.message(1, func(e *encoder) { e.int(1, d) })
					}
				})
			})
		})
	})
}

func node(e *encoder, op string, in, out string, more ...func(*encoder)) {
	e.message(1, func(e *encoder) {
		for _, name := range strings.Fields(in) {
			e.string(1, name)
		}
		for _, name := range strings.Fields(out) {
			e.string(2, name)
		}
		e.string(3, "node-"+out)
		e.string(4, op)
		for _, f := range more {
			f(e)
		}
	})
}

func output(e *encoder, name string) { e.message(12, func(e *encoder) { e.string(1, name) }) }

func TestHostile(t *testing.T) {
	repeat := func(field int, n int) func(*encoder) {
		return func(e *encoder) {
			for range n {
				e.bytes(field, nil)
			}
		}
	}
	nested := func(e *encoder) {} // graphs inside attributes of nodes, a hundred deep
	for range 100 {
		inner := nested
		nested = func(e *encoder) {
			node(e, "If", "", "y", func(e *encoder) {
				e.message(5, func(e *encoder) { e.string(1, "then_branch"); e.message(6, inner); e.int(20, attrGraph) })
			})
		}
	}
	weight := func(dataType int64, dims []int64, fill func(*encoder)) func(*encoder) {
		return func(e *encoder) {
			e.bytes(5, tensorBytes(dataType, dims, fill))
			input(e, "x", 1, 1)
			node(e, "Add", "x t", "y")
			output(e, "y")
		}
	}
	for _, c := range []struct {
		name, want string
		raw        []byte
	}{
		{"nothing", "no graph", nil},
		{"text", "", []byte("PK\x03\x04 this is a zip, or anything")},
		{"zeros", "", make([]byte, 1<<20)},
		{"an endless varint", "truncated", []byte(strings.Repeat("\xff", 64))},
		{"a length of 2^63", "truncated", binary.AppendUvarint([]byte{7<<3 | 2}, 1<<63)},
		{"a million nodes", "more than", file(17, repeat(1, 1<<20))},
		{"a million weights", "", file(17, repeat(5, 1<<20))},
		{"a million inputs", "more", file(17, repeat(11, 1<<20))},
		{"a million properties", "more than", func() []byte {
			e := encoder{file(17, func(e *encoder) { output(e, "y") })}
			repeat(14, 1<<20)(&e)
			return e.b
		}()},
		{"a million inputs of a node", "", file(17, func(e *encoder) { e.message(1, repeat(1, 1<<20)) })},
		{"a million attributes", "", file(17, func(e *encoder) { e.message(1, repeat(5, 1<<20)) })},
		{"a million strings", "", file(17, func(e *encoder) {
			node(e, "Add", "", "y", func(e *encoder) {
				e.message(5, func(e *encoder) { e.string(1, "a"); e.int(20, attrStrings); repeat(9, 1<<20)(e) })
			})
		})},
		{"graphs in graphs", "graph of its own", file(17, nested)},
		{"a circle", "circle", file(17, func(e *encoder) {
			input(e, "x", 1, 1)
			node(e, "Add", "x b", "a")
			node(e, "Relu", "a", "b")
			output(e, "b")
		})},
		{"a value made twice", "both make", file(17, func(e *encoder) {
			input(e, "x", 1, 1)
			node(e, "Relu", "x", "a")
			node(e, "Relu", "x", "a")
			output(e, "a")
		})},
		{"a value that nothing makes", "not made", file(17, func(e *encoder) {
			input(e, "x", 1, 1)
			node(e, "Relu", "z", "a")
			output(e, "a")
		})},
		{"huge weight", "elements", file(17, weight(1, []int64{1 << 40}, nil))},
		{"overflowing weight", "elements", file(17, weight(1, []int64{1 << 31, 1 << 31, 4}, nil))},
		{"huge input", "axis of", file(17, func(e *encoder) {
			input(e, "x", 1<<30, 1<<30, 1<<30)
			node(e, "Relu", "x", "y")
			output(e, "y")
		})},
		{"negative axis", "", file(17, func(e *encoder) {
			input(e, "x", 1, 3, -5, 1)
			node(e, "Relu", "x", "y")
			output(e, "y")
		})},
		{"list of a million bytes for 8 MB", "", file(17, weight(7, []int64{1 << 24}, func(e *encoder) { e.bytes(7, make([]byte, 1<<24)) }))},
		{"sparse weights of nothing", "without a name", file(17, func(e *encoder) { e.bytes(15, nil) })},
		{"sparse weights of 2^28 elements", "far more memory", sparseFile([]int64{1 << 14, 1 << 14}, []int64{1}, 0)},
		{"sparse weights outside", "has the index 6", sparseFile([]int64{2, 3}, []int64{2}, 0, 6)},
		{"sparse weights outside of an axis", "has the index 3", sparseFile([]int64{2, 3}, []int64{1, 2}, 0, 3)},
		{"sparse weights twice in a place", "do not rise", sparseFile([]int64{2, 3}, []int64{2}, 4, 4)},
		{"sparse weights without places", "indices of shape", sparseFile([]int64{2, 3}, []int64{0})},
		{"a newer opset", "opset 99", file(99, func(e *encoder) { output(e, "y") })},
		{"opset 0", "opset 0", file(0, func(e *encoder) { output(e, "y") })},
		{"an unknown operator", `node "node-y": `, file(17, func(e *encoder) {
			input(e, "x", 1, 1)
			node(e, "Nonsense", "x", "y")
			output(e, "y")
		})},
		{"an operator of another domain", "org.example.Relu", file(17, func(e *encoder) {
			input(e, "x", 1, 1)
			node(e, "Relu", "x", "y", func(e *encoder) { e.string(7, "org.example") })
			output(e, "y")
		})},
		{"a function", "function", func() []byte {
			e := encoder{file(17, func(e *encoder) { node(e, "F", "", "y", func(e *encoder) { e.string(7, "own") }) })}
			e.message(25, func(e *encoder) { e.string(1, "F"); e.string(10, "own") })
			return e.b
		}()},
		{"a sequence as input", "a sequence", file(17, func(e *encoder) {
			e.message(11, func(e *encoder) { e.string(1, "x"); e.message(2, func(e *encoder) { e.bytes(4, nil) }) })
		})},
		{"an open axis", "random(1x3x224x224)", file(17, func(e *encoder) {
			e.message(11, func(e *encoder) {
				e.string(1, "x")
				e.message(2, func(e *encoder) {
					e.message(1, func(e *encoder) {
						e.int(1, 1)
						e.message(2, func(e *encoder) {
							for _, n := range []string{"batch", "channels", "h", "w"} {
								e.message(1, func(e *encoder) { e.string(2, n) })
							}
						})
					})
				})
			})
		})},
		{"two graphs", "two graphs", append(file(17, func(e *encoder) {}), file(17, func(e *encoder) {})...)},
		{"control characters", "", file(17, func(e *encoder) {
			input(e, "x", 1, 1)
			node(e, "No\x1b[31m\nsense", "x", "y")
			output(e, "y")
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(t, c.raw)
			if err == nil {
				t.Fatal("read without an error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not tell of %q", err, c.want)
			}
		})
	}
}

// TestTruncated cuts a good file at every byte, and TestMutated changes bytes of it: neither may panic, nor take time or
// memory.
func TestTruncated(t *testing.T) {
	raw := encoded(t, small(), nil)
	for n := range raw {
		if _, err := Read(raw[:n], Options{}); err == nil {
			t.Errorf("the first %d of %d bytes are read as a network", n, len(raw))
		}
	}
}

func TestMutated(t *testing.T) {
	good := encoded(t, small(), map[string]string{"k": "v"})
	rng := rand.New(rand.NewPCG(1, 2))
	begin := time.Now()
	for range 20_000 {
		raw := append([]byte(nil), good...)
		for range 1 + rng.IntN(4) {
			raw[rng.IntN(len(raw))] = byte(rng.Uint32())
		}
		if m, err := Read(raw, Options{}); err == nil {
			op.Infer(m.Graph, 1)
		}
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("20,000 files took %v", took)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(encoded(f, small(), map[string]string{"k": "v"}))
	f.Add(file(17, func(e *encoder) {
		input(e, "x", 1, 3, 8, 8)
		node(e, "Relu", "x", "y")
		output(e, "y")
	}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<16 {
			return
		}
		m, err := read(t, raw)
		if err != nil {
			return
		}
		for name, w := range m.Graph.Weights {
			if rawOf(t, w); w.Shape.Elems() != lenOf(w) {
				t.Errorf("weight %q of %v has %d elements", name, w.Shape, lenOf(w))
			}
		}
	})
}

func lenOf(t *ir.Tensor) int { return len(op.Widen(t).Data) }

// externalFile is a model whose one weight lies elsewhere.
func externalFile(props ...string) []byte {
	return file(17, func(e *encoder) {
		e.bytes(5, tensorBytes(1, []int64{1, 2}, func(e *encoder) {
			e.int(14, 1)
			for i := 0; i < len(props); i += 2 {
				e.message(13, func(e *encoder) { e.string(1, props[i]); e.string(2, props[i+1]) })
			}
		}))
		input(e, "x", 1, 2)
		node(e, "Add", "x t", "y")
		output(e, "y")
	})
}

func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model")
	if err := os.MkdirAll(filepath.Join(model, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	data := []byte{0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64} // 0, 1, 2
	for _, path := range []string{"model/w.bin", "model/sub/w.bin", "secret"} {
		if err := os.WriteFile(filepath.Join(dir, path), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	links := true
	for to, at := range map[string]string{"../secret": "model/out", "w.bin": "model/in", "sub": "model/folder"} {
		if err := os.Symlink(to, filepath.Join(dir, at)); err != nil {
			links = false
		}
	}
	open := func(props ...string) (*Model, error) {
		folder, err := OpenFolder(model)
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		return Read(externalFile(props...), Options{Folder: folder})
	}
	for _, name := range []string{"w.bin", "sub/w.bin"} {
		m, err := open("location", name, "offset", "4", "length", "8")
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Graph.Weights["t"].F32(); got[0] != 1 || got[1] != 2 {
			t.Errorf("%s: %v", name, got)
		}
	}
	bad := [][]string{
		{"location", "../secret"},
		{"location", filepath.Join(dir, "secret")},
		{"location", "sub/../../secret"},
		{"location", ""},
		{},
		{"location", "absent"},
		{"location", "sub"},
		{"location", "."},
		{"location", "/"},
		{"location", "/dev/zero"},
		{"location", "w.bin", "offset", "8"},
		{"location", "w.bin", "offset", "-1"},
		{"location", "w.bin", "offset", "9223372036854775807"},
		{"location", "w.bin", "length", "4"},
		{"location", "w.bin", "length", "x"},
	}
	if links {
		bad = append(bad, []string{"location", "out"}, []string{"location", "in"}, []string{"location", "folder/w.bin"})
	}
	for _, props := range bad {
		if m, err := open(props...); err == nil {
			t.Errorf("%q: read %v", props, m.Graph.Weights["t"])
		}
	}
	if _, err := Read(externalFile("location", "w.bin"), Options{}); err == nil {
		t.Error("external data was read without a folder")
	}
}

// TestExternalDataShared: many tensors of the same bytes take their memory once.
func TestExternalDataShared(t *testing.T) {
	dir := t.TempDir()
	const size = 8 << 20
	if err := os.WriteFile(filepath.Join(dir, "w"), make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	many := func(step int) []byte {
		return file(17, func(e *encoder) {
			for i := range 200 {
				e.bytes(5, func() []byte {
					var e encoder
					e.int(1, size/8)
					e.int(2, 1)
					e.string(8, fmt.Sprint("t", i))
					e.int(14, 1)
					for k, v := range map[string]string{"location": "w", "offset": fmt.Sprint(i * step)} {
						e.message(13, func(e *encoder) { e.string(1, k); e.string(2, v) })
					}
					return e.b
				}())
			}
		})
	}
	for step, ok := range map[int]bool{0: true, 4: false} {
		folder, err := OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = Read(many(step), Options{Folder: folder})
		runtime.ReadMemStats(&after)
		folder.Close()
		if took := after.TotalAlloc - before.TotalAlloc; took > size+most {
			t.Errorf("tensors %d bytes apart take %d bytes of memory", step, took)
		}
		if (err == nil) != ok {
			t.Errorf("tensors %d bytes apart: %v", step, err)
		}
	}
}
