// Package history keeps what was run in a kernel, across its runs, in one file of JSON lines.
//
// Several kernels may append to the file at once: a line is written with one write in append mode, every kernel names
// itself by a random key, and a kernel's number is its place among the keys in the file. A line that cannot be read is
// passed over.
package history

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Limits of the file. A cell longer than maxLine is not kept; a file longer than maxFile loses its older half when a
// kernel starts.
const (
	maxLine = 1 << 20
	maxFile = 32 << 20
)

// Entry is a cell that was run.
type Entry struct {
	Session int // number of the kernel's run, counted from 1
	Line    int // execution count of the cell
	Input   string
	Output  string // text of its result; "" for none
}

// record is a line of the file. Base is in the first line of a shortened file: the runs that were before it.
type record struct {
	Key    string `json:"k,omitempty"`
	Line   int    `json:"n,omitempty"`
	Input  string `json:"in,omitempty"`
	Output string `json:"out,omitempty"`
	Base   int    `json:"base,omitempty"`
}

// Log is an open history.
type Log struct {
	path string // "" keeps the history in memory
	key  string
	mu   sync.Mutex
	mem  []record
}

// Open starts a run of a kernel in the file's history, making the file (0600) and its folder (0700) where absent. An
// empty path keeps the history in memory. When it fails, the Log it returns works, in memory.
func Open(path string) (*Log, error) {
	var b [8]byte
	rand.Read(b[:]) // never fails: it ends the program if the system has no randomness
	l := &Log{path: path, key: hex.EncodeToString(b[:])}
	err := l.start()
	if err != nil {
		l.path = ""
		l.mem = []record{{Key: l.key}}
	}
	return l, err
}

func (l *Log) start() error {
	if l.path != "" {
		if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		st, err := os.Stat(l.path)
		if err == nil && st.Mode()&(os.ModeNamedPipe|os.ModeSocket|os.ModeDir) != 0 { // opening a pipe would wait for a reader
			return fmt.Errorf("history: %s is not a file", l.path)
		}
		if err == nil && st.Size() > maxFile {
			if err := shorten(l.path, maxFile/2); err != nil {
				return fmt.Errorf("history: %w", err)
			}
		}
	}
	return l.write(record{Key: l.key})
}

// Append adds a cell of this run.
func (l *Log) Append(line int, input, output string) error {
	r := record{Key: l.key, Line: line, Input: input, Output: output}
	if len(input)+len(output) > maxLine/2 {
		r.Output = ""
	}
	if len(input) > maxLine/2 {
		return nil
	}
	return l.write(r)
}

func (l *Log) write(r record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path == "" {
		l.mem = append(l.mem, r)
		return nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Close())
}

// all returns the entries of all runs in the order run, and the number of this run.
func (l *Log) all() ([]Entry, int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var es []Entry
	numbers := map[string]int{}
	base := 0
	add := func(r record) {
		if r.Base > 0 && len(numbers) == 0 {
			base = r.Base
		}
		if r.Key == "" {
			return
		}
		n, ok := numbers[r.Key]
		if !ok {
			n = base + len(numbers) + 1
			numbers[r.Key] = n
		}
		if r.Line > 0 {
			es = append(es, Entry{Session: n, Line: r.Line, Input: r.Input, Output: r.Output})
		}
	}
	if l.path == "" {
		for _, r := range l.mem {
			add(r)
		}
		return es, numbers[l.key], nil
	}
	f, err := os.Open(l.path)
	if err != nil {
		return nil, 0, fmt.Errorf("history: %w", err)
	}
	defer f.Close()
	err = lines(f, func(_ []byte, r record) { add(r) })
	if numbers[l.key] == 0 { // the file was removed or shortened by somebody else: this run is the last
		numbers[l.key] = base + len(numbers) + 1
	}
	return es, numbers[l.key], err
}

// lines calls do for every readable line of r.
func lines(r io.Reader, do func(line []byte, rec record)) error {
	br := bufio.NewReaderSize(io.LimitReader(r, 2*maxFile), 64<<10)
	var long []byte
	for {
		part, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) && len(long) < 8*maxLine {
			long = append(long, part...)
			continue
		}
		line := part
		if long != nil {
			line, long = append(long, part...), nil
		}
		var rec record
		if len(bytes.TrimSpace(line)) > 0 && json.Unmarshal(line, &rec) == nil {
			do(line, rec)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("history: %w", err)
		}
	}
}

// shorten keeps about the last keep bytes of the file.
func shorten(path string, keep int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	var at int64
	base := 0
	before, after := map[string]bool{}, map[string]bool{}
	var kept bytes.Buffer
	err = lines(io.LimitReader(f, 2*maxFile), func(line []byte, r record) {
		at += int64(len(line))
		base = max(base, r.Base)
		if r.Key == "" {
			return
		}
		if at <= st.Size()-keep {
			before[r.Key] = true
			return
		}
		after[r.Key] = true
		kept.Write(bytes.TrimRight(line, "\n"))
		kept.WriteByte('\n')
	})
	if err != nil {
		return err
	}
	for k := range before { // a run that is still there keeps its number as the first of those kept
		if !after[k] {
			base++
		}
	}
	t, err := os.CreateTemp(filepath.Dir(path), ".history-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(t.Name())
	_, err = fmt.Fprintf(t, "{\"base\":%d}\n%s", base, kept.Bytes())
	if err := errors.Join(err, t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), path)
}
