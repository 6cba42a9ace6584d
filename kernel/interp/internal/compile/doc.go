// Package compile turns SSA into closures and runs them.
//
// A function's values live in a frame: one block of memory with exactly the
// layout that compiled Go gives them, so that loads, stores and calls of
// compiled functions copy memory and convert nothing. The exception is a value
// of interface type, which is always an empty interface in a frame; it becomes
// an interface with a method table when it is stored or passed to compiled code.
//
// Func values are real ones (package rt): compiled code calls them like any
// other, interpreted code recognises its own.
//
// One lock guards everything that is found out once: types, functions, globals.
// It is never held while a cell's code runs.
//
// The way of a function, from Machine.Eval (enter.go):
//
//   - fun.target (fun.go) follows redefinitions and compiles the function when it
//     is first called: each value gets a place in the frame (layout.go, coalesce.go),
//     each basic block becomes a list of ops and a terminator. An op is a closure on the frame: func(fr *frame).
//   - instr.go has an op for each instruction, or leads to the file of its theme:
//     binop, builtin, calls, chans, convert, iface, maps, unsafe.
//   - fun.get and fun.run (frame.go) are the call itself: a frame, whose blocks'
//     ops are called one after the other.
//
// Calls: calls.go is a call by interpreted code of interpreted code, invoke.go of
// an interface's method, native.go and abi.go of compiled code, instead.go of
// what stands for a compiled method, intrinsic.go of a generic function that has
// no source. The other way round, compiled code comes in through shims.go where
// the func type is a common one, through enter.go where it is not, and through
// methods.go for methods.
//
// Quicker forms of the same: branch.go for blocks' ends, fuse.go for common
// sequences, direct.go for calls with a few words, mapwords.go and chanwords.go
// for maps and channels of words. Without them everything works, slower.
//
// Debugging: debug.go has a second form of a cell's package with a hook before each
// statement, debugger.go stops and steps, debugthreads.go lists goroutines and their
// calls, debugframe.go looks at what is stopped.
//
// Types: types.go makes the run-time types of what cells declare, names.go their
// names, layout.go how their values lie in frames and are copied.
//
// Goroutines: run.go is a cell's run and its end, goroutine.go the go statement
// and whoever comes in from elsewhere, label.go how a goroutine of compiled code
// is known to be of a cell, stuck.go what does not end, still.go how to read
// variables while nothing runs, panic.go panics, deferred calls and stacks,
// callers.go program counters of interpreted calls. drop.go forgets what no cell
// can reach.
package compile
