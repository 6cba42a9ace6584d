package interp

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
)

// Trace is what Go writes to standard error when the panic ends a program.
func (e *PanicError) Trace() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\ngoroutine 1 [running]:\n", e.Text)
	for _, f := range e.Stack {
		if f.Created {
			fmt.Fprintf(&b, "created by %s\n\t%s:%d\n", f.Func, f.Cell, f.Line)
			continue
		}
		args := "()"
		if f.Args {
			args = "(...)"
		}
		fmt.Fprintf(&b, "%s%s\n\t%s:%d\n", f.Func, args, f.Cell, f.Line)
	}
	return b.String()
}

// crash ends the process with the panic of a goroutine that nothing recovered.
func (in *Interp) crash(p *compile.Panic) {
	var head [32]byte
	goroutine, _, _ := strings.Cut(string(head[:runtime.Stack(head[:], false)]), " [")
	fmt.Fprint(os.Stderr, strings.Replace(in.panicError(p).Trace(), "\n\ngoroutine 1 [", "\n\n"+goroutine+" [", 1))
	os.Exit(2)
}

// overflow ends the process as a stack that is too deep does.
func overflow() {
	fmt.Fprint(os.Stderr, "runtime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow\n")
	os.Exit(2)
}

// goroot is what runtime.GOROOT of a program is that the go command here has built.
var goroot = sync.OnceValue(func() string {
	//lint:ignore SA1019 it is what a program asks for
	if dir := runtime.GOROOT(); dir != "" { // empty in a binary that hides where it was built
		return dir
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
})
