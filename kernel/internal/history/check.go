package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// State is what is in a history's file.
type State struct {
	Cells   int         // cells that can be read
	Damaged int         // lines that cannot, which the kernel passes over
	Mode    os.FileMode // permissions of the file
}

// Check reads a history without changing it. A file that is not there is an fs.ErrNotExist; one that cannot be appended
// to is an error too.
func Check(path string) (State, error) {
	st, err := os.Stat(path)
	if err != nil {
		return State{}, err
	}
	s := State{Mode: st.Mode().Perm()}
	if !st.Mode().IsRegular() {
		return s, fmt.Errorf("%s is no file", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return s, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(io.LimitReader(f, 2*maxFile), 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			var rec record
			if json.Unmarshal(line, &rec) != nil || rec.Key == "" && rec.Base == 0 {
				s.Damaged++
			} else if rec.Line > 0 {
				s.Cells++
			}
		}
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
	}
}
