// Package rt reaches into the run time for the few things an interpreter needs
// and reflect does not offer: named types with methods, func values that carry
// interpreted code, memory with a given pointer layout, and typed copies.
//
// It relies on the layout of internal/abi's types, which is not promised. All
// such knowledge is in this package, and Check compares it with the running
// program: where something is not as known, it says so and named types have no
// methods, instead of corrupting memory.
//
// The linkname targets are among those that Go keeps open on purpose
// ("Do not remove or change the type signature", go.dev/issue/67401); no linker
// flag is needed.
package rt
