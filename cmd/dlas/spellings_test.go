package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// TestSpellingsOfEveryChoice: over every layer and every choice there is, the flag of the layer and --spec give the hash
// of the Spec, and --go prints the same program for both. The magics, cells and Go forms have the like in package cells.
func TestSpellingsOfEveryChoice(t *testing.T) {
	examples := map[ir.Layer][]string{
		ir.Data:      {"fashion-mnist(n=1000, batch=8, split=val)", "random(2x3x32x32)"},
		ir.Compress:  {"prune(0, .5, .8, .9)", "prune(0.9, scope=layer)", "prune(.5) prune(.9)", "blocks(.8, 16x1|32x1) fp16", "punch(.5, 8x4) palette(4, 8)", "pattern(.6, .7) bf16", "lowrank(.9)", "blocks(.8, 4x1, scope=layer)", "palette(5)"},
		ir.Primitive: {"direct dense|direct csr", "(direct|gemm) (dense|csr)", "gemm csr"},
		ir.Hardware:  {"cpu(isa=go, threads=1|2)", "cpu(threads=1)"},
	}
	// build is what `dlas run` makes of its arguments, and what it prints for --go.
	build := func(args ...string) (hash, program string) {
		t.Helper()
		var out bytes.Buffer
		c := &call{command: &command{name: "run"}, args: args, stdout: &out, stderr: &out}
		f := c.flags()
		stack := f.stack()
		if _, err := f.parse(0, 0); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		st, err := stack.build()
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		if err := printGo(c, st); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return st.Spec().Hash(), out.String()
	}
	seen := map[string]bool{}
	for _, l := range ir.Layers() {
		choices := examples[l]
		for _, o := range dlas.Options(l) {
			choices = append(choices, o.Name)
		}
		for _, choice := range choices {
			want := dlas.Spec{}.With(l, choice)
			if _, err := want.Canonical(); err != nil {
				continue // prune and random want arguments: above
			}
			seen[want.Hash()] = true
			raw, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "spec.json")
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			byFlag, program := build("--"+string(l), choice)
			byFile, same := build("--spec", file)
			if byFlag != want.Hash() || byFile != want.Hash() || program != same || program != dlas.FromSpec(want).Go(false) {
				t.Errorf("%s %s: hash %s, by the flag %s, by --spec %s;\n%s\n%s", l, choice, want.Hash(), byFlag, byFile, program, same)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d Specs were tried", len(seen))
	}
}
