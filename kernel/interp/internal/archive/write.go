package archive

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"maps"
	"slices"
)

// Package is what a Writer is given of a package.
type Package struct {
	Path       string
	Importable bool              // listed by Packages
	Export     []byte            // type data; nil if none
	Variants   map[string][]byte // type data of the platforms that differ, by "os/arch"
	Imports    []string
	Doc        map[string]string
	Source     map[string][]byte
}

// Write makes an archive of packages of a Go release. The same packages give
// the same bytes in whatever order they come.
func Write(goVersion string, pkgs []Package) ([]byte, error) {
	pkgs = slices.Clone(pkgs)
	slices.SortFunc(pkgs, func(a, b Package) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	w := writer{index: []byte(magic)}
	w.string(goVersion)
	w.int(len(pkgs))
	for _, p := range pkgs {
		w.string(p.Path)
		var flags byte
		if p.Importable {
			flags |= flagImportable
		}
		w.index = append(w.index, flags)
		n := len(p.Variants)
		for _, has := range []bool{p.Export != nil, len(p.Imports) > 0, len(p.Doc) > 0, len(p.Source) > 0} {
			if has {
				n++
			}
		}
		w.int(n)
		if p.Export != nil {
			w.part(kindExport, "", p.Export)
		}
		for _, platform := range slices.Sorted(maps.Keys(p.Variants)) {
			w.part(kindExport, platform, p.Variants[platform])
		}
		if len(p.Imports) > 0 {
			var list []byte
			for _, s := range slices.Sorted(slices.Values(p.Imports)) {
				list = appendString(list, s)
			}
			w.part(kindImports, "", list)
		}
		if len(p.Doc) > 0 {
			var list []byte
			for _, name := range slices.Sorted(maps.Keys(p.Doc)) {
				list = appendString(appendString(list, name), p.Doc[name])
			}
			w.part(kindDoc, "", list)
		}
		if len(p.Source) > 0 {
			var list []byte
			for _, name := range slices.Sorted(maps.Keys(p.Source)) {
				list = appendString(appendString(list, name), string(p.Source[name]))
			}
			w.part(kindSource, "", list)
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	return append(w.index, w.body.Bytes()...), nil
}

type writer struct {
	index []byte
	body  bytes.Buffer
	err   error
}

func (w *writer) int(n int)       { w.index = binary.AppendUvarint(w.index, uint64(n)) }
func (w *writer) string(s string) { w.index = appendString(w.index, s) }

func (w *writer) part(k kind, platform string, data []byte) {
	off := w.body.Len()
	z, err := flate.NewWriter(&w.body, flate.BestCompression)
	if err == nil {
		_, err = z.Write(data)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil && w.err == nil {
		w.err = err
	}
	w.index = append(w.index, byte(k))
	w.string(platform)
	w.int(off)
	w.int(w.body.Len() - off)
	w.int(len(data))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
