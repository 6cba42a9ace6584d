package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// The part of MATLAB's level 5 MAT-file format (MathWorks: MAT-File Format, 2023) that ImageNet's meta.mat needs: a
// struct array `synsets` whose fields ILSVRC2012_ID and WNID tell which number is which class.

const (
	matInt8       = 1
	matUint8      = 2
	matInt16      = 3
	matUint16     = 4
	matInt32      = 5
	matUint32     = 6
	matDouble     = 9
	matMatrix     = 14
	matCompressed = 15
	matUTF8       = 16

	matStruct = 2 // class of an array
	maxMat    = 64 << 20
)

var errMat = errors.New("is no MAT-file of level 5")

// element splits the next element off b.
func element(b []byte) (kind uint32, data, rest []byte, err error) {
	if len(b) < 8 {
		return 0, nil, nil, errMat
	}
	kind = binary.LittleEndian.Uint32(b)
	if n := kind >> 16; n != 0 { // a small one: size and data share the tag's eight bytes
		if n > 4 {
			return 0, nil, nil, errMat
		}
		return kind & 0xffff, b[4 : 4+n], b[8:], nil
	}
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	end := 8 + n
	if end > uint64(len(b)) {
		return 0, nil, nil, errMat
	}
	next := end
	if kind != matCompressed {
		next = min((end+7)&^7, uint64(len(b)))
	}
	return kind, b[8:end], b[next:], nil
}

// matrix is an array: its class, the number of its elements, and what follows its name.
func matrix(b []byte) (class byte, elems int, rest []byte, err error) {
	_, flags, b, err := element(b)
	if err != nil || len(flags) < 8 {
		return 0, 0, nil, errMat
	}
	_, dims, b, err := element(b)
	if err != nil || len(dims)%4 != 0 {
		return 0, 0, nil, errMat
	}
	elems = 1
	for i := 0; i < len(dims); i += 4 {
		d := int(binary.LittleEndian.Uint32(dims[i:]))
		if d > 1<<20 || elems*d > 1<<24 {
			return 0, 0, nil, errMat
		}
		elems *= d
	}
	_, _, b, err = element(b) // name
	return flags[0], elems, b, err
}

// readMeta returns the class, numbered in the order of WordNet names, by ILSVRC2012_ID. The development kit's file lists
// the 1,000 classes and then those above them in WordNet, which have larger numbers.
func readMeta(file []byte) (map[int]int, error) {
	if len(file) < 128 || string(file[:6]) != "MATLAB" {
		return nil, errMat
	}
	kind, data, _, err := element(file[128:])
	if err != nil {
		return nil, err
	}
	if kind == matCompressed {
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, errMat
		}
		whole, err := io.ReadAll(io.LimitReader(z, maxMat+1))
		if err != nil || len(whole) > maxMat {
			return nil, errMat
		}
		if kind, data, _, err = element(whole); err != nil {
			return nil, err
		}
	}
	if kind != matMatrix {
		return nil, errMat
	}
	class, elems, b, err := matrix(data)
	if err != nil || class != matStruct {
		return nil, errMat
	}
	_, length, b, err := element(b)
	if err != nil || len(length) != 4 {
		return nil, errMat
	}
	width := int(binary.LittleEndian.Uint32(length))
	_, names, b, err := element(b)
	if err != nil || width < 1 || width > 64 || len(names) < width || len(names)%width != 0 {
		return nil, errMat
	}
	fields := len(names) / width
	byID := map[int]string{}
	for range elems {
		id, wnid := 0, ""
		for f := range fields {
			var field []byte
			if kind, field, b, err = element(b); err != nil || kind != matMatrix {
				return nil, errMat
			}
			name, _, _ := bytes.Cut(names[f*width:(f+1)*width], []byte{0})
			switch string(name) {
			case "ILSVRC2012_ID":
				if id, err = matNumber(field); err != nil {
					return nil, err
				}
			case "WNID":
				if wnid, err = matText(field); err != nil {
					return nil, err
				}
			}
		}
		if id >= 1 && id <= imagenetClasses {
			if !isWordNet(wnid) || byID[id] != "" {
				return nil, fmt.Errorf("gives class %d the name %q", id, wnid)
			}
			byID[id] = wnid
		}
	}
	if len(byID) != imagenetClasses {
		return nil, fmt.Errorf("names %d classes and should name 1000", len(byID))
	}
	sorted := make([]string, 0, imagenetClasses)
	for _, w := range byID {
		sorted = append(sorted, w)
	}
	slices.Sort(sorted)
	order := make(map[int]int, imagenetClasses)
	for id, w := range byID {
		order[id], _ = slices.BinarySearch(sorted, w)
	}
	return order, nil
}

func matNumber(b []byte) (int, error) {
	_, _, b, err := matrix(b)
	if err != nil {
		return 0, err
	}
	kind, v, _, err := element(b)
	switch {
	case err != nil:
		return 0, err
	case (kind == matUint8 || kind == matInt8) && len(v) == 1:
		return int(v[0]), nil
	case (kind == matUint16 || kind == matInt16) && len(v) == 2:
		return int(binary.LittleEndian.Uint16(v)), nil
	case (kind == matUint32 || kind == matInt32) && len(v) == 4:
		return int(binary.LittleEndian.Uint32(v)), nil
	case kind == matDouble && len(v) == 8:
		if f := math.Float64frombits(binary.LittleEndian.Uint64(v)); f >= 0 && f < 1e6 {
			return int(f), nil
		}
	}
	return 0, errMat
}

func matText(b []byte) (string, error) {
	_, _, b, err := matrix(b)
	if err != nil {
		return "", err
	}
	kind, v, _, err := element(b)
	switch {
	case err != nil:
		return "", err
	case kind == matUTF8 || kind == matInt8 || kind == matUint8:
		return string(v), nil
	case kind == matUint16:
		var s []byte
		for i := 0; i+1 < len(v); i += 2 {
			s = append(s, v[i])
		}
		return string(s), nil
	}
	return "", errMat
}
