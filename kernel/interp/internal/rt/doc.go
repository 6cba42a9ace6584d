// Package rt reaches into the run time for the few things an interpreter needs
// and reflect does not offer: named types with methods, func values that carry
// interpreted code, memory with a given pointer layout, and typed copies.
//
// How a type is made. A type of Go is a descriptor in memory: size, pointers,
// kind, names, and behind it a table of methods with the offsets of their code.
// NewNamed and NewInterface lay out descriptors of their own, T and *T together,
// in three steps, since types may refer to themselves and to each other: the
// memory, to which others can point; SetLayout, so that others can contain it;
// Finish, SetMethods and AddMethods, when all others are there. Offsets of names,
// types and code in memory that is not of the binary are what
// reflect.addReflectOff hands out. Descriptors live for ever.
//
// How a method is called. Compiled code jumps to an address out of the method
// table and passes nothing that says which method it is. So each method has a
// stub of its own: a few instructions in the assembly table of stub_GOARCH.s that
// load a func value made by reflect.MakeFunc and jump to it. A method of *T takes
// one stub, a method of T two, and there are 32,768; AddMethods says when they
// are used up. Methods that are not exported are there, so that types implement
// interfaces that ask for them, but have no stub: only interpreted code calls them.
//
// How a method is added later. Both tables of a type have room for some more, and
// itabtable.go completes what the run time has concluded from their absence.
//
// What holds it up. The layout of internal/abi's types is not promised. All such
// knowledge is in this package; check.go compares it with the running program,
// once and in microseconds. Where descriptors are not as known, no types are made
// and the error says so, instead of corrupting memory; where stubs are not
// possible, types have no methods for compiled code, Blind keeps their values in
// interfaces with methods all the same, and the session says so.
//
// The linkname targets are among those that Go keeps open on purpose
// ("Do not remove or change the type signature", go.dev/issue/67401); no linker
// flag is needed.
//
// Files: abi.go mirrors internal/abi; named.go, interface.go, methods.go, stub*.go,
// itab.go and itabtable.go make types; func.go and call*.go are about func values;
// mem.go is memory, copies and maps; check.go is the self-test.
package rt
