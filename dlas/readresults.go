package dlas

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/store"
)

// maxResultLine bounds one line of results.
const maxResultLine = 64 << 20

// ReadResults reads results as JSON lines: what `run --json` and `sweep --json` print, or lines of a store. The error
// names the first line that is neither.
func ReadResults(r io.Reader) (Results, error) {
	var out Results
	b := bufio.NewReaderSize(r, 1<<16)
	for number := 1; ; number++ {
		line, err := boundedLine(b)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, &ir.Error{What: fmt.Sprintf("line %d of the results", number), Err: err}
		}
		if len(bytes.TrimSpace(line)) > 0 {
			res, fault := readResult(line)
			if fault != nil {
				return nil, &ir.Error{What: fmt.Sprintf("line %d of the results is no result", number), Err: fault}
			}
			out = append(out, res)
		}
		if err != nil {
			return out, nil
		}
	}
}

func boundedLine(b *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := b.ReadSlice('\n')
		if len(line)+len(part) > maxResultLine {
			return nil, fmt.Errorf("is longer than %d MiB", maxResultLine>>20)
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func readResult(line []byte) (*Result, error) {
	var entry store.Entry
	if err := json.Unmarshal(line, &entry); err != nil {
		return nil, jsonFault(err)
	}
	if entry.Record != nil {
		line = entry.Record
	}
	r, err := decodeRecord(line)
	if err != nil {
		return nil, jsonFault(err)
	}
	if r.SpecHash == "" {
		return nil, errors.New("it has no spec_hash")
	}
	if entry.Record == nil {
		r.Stored, r.Unpaired = false, false
	}
	return r, nil
}

// Filter keeps the results that hold a text in their name, Spec or hash; all for an empty one.
func (rs Results) Filter(text string) Results {
	return slices.DeleteFunc(slices.Clone(rs), func(r *Result) bool {
		for _, l := range ir.Layers() {
			if strings.Contains(r.Spec.Layer(l), text) {
				return false
			}
		}
		return !strings.Contains(r.Name, text) && !strings.HasPrefix(r.SpecHash, text)
	})
}
