package ir

import "strings"

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
		return c.Name
	}
	parts := append([]string(nil), c.Value...)
	for _, a := range c.Args {
		parts = append(parts, a.Key+a.Op+a.Value)
	}
	return c.Name + "(" + strings.Join(parts, ", ") + ")"
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
}
