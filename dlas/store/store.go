// Package store keeps records of measurements as JSON lines, appended and never changed.
//
// Each line is {"key":…, "sum":…, "record":…}: the key that the caller looks a record up by and the SHA-256 of the
// record's bytes. A line that is torn, too long or does not match its sum is skipped, so a crash, a full disk or a
// second process in the middle of a line costs that line and no other. Several processes may append at once.
package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// maxLine bounds one record: far above the largest (50,000 predictions), far below memory.
const maxLine = 64 << 20

// Store is a file of records. Its methods may be called from many goroutines.
type Store struct {
	path string
	mu   sync.Mutex
}

// Entry is one sound line of a store.
type Entry struct {
	Key    string          `json:"key"`
	Sum    string          `json:"sum"`
	Record json.RawMessage `json:"record"`
}

// Open returns the store of a folder; nothing is read or made before it is needed.
func Open(dir string) *Store { return OpenFile(dir, "results.jsonl") }

// OpenFile is Open for records of another kind, in a file of their own.
func OpenFile(dir, name string) *Store { return &Store{path: filepath.Join(dir, name)} }

// Append adds a record. One write call holds the whole line, so that lines of several processes never mix.
func (s *Store) Append(key string, record any) error {
	body, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	line, err := json.Marshal(Entry{Key: key, Sum: sum(body), Record: body})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if len(line) > maxLine {
		return fmt.Errorf("store: a record of %d bytes is over the limit", len(line))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	line = append(line, '\n')
	// The end of a torn line must not swallow this one.
	if torn, err := isTorn(f); err != nil {
		f.Close()
		return fmt.Errorf("store: %w", err)
	} else if torn {
		line = append([]byte{'\n'}, line...)
	}
	_, err = f.Write(line)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

func isTorn(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}

// Each visits the sound entries in the order they were appended, until visit returns false. skipped counts the lines
// that are not sound. A store without a file has no entries.
func (s *Store) Each(visit func(Entry) bool) (skipped int, err error) {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	return Read(f, visit)
}

// Read is Each over lines from anywhere.
func Read(r io.Reader, visit func(Entry) bool) (skipped int, err error) {
	b := bufio.NewReaderSize(r, 1<<16)
	for {
		line, tooLong, err := readLine(b)
		if len(line) > 0 || tooLong {
			var e Entry
			if tooLong || json.Unmarshal(line, &e) != nil || sum(e.Record) != e.Sum {
				skipped++
			} else if !visit(e) {
				return skipped, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return skipped, nil
		}
		if err != nil {
			return skipped, fmt.Errorf("store: %w", err)
		}
	}
}

// readLine reads to the next newline and drops what is over the limit.
func readLine(b *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := b.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			tooLong, line = true, nil
		}
		if !tooLong {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if n := len(line); n > 0 && line[n-1] == '\n' {
				line = line[:n-1]
			}
			return line, tooLong, err
		}
	}
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
