package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestHistoryFile: one folder holds all that the program keeps, so that removing it undoes everything.
func TestHistoryFile(t *testing.T) {
	if got, want := historyFile(), filepath.Join(os.Getenv("DLAS_CACHE"), "history.jsonl"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
