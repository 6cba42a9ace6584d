package interp

import (
	"bytes"
	"fmt"
	"go/types"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"time"

	"github.com/godlas/godlas/kernel/internal/lazy"
)

// The run time finds that all goroutines wait for each other, unless the program is linked with C: then it cannot tell. So
// where this binary is, and nothing but another goroutine can wake one of the program's, a look at them from time to time
// finds it.

// quiet are packages whose compiled code starts neither timers nor goroutines, and has none woken from outside. Of time and
// context the names below do.
var quiet = []string{
	"bufio", "bytes", "cmp", "container/heap", "container/list", "container/ring", "context", "encoding/base64", "encoding/binary",
	"encoding/csv", "encoding/hex", "encoding/json", "errors", "flag", "fmt", "hash", "hash/crc32", "hash/fnv", "io", "iter", "log",
	"maps", "math", "math/big", "math/bits", "math/cmplx", "math/rand", "math/rand/v2", "os", "path", "path/filepath", "reflect",
	"regexp", "runtime", "runtime/debug", "slices", "sort", "strconv", "strings", "sync", "sync/atomic", "text/tabwriter",
	"text/template", "time", "unicode", "unicode/utf16", "unicode/utf8", "unique", "unsafe",
}

var waking = map[string][]string{
	"time":    {"After", "AfterFunc", "NewTicker", "NewTimer", "Tick"},
	"context": {"WithDeadline", "WithDeadlineCause", "WithTimeout", "WithTimeoutCause"},
	"runtime": {"AddCleanup", "SetFinalizer"},
}

// selfContained tells whether nothing outside a program wakes its goroutines.
func selfContained(pkg *types.Package, uses []types.Object) bool {
	for _, p := range pkg.Imports() {
		if !slices.Contains(quiet, p.Path()) {
			return false
		}
	}
	for _, o := range uses {
		if o.Pkg() != nil && slices.Contains(waking[o.Pkg().Path()], o.Name()) {
			return false
		}
	}
	return true
}

// watch ends the process when all other goroutines wait for each other.
func watch() {
	_, _ = idle(), asleep() // what they keep is on the heap from the beginning, not when a program counts
	for {
		time.Sleep(watchEvery)
		if !idle() || !asleep() {
			continue
		}
		text := "all goroutines are asleep - deadlock!"
		if len(goroutines()) == 0 {
			text = "no goroutines (main called runtime.Goexit) - deadlock!"
		}
		fmt.Fprintf(os.Stderr, "fatal error: %s\n", text)
		os.Exit(2)
	}
}

const watchEvery = 200 * time.Millisecond

// idle tells whether no goroutine but the calling one runs, can run or is in a system call. It is quick.
func idle() bool {
	s := []metrics.Sample{{Name: "/sched/goroutines/running:goroutines"}, {Name: "/sched/goroutines/runnable:goroutines"}, {Name: "/sched/goroutines/not-in-go:goroutines"}}
	metrics.Read(s)
	busy := uint64(0)
	for _, x := range s {
		if x.Value.Kind() == metrics.KindUint64 {
			busy += x.Value.Uint64()
		}
	}
	return busy <= 1
}

// asleep tells whether no goroutine but the calling one runs or can be woken by anything but another.
func asleep() bool {
	for _, state := range goroutines() {
		if !stuck().MatchString(state) {
			return false
		}
	}
	return true
}

var stuck = lazy.Regexp(`^(chan (receive|send)|select|sync\.\w+\.\w+|semacquire)( \((nil chan|no cases)\))?(, |$)`)

// goroutines returns why each goroutine but the calling one does not run.
func goroutines() (states []string) {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	for i, g := range bytes.Split(buf, []byte("\n\n")) {
		head, _, _ := strings.Cut(string(g), "\n")
		if _, state, ok := strings.Cut(head, "["); ok && i > 0 {
			states = append(states, strings.TrimSuffix(state, "]:"))
		}
	}
	return states
}
