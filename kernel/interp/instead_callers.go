package interp

import (
	"bytes"
	"fmt"
	"go/ast"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"unsafe"
)

// What asks for the calls of a goroutine gets those of interpreted code: runtime.Caller and its like, and the methods of what
// they return. Compiled code that asks, as a logger does, still gets its own.

// stacks are these functions.
func (in *Interp) stacks() map[string]any {
	return map[string]any{
		"runtime.Caller":           in.caller,
		"runtime.Callers":          in.callers,
		"runtime.CallersFrames":    in.callersFrames,
		"runtime.(*Frames).Next":   in.nextFrame,
		"runtime.FuncForPC":        in.funcForPC,
		"runtime.(*Func).FileLine": in.fileLine,
		"runtime.Stack":            in.stack,
		"runtime/debug.Stack":      func() []byte { return in.trace("runtime/debug.Stack()", 0) },
		"runtime/debug.PrintStack": in.printStack,
		"reflect.Value.Pointer":    in.pointer,

		// what calls that have returned worked on is garbage
		"runtime.GC":                 func() { in.m.Release(); runtime.GC() },
		"runtime/debug.FreeOSMemory": func() { in.m.Release(); debug.FreeOSMemory() },
		"runtime.SetFinalizer":       in.setFinalizer,
	}
}

// deepest is how many calls are looked at where all are wanted.
const deepest = 1 << 20

// counters returns the program counters of the calls of interpreted code, after skip of them.
func (in *Interp) counters(skip, n int) []uintptr {
	if skip < 0 {
		skip = 0
	}
	pcs, ok := in.m.Callers(skip + n)
	if !ok || len(pcs) < skip {
		return nil
	}
	return pcs[skip:]
}

func (in *Interp) caller(skip int) (pc uintptr, file string, line int, ok bool) {
	pcs := in.counters(skip, 1)
	if len(pcs) == 0 {
		return 0, "", 0, false
	}
	f := in.frame(pcs[0])
	return pcs[0], f.File, f.Line, true
}

// callers counts itself as the first call.
func (in *Interp) callers(skip int, pcs []uintptr) int {
	if skip == 0 && len(pcs) > 0 {
		pcs[0] = reflect.ValueOf(runtime.Callers).Pointer() + 1
		return 1 + in.callers(1, pcs[1:])
	}
	return copy(pcs, in.counters(skip-1, len(pcs)))
}

// frame describes the call at a program counter.
func (in *Interp) frame(pc uintptr) runtime.Frame {
	s, ok := in.m.Site(pc)
	if !ok {
		f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		return f
	}
	f := runtime.Frame{PC: pc, Func: in.funcForPC(pc), Function: s.Func, Entry: s.EntryPC}
	in.m.Mu.Lock()
	f.File, f.Line, _, _ = in.front.Position(s.File, s.Pos)
	in.m.Mu.Unlock()
	return f
}

// frames are those of a runtime.Frames that callersFrames made.
type frames struct {
	runtime.Frames
	next []uintptr
}

// made are the frames by the address that interpreted code has.
var made sync.Map // uintptr -> struct{}

func (in *Interp) callersFrames(pcs []uintptr) *runtime.Frames {
	f := &frames{next: append([]uintptr{}, pcs...)}
	id := uintptr(unsafe.Pointer(f))
	made.Store(id, struct{}{})
	runtime.AddCleanup(f, func(id uintptr) { made.Delete(id) }, id)
	return &f.Frames
}

func (in *Interp) nextFrame(rf *runtime.Frames) (runtime.Frame, bool) {
	if _, ok := made.Load(uintptr(unsafe.Pointer(rf))); !ok {
		return rf.Next()
	}
	f := (*frames)(unsafe.Pointer(rf))
	if len(f.next) == 0 {
		return runtime.Frame{}, false
	}
	pc := f.next[0]
	f.next = f.next[1:]
	return in.frame(pc), len(f.next) > 0
}

// function is what a *runtime.Func of interpreted code points to. It begins as the run time's own record of an inlined
// function does, which has its name and place in itself: so compiled code can ask it, too.
type function struct {
	ones            uint32
	entry           uintptr
	name, file      string
	line, startLine int32
}

// functions are by entry, and live on as those of compiled code do.
var functions sync.Map // funcKey -> *function

type funcKey struct {
	in    *Interp
	entry uintptr
}

// funcKnown says that the run time's record is as it is here.
var funcKnown = sync.OnceValue(func() bool {
	f := (*runtime.Func)(unsafe.Pointer(&function{ones: ^uint32(0), entry: 7, name: "name", file: "file", line: 3}))
	file, line := f.FileLine(7)
	return f.Name() == "name" && f.Entry() == 7 && file == "file" && line == 3
})

func (in *Interp) funcForPC(pc uintptr) *runtime.Func {
	s, ok := in.m.Site(pc)
	if !ok {
		return runtime.FuncForPC(pc)
	}
	if !funcKnown() {
		return nil
	}
	k := funcKey{in, s.EntryPC}
	if f, ok := functions.Load(k); ok {
		return (*runtime.Func)(unsafe.Pointer(f.(*function)))
	}
	in.m.Mu.Lock()
	file, line, _, _ := in.front.Position(s.File, s.Entry)
	in.m.Mu.Unlock()
	f, _ := functions.LoadOrStore(k, &function{ones: ^uint32(0), entry: s.EntryPC, name: s.Func, file: file, line: int32(line), startLine: int32(line)})
	return (*runtime.Func)(unsafe.Pointer(f.(*function)))
}

func (in *Interp) fileLine(f *runtime.Func, pc uintptr) (string, int) {
	if _, ok := in.m.Site(pc); !ok {
		return f.FileLine(pc)
	}
	fr := in.frame(pc)
	return fr.File, fr.Line
}

// trace writes the stack of the calling goroutine as Go does.
func (in *Interp) trace(first string, skip int) []byte {
	var head [64]byte
	line, _, _ := bytes.Cut(head[:runtime.Stack(head[:], false)], []byte("\n"))
	b := bytes.NewBuffer(append([]byte{}, line...))
	b.WriteByte('\n')
	if first != "" {
		fmt.Fprintf(b, "%s\n\truntime/debug/stack.go:26 +0x5e\n", first)
	}
	for _, pc := range in.counters(skip, deepest) {
		f := in.frame(pc)
		name := f.Function
		if name == "runtime.gopanic" {
			name = "panic"
		} else if internal := strings.TrimPrefix(name, "runtime."); internal != name && !ast.IsExported(internal) {
			continue
		}
		offset := f.PC - f.Entry
		if f.Entry == 0 || f.Entry > f.PC {
			offset = 0
		}
		if site, ok := in.m.Site(pc); ok && !site.Args {
			name += "()"
		} else {
			name += "(...)"
		}
		fmt.Fprintf(b, "%s\n\t%s:%d +%#x\n", name, f.File, f.Line, offset)
	}
	return b.Bytes()
}

func (in *Interp) stack(buf []byte, all bool) int {
	text := in.trace("", 0)
	if all {
		text = append(text, others()...)
	}
	return copy(buf, text)
}

// others is what Go says of the goroutines but the calling one.
func others() []byte {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			_, rest, found := strings.Cut(string(buf[:n]), "\n\n")
			if !found {
				return nil
			}
			return []byte("\n" + rest)
		}
		buf = make([]byte, 2*len(buf))
	}
}

func (in *Interp) printStack() {
	text := in.trace("runtime/debug.Stack()", 0)
	if in.opt.Process {
		_, _ = os.Stderr.Write(text)
		return
	}
	_, _ = in.opt.Stderr.Write(text)
}

// pointer is reflect.Value.Pointer: functions that are interpreted have program counters of their own.
func (in *Interp) pointer(v reflect.Value) uintptr {
	if v.Kind() == reflect.Func && !v.IsNil() {
		p := reflect.New(v.Type())
		if v.CanInterface() {
			p.Elem().Set(v)
			if pc, ok := in.m.Entry(*(*unsafe.Pointer)(p.UnsafePointer())); ok {
				return pc
			}
		}
	}
	return v.Pointer()
}
