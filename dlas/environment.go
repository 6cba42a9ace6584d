package dlas

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
)

// Version is that of this module.
const Version = "0.1.0"

// environment reads what a latency on m depends on.
func environment(m ir.Machine) Environment {
	f := hardware.Fingerprint(m)
	e := Environment{
		CPU: m.CPU, Arch: m.Arch, ISA: m.ISA, ISAs: m.ISAs, Threads: m.Threads, Cores: m.Cores, Logical: m.Logical,
		L1D: m.L1D, L2: m.L2, L3: m.L3, OS: f.OS, Kernel: f.Kernel, Go: f.Go, GOMAXPROCS: f.GOMAXPROCS, Build: Build(),
		Governor: f.Governor, ClockMHz: f.ClockMHz, Load: f.Load,
	}
	e.Hash = hashOf(e.CPU, e.Arch, e.ISA, e.L1D, e.L2, e.L3, e.Go, e.Threads, e.Logical)
	return e
}

// hashOf is the first 16 hex digits of the SHA-256 of the values, one a line.
func hashOf(values ...any) string {
	h := sha256.New()
	for _, v := range values {
		fmt.Fprintln(h, v)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Build identifies this program: its version or commit where it was built from a clean one, else "devel" and the hash
// of its own file, so that results of two builds are never taken for one another.
var Build = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		revision, modified := "", "true"
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				modified = s.Value
			}
		}
		if revision != "" && modified == "false" {
			return revision[:min(12, len(revision))]
		}
	}
	return "devel-" + ownHash()
})

func ownHash() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}
