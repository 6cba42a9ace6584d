package install

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGroupMemory(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"memory.max":                     "max\n",
		"a/memory.max":                   "1000000\n",
		"a/b/memory.max":                 "5000000\n",
		"memory/memory.limit_in_bytes":   "9223372036854771712\n",
		"memory/d/memory.limit_in_bytes": "300\n",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for membership, want := range map[string]uint64{
		"0::/\n":              0,
		"0::/a/b\n":           1000000, // of the group above
		"0::/../../a\n":       1000000,
		"4:memory:/d\n":       300,
		"4:memory:/\n":        0,
		"3:cpu,cpuacct:/a\nx": 0,
	} {
		if got := groupMemory(root, membership); got != want {
			t.Errorf("%q: %d, want %d", membership, got, want)
		}
	}
	if l := readLimits(); l.files == 0 || l.pss != nil {
		t.Errorf("this process's limits are %+v", l)
	}
}
