// Package archive is the store of what the interpreter knows of compiled
// packages besides their code: type data, documentation and generic sources.
//
// An archive is one string, embedded in the binary. It begins with an index;
// each part of each package is compressed by itself after it, so that opening
// an archive decodes nothing but the index, and a look-up inflates one part.
//
//	magic, then uvarint-prefixed Go version
//	uvarint number of packages, and for each, sorted by path:
//	    path, flags, uvarint number of parts, and for each:
//	        kind, platform, uvarint offset, compressed size, inflated size
//	the compressed parts, one after the other, to the end
//
// A string is its uvarint length and its bytes. Offsets count from the end of
// the index.
//
// # Type data
//
// Type data is written by gcexportdata.Write (the indexed form, without
// positions) and read by gcexportdata.Read. It is self-contained: what it needs
// of other packages is inside, and reading it declares these objects in
// incomplete packages that a later read of those packages completes.
//
// A few packages differ between platforms in what a cell can see (the values of
// os.O_CREATE, runtime.GOOS). These have a variant a platform, and Open picks
// the running one's. The others are described as they are on linux/amd64; what
// they mention of packages that differ is too, unless those were read before.
//
// # Sources
//
// Generic functions have no compiled form, so for the packages that consist of
// them, or that matter and contain some, the source is here too, without its
// comments: cmp, errors, iter, maps, math/rand/v2, slices, sync, sync/atomic and
// unique. Only the bodies of generic functions and methods are to be interpreted;
// everything else is in the symbol table, and may have no body here. What in
// these bodies relies on the run time (the coroutines of iter.Pull, the hash
// table of unique.Make, the global generator of rand.N) is replaced by plain Go
// that does the same.
//
// Objects have one identity only if a package is always read one way. So before
// reading type data that mentions a package whose source is preferred, check the
// source of that package first: Imports tells which packages type data mentions.
package archive

import (
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
)

const magic = "godlas packages 1\n"

// kind tells the parts of a package apart.
type kind byte

const (
	kindExport  kind = 'e'
	kindDoc     kind = 'd'
	kindSource  kind = 's'
	kindImports kind = 'i'
)

const flagImportable = 1

// maxPart bounds what one part may inflate to, and so what a damaged index can
// make a look-up allocate. The largest part of the standard library is 200 kB.
const maxPart = 16 << 20

// part is where a compressed part lies and how large it becomes.
type part struct {
	kind     kind
	platform string
	off      int
	size     int
	raw      int
}

type pkg struct {
	importable bool
	parts      []part
}

// Archive is an opened archive. It is safe for use from many goroutines.
type Archive struct {
	goVersion string
	platform  string
	body      string
	pkgs      map[string]pkg
	public    []string
}

// Open reads the index of an archive for the running platform. The error tells
// that data is not an archive or is cut short; a part damaged inside is found
// by Check, and reads as absent.
func Open(data string) (*Archive, error) {
	return OpenFor(data, runtime.GOOS, runtime.GOARCH)
}

// OpenFor is Open for another platform.
func OpenFor(data, goos, goarch string) (*Archive, error) {
	if !strings.HasPrefix(data, magic) {
		return nil, errors.New("archive: this is not a package archive")
	}
	r := reader{rest: data[len(magic):]}
	a := &Archive{platform: goos + "/" + goarch}
	a.goVersion = r.string()
	n := r.count(3)
	a.pkgs = make(map[string]pkg, n)
	prev := ""
	for range n {
		path := r.string()
		flags := r.byte()
		parts := make([]part, r.count(5))
		for i := range parts {
			parts[i] = part{kind: kind(r.byte()), platform: r.string(), off: r.int(), size: r.int(), raw: r.int()}
		}
		if r.bad {
			break
		}
		if path == "" || path <= prev {
			return nil, fmt.Errorf("archive: package %q is out of order", path)
		}
		prev = path
		a.pkgs[path] = pkg{importable: flags&flagImportable != 0, parts: parts}
		if flags&flagImportable != 0 {
			a.public = append(a.public, path)
		}
	}
	if r.bad {
		return nil, errors.New("archive: the index is cut short")
	}
	a.body = r.rest
	for path, p := range a.pkgs {
		for _, e := range p.parts {
			if e.off > len(a.body) || e.size > len(a.body)-e.off {
				return nil, fmt.Errorf("archive: a part of %s lies beyond the end", path)
			}
			if e.raw > maxPart {
				return nil, fmt.Errorf("archive: a part of %s claims %d bytes, more than the %d that are allowed", path, e.raw, maxPart)
			}
		}
	}
	return a, nil
}

// GoVersion names the Go release whose packages these are, such as "go1.26.8".
func (a *Archive) GoVersion() string { return a.goVersion }

// Packages lists the import paths that a cell may import, sorted. The archive
// also holds type data of packages that these depend on.
func (a *Archive) Packages() []string { return a.public }

// Export returns the type data of a package for gcexportdata.Read.
func (a *Archive) Export(path string) ([]byte, bool) {
	b, err := a.read(path, kindExport)
	return b, err == nil && b != nil
}

// Doc returns the documentation of a package by name: "Name", "Type.Method",
// "Type.Field", and "" for the package itself. It is nil where there is none.
func (a *Archive) Doc(path string) map[string]string {
	pairs, err := a.pairs(path, kindDoc)
	if err != nil || pairs == nil {
		return nil
	}
	m := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// Source returns the Go files of a package by file name, or nil if the archive
// has no source of it.
func (a *Archive) Source(path string) map[string][]byte {
	pairs, err := a.pairs(path, kindSource)
	if err != nil || pairs == nil {
		return nil
	}
	m := make(map[string][]byte, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = []byte(pairs[i+1])
	}
	return m
}

// Importable reports whether a cell can import the package.
func (a *Archive) Importable(path string) bool { return a.pkgs[path].importable }

// HasSource tells whether Source would return files, without inflating them.
func (a *Archive) HasSource(path string) bool {
	_, ok := a.find(path, kindSource)
	return ok
}

// Imports lists the packages that the type data of a package mentions, sorted.
func (a *Archive) Imports(path string) []string {
	list, err := a.strings(path, kindImports)
	if err != nil {
		return nil
	}
	return list
}

// Check inflates every part and returns the first damage it finds.
func (a *Archive) Check() error {
	for path, p := range a.pkgs {
		for _, e := range p.parts {
			b, err := a.inflate(e)
			if err != nil {
				return fmt.Errorf("archive: %s: %w", path, err)
			}
			if e.kind == kindExport {
				continue
			}
			list, err := splitStrings(string(b))
			if err != nil {
				return fmt.Errorf("archive: %s: %w", path, err)
			}
			if e.kind != kindImports && len(list)%2 != 0 {
				return fmt.Errorf("archive: %s: a name without its text", path)
			}
		}
	}
	return nil
}

// find returns the part of a kind for the platform, else the one for all.
func (a *Archive) find(path string, k kind) (part, bool) {
	var all part
	found := false
	for _, e := range a.pkgs[path].parts {
		if e.kind != k {
			continue
		}
		if e.platform == a.platform {
			return e, true
		}
		if e.platform == "" {
			all, found = e, true
		}
	}
	return all, found
}

func (a *Archive) read(path string, k kind) ([]byte, error) {
	e, ok := a.find(path, k)
	if !ok {
		return nil, nil
	}
	return a.inflate(e)
}

func (a *Archive) inflate(e part) ([]byte, error) {
	z := flate.NewReader(strings.NewReader(a.body[e.off : e.off+e.size]))
	// A deflated byte stands for 1032 at the most, so a lie about the inflated
	// size is seen before memory is taken for it.
	if e.raw/1032 > e.size {
		return nil, errors.New("a part is larger than its data can be")
	}
	b := make([]byte, e.raw)
	if _, err := io.ReadFull(z, b); err != nil {
		return nil, fmt.Errorf("a part does not inflate: %w", err)
	}
	if n, err := z.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return nil, errors.New("a part is longer than the index says")
	}
	return b, nil
}

func (a *Archive) strings(path string, k kind) ([]string, error) {
	b, err := a.read(path, k)
	if err != nil || b == nil {
		return nil, err
	}
	return splitStrings(string(b))
}

func (a *Archive) pairs(path string, k kind) ([]string, error) {
	list, err := a.strings(path, k)
	if err == nil && len(list)%2 != 0 {
		err = errors.New("a name without its text")
	}
	return list, err
}

// splitStrings reads a part that is a list of strings.
func splitStrings(s string) ([]string, error) {
	r := reader{rest: s}
	list := make([]string, 0, 16)
	for r.rest != "" && !r.bad {
		list = append(list, r.string())
	}
	if r.bad {
		return nil, errors.New("a list of strings is cut short")
	}
	return list, nil
}

// reader takes values off the front of a string. After the first value that is
// not there it is bad and returns zeros.
type reader struct {
	rest string
	bad  bool
}

func (r *reader) int() int {
	var x uint64
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen64; i++ {
		b := r.rest[i]
		x |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			if x > 1<<31-1 {
				break
			}
			return int(x)
		}
	}
	r.fail()
	return 0
}

// count reads a number of things that take at least size bytes each.
func (r *reader) count(size int) int {
	n := r.int()
	if n > len(r.rest)/size {
		r.fail()
		return 0
	}
	return n
}

func (r *reader) byte() byte {
	if r.rest == "" {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) string() string {
	n := r.int()
	if n > len(r.rest) {
		r.fail()
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) fail() { r.rest, r.bad = "", true }
