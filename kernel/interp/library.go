package interp

import "reflect"

// Library is a set of compiled packages that a cell can import. It is made by
// the generator in internal/gensyms and handed to New; holding one costs
// nothing, because the parts are read when a cell first names them.
type Library struct {
	// Name says in messages where a package came from, such as "std".
	Name string

	// Data is an archive of what the compiler would know of the packages and
	// the running program does not: their type data, their documentation and,
	// for generic packages, their source. See internal/archive for the format.
	Data string

	// Symbols returns the compiled exported names of the package with an import
	// path, or nil if the library does not hold it:
	//
	//   - a function is its value,
	//   - a variable is addressable and settable,
	//   - a type T is a nil *T, from which T is Type().Elem().
	//
	// Constants are in the type data alone. Generic functions and types have no
	// compiled form and are absent, and so is what does not exist on every
	// platform. Each call makes a new map; callers keep it.
	Symbols func(path string) map[string]reflect.Value

	// Stops says that the library's functions come back soon after the context
	// of Options.OnCell has ended: an interrupt waits for them a little longer.
	Stops bool

	// Strings completes a string in a cell that is an argument of one of the library's functions, of fn, which is written
	// Func or Type.Method, the argument arg from 0; or the value of a field in a literal, where fn is Type.Field and arg
	// is -1. It lists what may stand at the end of what is typed of the string, and how many bytes there a word replaces.
	// It must be quick and may be nil.
	Strings func(path, fn string, arg int, typed string) (words []string, replace int)
}
