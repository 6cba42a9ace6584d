package install

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// laidOut names the file in a notebook folder that remembers, by hash, what was written there, so that a file which
// its reader has changed can be told from one of an older godlas.
const laidOut = ".godlas.json"

// layOut copies the notebooks of from into dir, which it creates. A file that the reader has changed is never
// written to: kept names those. One that godlas wrote and nobody changed is brought up to date.
func layOut(from fs.FS, dir string) (kept []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	wrote := map[string]string{}
	if b, err := os.ReadFile(filepath.Join(dir, laidOut)); err == nil {
		if err := json.Unmarshal(b, &wrote); err != nil {
			wrote = map[string]string{} // then every file counts as the reader's
		}
	}
	entries, err := fs.ReadDir(from, ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, name)
		old, err := os.ReadFile(path)
		switch {
		case err == nil && bytes.Equal(old, data):
		case err == nil && hash(old) != wrote[name]:
			kept = append(kept, name)
			continue
		case err != nil && exists(path):
			return nil, fmt.Errorf("cannot read %s: %w", path, err)
		default:
			if err := writeFile(path, data, 0o644); err != nil {
				return nil, err
			}
		}
		wrote[name] = hash(data)
	}
	b, err := json.MarshalIndent(wrote, "", "  ")
	if err != nil {
		return nil, err
	}
	return kept, writeFile(filepath.Join(dir, laidOut), append(b, '\n'), 0o644)
}

// hash is the content's name.
func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
