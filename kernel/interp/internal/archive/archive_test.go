package archive_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/interp/internal/archive"
)

func sample(t testing.TB) string {
	t.Helper()
	data, err := archive.Write("go1.99", []archive.Package{
		{
			Path: "os", Importable: true, Export: []byte("linux os"),
			Variants: map[string][]byte{"darwin/arm64": []byte("darwin os")},
			Imports:  []string{"time", "io/fs"},
			Doc:      map[string]string{"": "Package os.", "File.Close": "Close closes."},
		},
		{Path: "internal/poll", Export: []byte("poll")},
		{
			Path: "maps", Importable: true, Export: []byte(strings.Repeat("maps ", 1000)),
			Source: map[string][]byte{"a.go": []byte("package maps\n"), "b.go": nil},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRoundTrip(t *testing.T) {
	data := sample(t)
	a, err := archive.OpenFor(data, "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	if got := a.GoVersion(); got != "go1.99" {
		t.Errorf("GoVersion %q", got)
	}
	if got, want := a.Packages(), []string{"maps", "os"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Packages %q, want %q", got, want)
	}
	for path, want := range map[string]string{"os": "linux os", "internal/poll": "poll", "maps": strings.Repeat("maps ", 1000)} {
		if got, ok := a.Export(path); !ok || string(got) != want {
			t.Errorf("Export(%q) = %q, %v", path, got, ok)
		}
	}
	if _, ok := a.Export("net"); ok {
		t.Error("Export of a package that is not there")
	}
	if got, want := a.Imports("os"), []string{"io/fs", "time"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Imports %q, want %q", got, want)
	}
	if got, want := a.Doc("os"), map[string]string{"": "Package os.", "File.Close": "Close closes."}; !reflect.DeepEqual(got, want) {
		t.Errorf("Doc %q", got)
	}
	if a.Doc("maps") != nil || a.Source("os") != nil || a.HasSource("os") || !a.HasSource("maps") {
		t.Error("a part that was not written is there, or one that was is not")
	}
	if got := a.Source("maps"); len(got) != 2 || string(got["a.go"]) != "package maps\n" || len(got["b.go"]) != 0 {
		t.Errorf("Source %q", got)
	}

	mac, err := archive.OpenFor(data, "darwin", "arm64")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := mac.Export("os"); string(got) != "darwin os" {
		t.Errorf("Export(os) on darwin/arm64 = %q", got)
	}
	if got, _ := mac.Export("internal/poll"); string(got) != "poll" {
		t.Errorf("Export(internal/poll) on darwin/arm64 = %q", got)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	p := []archive.Package{{Path: "a", Export: []byte("1")}, {Path: "b", Export: []byte("2")}}
	x, err1 := archive.Write("v", p)
	y, err2 := archive.Write("v", []archive.Package{p[1], p[0]})
	if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
		t.Fatalf("%q, %q: %v, %v", x, y, err1, err2)
	}
}

// TestDamage cuts the archive at every byte and changes bytes at random: each
// must be refused by Open or Check, or read as something without a panic.
func TestDamage(t *testing.T) {
	data := sample(t)
	use := func(s string) error {
		a, err := archive.OpenFor(s, "linux", "amd64")
		if err != nil {
			return err
		}
		for _, p := range append(a.Packages(), "os", "maps", "internal/poll") {
			a.Export(p)
			a.Doc(p)
			a.Source(p)
			a.Imports(p)
		}
		return a.Check()
	}
	if err := use(data); err != nil {
		t.Fatal(err)
	}
	for n := range len(data) {
		if use(data[:n]) == nil {
			t.Fatalf("cut to %d of %d bytes it was accepted", n, len(data))
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		b := []byte(data)
		for range 1 + rng.IntN(3) {
			b[rng.IntN(len(b))] = byte(rng.Uint32())
		}
		_ = use(string(b))
	}
}

// TestLargeClaims checks that sizes are compared with the data before memory is
// taken for them.
func TestLargeClaims(t *testing.T) {
	const magic = "godlas packages 1\n"
	varint := func(n uint32) string {
		var b []byte
		for ; n >= 0x80; n >>= 7 {
			b = append(b, byte(n)|0x80)
		}
		return string(append(b, byte(n)))
	}
	one := magic + "\x01v\x01" + "\x01p\x01\x01"
	for name, data := range map[string]string{
		"packages":  magic + "\x01v" + varint(1<<30) + "\x01p\x01\x00",
		"parts":     magic + "\x01v\x01" + "\x01p\x01" + varint(1<<30),
		"offset":    one + "e\x00" + varint(1<<30) + "\x01\x01" + "x",
		"size":      one + "e\x00" + "\x00" + varint(1<<30) + "\x01" + "x",
		"inflated":  one + "e\x00" + "\x00\x01" + varint(1<<30) + "x",
		"overflow":  one + "e\x00" + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + "\x01\x01" + "x",
		"long path": magic + "\x01v\x01" + varint(1<<30) + "p",
	} {
		if _, err := archive.OpenFor(data, "linux", "amd64"); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// Allowed by the bound, impossible by its data: found before allocating.
	a, err := archive.OpenFor(one+"e\x00\x00\x01"+varint(15<<20)+"x", "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1, func() { a.Export("p") }); n > 100 {
		t.Errorf("%v allocations", n)
	}
	if _, ok := a.Export("p"); ok {
		t.Error("a part of one byte inflated to 15 MiB")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(sample(f)))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := archive.OpenFor(string(b), "linux", "amd64")
		if err != nil {
			return
		}
		for _, p := range a.Packages() {
			a.Export(p)
			a.Doc(p)
			a.Source(p)
			a.Imports(p)
		}
	})
}
