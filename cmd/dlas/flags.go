package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// usageError is a command line that cannot be understood.
type usageError string

func (e usageError) Error() string { return string(e) }

// errHelp ends a command that has shown its help.
var errHelp = errors.New("help was asked for")

// flags is the flags of one command. They may stand before and after its other arguments.
type flags struct {
	*flag.FlagSet
	c *call
}

func (c *call) flags() *flags {
	f := flag.NewFlagSet(c.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return &flags{f, c}
}

// parse returns the arguments that are not flags; fewer than least or more than most of them is an error.
func (f *flags) parse(least, most int) ([]string, error) {
	var rest []string
	args := f.c.args
	for {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			f.help()
			return nil, errHelp
		} else if err != nil {
			return nil, f.explain(err)
		}
		if args = f.Args(); len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	if len(rest) < least || len(rest) > most {
		what := "too few arguments"
		if len(rest) > most {
			what = fmt.Sprintf("unexpected argument %q", rest[most])
		}
		return nil, usageError(fmt.Sprintf("%s: %s; usage: dlas %s", f.c.name, what, f.c.usage))
	}
	return rest, nil
}

func (f *flags) explain(err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		var names []string
		f.VisitAll(func(fl *flag.Flag) { names = append(names, dashed(fl.Name)) })
		text = ir.Unknown("", "flag", dashed(strings.TrimLeft(name, "-")), names).Error()
	} else if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		text = dashed(name) + " needs a value"
		if fl := f.Lookup(name); fl != nil {
			value, _ := flag.UnquoteUsage(fl)
			text += ": " + dashed(name) + " " + strings.ToUpper(value)
		}
	} else if value, name, why, ok := invalidValue(text); ok {
		switch why {
		case "parse error":
			why = value + " is not " + f.wanted(name)
		case "value out of range":
			why = value + " is out of range"
		}
		text = dashed(name) + ": " + why
	}
	return usageError(f.c.name + ": " + text)
}

// wanted says what the value of a flag looks like.
func (f *flags) wanted(name string) string {
	if fl := f.Lookup(name); fl != nil {
		if g, ok := fl.Value.(flag.Getter); ok {
			switch g.Get().(type) {
			case time.Duration:
				return "a time such as 90s, 5m or 1h"
			case float64:
				return "a number such as 0.01"
			case bool:
				return "true or false"
			}
		}
	}
	return "a whole number"
}

// dashed is a flag as people write it: one letter with one hyphen.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// invalidValue takes package flag's sentence about a value apart: the value as it quotes it, the flag, and what is wrong.
func invalidValue(text string) (value, name, why string, ok bool) {
	rest, ok := strings.CutPrefix(text, "invalid value ")
	if !ok {
		rest, ok = strings.CutPrefix(text, "invalid boolean value ")
	}
	value, err := strconv.QuotedPrefix(rest)
	if !ok || err != nil {
		return "", "", "", false
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest[len(value):], " for "), "flag ")
	name, why, ok = strings.Cut(strings.TrimPrefix(rest, "-"), ": ")
	return value, name, why, ok
}

func (f *flags) help() {
	fmt.Fprintf(f.c.stdout, "dlas %s\n\n%s\n", f.c.usage, f.c.help)
	first := true
	f.VisitAll(func(fl *flag.Flag) {
		if first {
			fmt.Fprintln(f.c.stdout)
			first = false
		}
		value, text := flag.UnquoteUsage(fl)
		if value != "" {
			value = " " + strings.ToUpper(value)
		}
		fmt.Fprintf(f.c.stdout, "  %-26s %s\n", dashed(fl.Name)+value, text)
	})
}

// stackFlags are one flag a layer and --spec.
type stackFlags struct {
	flags  *flag.FlagSet
	spec   string
	layers map[ir.Layer]*string
}

func (f *flags) stack() *stackFlags {
	s := &stackFlags{flags: f.FlagSet, layers: make(map[ir.Layer]*string)}
	f.StringVar(&s.spec, "spec", "", "read a Spec, or a result's, from the JSON `file`; the flags below change it")
	for _, l := range ir.Layers() {
		s.layers[l] = f.String(string(l), "", fmt.Sprintf("`choice` of L%d, %s", l.Number(), l.Title()))
	}
	return s
}

// build makes the stack of the flags.
func (s *stackFlags) build() (dlas.Stack, error) {
	st := dlas.New()
	if s.spec != "" {
		b, err := readSmall(s.spec)
		if err != nil {
			return st, err
		}
		spec, err := dlas.ReadSpec(b)
		if err != nil {
			return st, err
		}
		st = dlas.FromSpec(spec)
	}
	var empty error
	s.flags.Visit(func(f *flag.Flag) {
		l := ir.Layer(f.Name)
		if l.Number() == 0 {
			return
		}
		if text := *s.layers[l]; strings.TrimSpace(text) == "" && empty == nil {
			empty = &ir.Error{Layer: l, What: "--" + f.Name + " names no choice", Try: "leave the flag out for the default"}
		} else {
			st = st.With(l, text)
		}
	})
	return st, empty
}
