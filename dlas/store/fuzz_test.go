package store

import (
	"bytes"
	"testing"
)

// FuzzRead holds that a record is read only where its sum is right, and that no line is lost without being counted.
func FuzzRead(f *testing.F) {
	line := `{"key":"k","sum":"` + sum([]byte(`{"a":1}`)) + `","record":{"a":1}}` + "\n"
	f.Add([]byte(line + line))
	f.Add([]byte(line[:20] + "\n" + line))
	f.Fuzz(func(t *testing.T, file []byte) {
		read := 0
		skipped, err := Read(bytes.NewReader(file), func(e Entry) bool {
			if read++; sum(e.Record) != e.Sum {
				t.Errorf("%s has the sum %s", e.Record, e.Sum)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for l := range bytes.SplitSeq(file, []byte("\n")) {
			if len(l) > 0 {
				lines++
			}
		}
		if read+skipped != lines {
			t.Errorf("%d lines: %d read, %d skipped", lines, read, skipped)
		}
	})
}
