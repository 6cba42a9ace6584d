package ir

import (
	"strings"
	"unicode"
)

// Choice is one word of a layer's line after parsing: `prune(0.9, scope=layer)`, `direct`, `cpu(isa=avx2, threads=2)`.
// The grammar is parsed by package dlas; a list has been multiplied out into points before a layer sees it.
type Choice struct {
	Name  string
	Value []string // arguments without a key, in canonical spelling: "0.9", "16x1", "elbow"
	Args  []Arg    // named ones, sorted by key
}

// Arg is a named argument; Op is "=", ">=" or "<=".
type Arg struct{ Key, Op, Value string }

// Arg returns the value of a named argument given with "=", or def.
func (c Choice) Arg(key, def string) string {
	for _, a := range c.Args {
		if a.Key == key && a.Op == "=" {
			return a.Value
		}
	}
	return def
}

// String is the canonical spelling.
func (c Choice) String() string {
	if len(c.Value)+len(c.Args) == 0 {
		return QuoteName(c.Name)
	}
	var parts []string
	for _, v := range c.Value {
		parts = append(parts, Quote(v))
	}
	for _, a := range c.Args {
		parts = append(parts, a.Key+a.Op+Quote(a.Value))
	}
	return QuoteName(c.Name) + "(" + strings.Join(parts, ", ") + ")"
}

// Quote spells a value so that the grammar reads it back as one: as it is where it is a word (letters, digits, ._/-+)
// or a vector of words in brackets, else in double quotes.
func Quote(s string) string {
	if isVector(s) {
		return s
	}
	return QuoteName(s)
}

// QuoteName spells a choice's name, which is never a vector.
func QuoteName(s string) string {
	if isWord(s) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// WordRune reports whether r may stand in a word of the grammar.
func WordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._/-+", r)
}

func isWord(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !WordRune(r) }) < 0
}

func isVector(s string) bool {
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return false
	}
	for _, w := range strings.Split(s[1:len(s)-1], " ") {
		if !isWord(w) {
			return false
		}
	}
	return true
}

// Option is a row of a layer's table of choices: what help, completion and error messages are made of.
type Option struct {
	Name   string
	Help   string  // one paragraph: what it is, its units
	Source string  // paper, specification or data set it comes from
	Params []Param // what may stand in the brackets
}

// Param is a parameter of a choice. Key is empty for the positional one.
type Param struct {
	Key     string
	Help    string
	Default string   // canonical spelling; empty where there is none
	Values  []string // the values there are, where they can be listed
	// Examples are some of the values where there are more.
	Examples []string
}
