package data

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// idxFile is an official IDX file: its name, its extents and the SHA-256 of its content, uncompressed.
type idxFile struct {
	name   string
	dims   []int
	sha256 string
}

func (f idxFile) bytes() int {
	n := 1
	for _, d := range f.dims {
		n *= d
	}
	return 4 + 4*len(f.dims) + n
}

// parse checks that raw is the file and returns its elements.
func (f idxFile) parse(raw []byte) ([]uint8, error) {
	if len(raw) != f.bytes() {
		return nil, fmt.Errorf("%s holds %d bytes uncompressed and should hold %d", f.name, len(raw), f.bytes())
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != f.sha256 {
		return nil, fmt.Errorf("%s is not the official file (its SHA-256 differs)", f.name)
	}
	if raw[0] != 0 || raw[1] != 0 || raw[2] != 8 || int(raw[3]) != len(f.dims) {
		return nil, fmt.Errorf("%s is not an IDX file of bytes", f.name)
	}
	for i, d := range f.dims {
		if got := binary.BigEndian.Uint32(raw[4+4*i:]); got != uint32(d) {
			return nil, fmt.Errorf("%s has extent %d and should have %d", f.name, got, d)
		}
	}
	return raw[4+4*len(f.dims):], nil
}

// gunzip returns what r unpacks to, which may be at most limit bytes.
func gunzip(r io.Reader, limit int) ([]byte, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(limit)
	n, err := io.Copy(&b, io.LimitReader(z, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if n > int64(limit) {
		return nil, fmt.Errorf("unpacks to more than %d bytes", limit)
	}
	return b.Bytes(), nil
}

// readIDX reads dir/name or dir/name.gz; os.ErrNotExist where there is neither.
func readIDX(dir string, f idxFile) ([]uint8, error) {
	file, err := os.Open(filepath.Join(dir, f.name))
	packed := false
	if errors.Is(err, os.ErrNotExist) {
		file, err = os.Open(filepath.Join(dir, f.name+".gz"))
		packed = true
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var raw []byte
	if packed {
		raw, err = gunzip(file, f.bytes())
	} else {
		raw, err = io.ReadAll(io.LimitReader(file, int64(f.bytes())+1))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(file.Name()), err)
	}
	return f.parse(raw)
}
