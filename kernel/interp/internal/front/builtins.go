package front

import "sync"

// builtins are the declarations of the predeclared names, as far as types cannot
// write them down, and what they are.
var builtins = sync.OnceValue(func() map[string]Info {
	m := map[string]Info{}
	for name, t := range map[string][2]string{
		"append":  {"func append(slice []Type, elems ...Type) []Type", "Appends elements to the end of a slice and returns the result, which has new memory if the old has no room left: s = append(s, x). append(s, t...) appends another slice or, to bytes, a string."},
		"cap":     {"func cap(v Type) int", "How many elements a slice, array or channel has room for."},
		"clear":   {"func clear[T ~[]Type | ~map[Type]Type1](t T)", "Deletes all entries of a map, or sets all elements of a slice to zero."},
		"close":   {"func close(c chan<- Type)", "Says that nothing more is sent on a channel. Receivers get what is left and then zero values; v, ok := <-c tells the difference."},
		"complex": {"func complex(r, i FloatType) ComplexType", "Makes a complex number of its real and imaginary part."},
		"copy":    {"func copy(dst, src []Type) int", "Copies elements from one slice to another, as many as the shorter has, and returns how many. The two may overlap; src may be a string if dst is bytes."},
		"delete":  {"func delete(m map[Type]Type1, key Type)", "Takes an entry out of a map; if there is none, it does nothing."},
		"imag":    {"func imag(c ComplexType) FloatType", "The imaginary part of a complex number."},
		"len":     {"func len(v Type) int", "The number of elements of a slice, array or map, of values waiting in a channel, or of bytes in a string."},
		"make":    {"func make(t Type, size ...IntegerType) Type", "Allocates a slice with a length and perhaps a capacity, a map with room for about so many entries, or a channel with a buffer of a size: make([]int, 3), make(map[string]int), make(chan int, 1)."},
		"max":     {"func max[T cmp.Ordered](x T, y ...T) T", "The largest of its arguments, which are numbers or strings; NaN if one of them is."},
		"min":     {"func min[T cmp.Ordered](x T, y ...T) T", "The smallest of its arguments, which are numbers or strings; NaN if one of them is."},
		"new":     {"func new(TypeOrExpr) *Type", "A pointer to a new variable: of a type and then zero, or with the value of an expression."},
		"panic":   {"func panic(v any)", "Ends the function and its callers one after the other, running what they deferred, until one of these calls recover; if none does, the cell ends and shows v."},
		"print":   {"func print(args ...Type)", "Writes its arguments to the standard error output, for debugging."},
		"println": {"func println(args ...Type)", "Writes its arguments to the standard error output with spaces between and a line end, for debugging."},
		"real":    {"func real(c ComplexType) FloatType", "The real part of a complex number."},
		"recover": {"func recover() any", "In a deferred function: stops a panic and returns what it was called with, or nil if there is none."},

		"any":        {"type any = interface{}", "The interface without methods: a variable of it holds a value of any type."},
		"bool":       {"type bool", "true or false."},
		"byte":       {"type byte = uint8", "Another name for uint8, for bytes."},
		"comparable": {"type comparable interface{ comparable }", "As a constraint: all types whose values == can compare."},
		"complex64":  {"type complex64", "A complex number of two float32."},
		"complex128": {"type complex128", "A complex number of two float64."},
		"error":      {"type error interface {\n\tError() string\n}", "What a function returns when something went wrong; nil means that nothing did."},
		"float32":    {"type float32", "A floating-point number of 32 bits (IEEE 754)."},
		"float64":    {"type float64", "A floating-point number of 64 bits (IEEE 754)."},
		"int":        {"type int", "A signed integer of the machine's size, at least 32 bits."},
		"int8":       {"type int8", "A signed integer of 8 bits, -128 to 127."},
		"int16":      {"type int16", "A signed integer of 16 bits, -32768 to 32767."},
		"int32":      {"type int32", "A signed integer of 32 bits."},
		"int64":      {"type int64", "A signed integer of 64 bits."},
		"rune":       {"type rune = int32", "Another name for int32, for Unicode code points."},
		"string":     {"type string", "A sequence of bytes that does not change, in general UTF-8 text."},
		"uint":       {"type uint", "An unsigned integer of the machine's size, at least 32 bits."},
		"uint8":      {"type uint8", "An unsigned integer of 8 bits, 0 to 255."},
		"uint16":     {"type uint16", "An unsigned integer of 16 bits, 0 to 65535."},
		"uint32":     {"type uint32", "An unsigned integer of 32 bits."},
		"uint64":     {"type uint64", "An unsigned integer of 64 bits."},
		"uintptr":    {"type uintptr", "An unsigned integer that can hold the bits of any pointer."},
		"iota":       {"const iota = 0", "In a group of constants, the number of the line, from 0."},
		"nil":        {"var nil Type", "The zero value of pointers, funcs, interfaces, maps, slices and channels."},
		"true":       {"const true = 0 == 0", "The untyped boolean that is true."},
		"false":      {"const false = 0 != 0", "The untyped boolean that is not true."},
	} {
		m[name] = Info{Signature: t[0], Doc: t[1]}
	}
	return m
})

// words says what Go's keywords do, in a form and a sentence.
var words = sync.OnceValue(func() map[string]Info {
	return keywordHelp(map[string][2]string{
		"break":       {"break [Label]", "Ends the innermost for, switch or select statement, or the labelled one around it."},
		"case":        {"case x, y:", "Begins a clause of a switch or select statement. In a switch the clause runs if the value equals one of the list, in a type switch if the type is one of it, and in a select if the communication can go on."},
		"chan":        {"chan T, <-chan T, chan<- T", "A channel type: goroutines send and receive values of type T through it. make(chan T, n) makes one with room for n values."},
		"const":       {"const name [T] = value", "Declares constants. In a group in parentheses a value left out repeats the one above, and iota counts the lines from 0."},
		"continue":    {"continue [Label]", "Begins the next round of the innermost for loop, or of the labelled one around it."},
		"default":     {"default:", "The clause of a switch that runs if no case does, or of a select if nothing can be communicated at once."},
		"defer":       {"defer f(x)", "Calls f when the function around it returns or panics. The arguments are evaluated now; deferred calls run in reverse order."},
		"else":        {"if cond { … } else { … }", "What runs if the condition of an if is false. It stands on the line of the closing brace."},
		"fallthrough": {"fallthrough", "As the last statement of a case: goes on with the statements of the next one."},
		"for":         {"for i := 0; i < n; i++ { … }\nfor cond { … }\nfor { … }\nfor i, x := range xs { … }", "A loop. The variables that := declares are new in every round."},
		"func":        {"func name(x T) R { … }\nfunc (r Recv) name(x T) R { … }\nfunc(x T) R { … }", "Declares a function or method, or is a function literal or a function type. A literal can use the variables around it."},
		"go":          {"go f(x)", "Calls f in a goroutine of its own and does not wait for it."},
		"goto":        {"goto Label", "Goes on at the statement with the label in the same function."},
		"if":          {"if cond { … } else { … }\nif x := f(); cond { … }", "Runs the first block if the condition is true, else the second. A short statement before the condition can declare variables for both."},
		"import":      {"import \"path\"\nimport name \"path\"", "Makes the exported names of a package usable with the package's name before them. An import lasts for the later cells too; the standard library's may be left out."},
		"interface":   {"interface { Method(x T) R }\ninterface { ~int | ~string }", "The type of all values that have the methods. With a union of types it is a constraint for type parameters."},
		"map":         {"map[K]V", "A hash table from K to V. m[k] is the zero value if k is not there; v, ok := m[k] tells the difference."},
		"package":     {"package name", "Begins a file of a program. A cell needs none; in a cell that has one, func main runs."},
		"range":       {"for i, x := range xs { … }\nfor i := range n { … }\nfor x := range seq { … }", "Goes through a slice, array, string, map, channel, through the integers below n, or through what an iterator function yields."},
		"return":      {"return x, y", "Ends the function with these results. With named results they may be left out."},
		"select":      {"select {\ncase x := <-c: …\ncase d <- y: …\ndefault: …\n}", "Waits until one of the communications can go on and runs its clause; of several it picks one at random."},
		"struct":      {"struct { Name T; Embedded }", "The type of values made of named fields. The fields and methods of an embedded type can be used as its own."},
		"switch":      {"switch x { case 1, 2: … default: … }\nswitch v := x.(type) { case int: … }", "Runs the first clause that fits, and no other. Without a value the cases are conditions; x.(type) asks for the type in an interface."},
		"type":        {"type Name T\ntype Name = T\ntype Name[P Constraint] T", "Declares a new type with T's structure, or with = another name for T. In a notebook a type declared again is a new one; values of the old keep theirs."},
		"var":         {"var name T\nvar name = value", "Declares variables; without a value they are zero."},
	})
})

func keywordHelp(texts map[string][2]string) map[string]Info {
	m := map[string]Info{}
	for k, t := range texts {
		m[k] = Info{Kind: "keyword", Signature: t[0], Doc: t[1]}
	}
	return m
}
