package magic

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"github.com/godlas/godlas/kernel/display"
)

const whoHelp = `list the names of live variables, functions, types and constants
KIND is one of these four words, or a type as Go writes it: %who func, %who []int. %whos shows their types and values too.`

const resetHelp = `forget all variables, functions, types and imports of the cells, or some names
%reset NAME... forgets these, %reset -r REGEXP those that it matches. What holds them already keeps them: a function that calls
a forgotten one still does. -f, which elsewhere stops a question, is taken; nothing is asked here.`

// chosen are the live names of the kinds or types that arguments name.
func chosen(c *Call) ([]Var, error) {
	vars := slices.Clone(c.Vars())
	for i := range vars { // types of cells without the package that nobody wrote
		vars[i].Type = strings.ReplaceAll(vars[i].Type, "main.", "")
	}
	if c.Args == "" {
		return vars, nil
	}
	words := strings.Fields(c.Args)
	if slices.ContainsFunc(vars, func(v Var) bool { return v.Type == c.Args }) {
		words = []string{c.Args} // a type with blanks in it
	}
	var out []Var
	for _, w := range words {
		kind := map[string]string{"variables": "var", "functions": "func", "types": "type", "constants": "const", "function": "func", "variable": "var", "constant": "const"}[w]
		if kind == "" {
			kind = w
		}
		known := slices.Contains([]string{"var", "func", "type", "const"}, kind)
		for _, v := range vars {
			if v.Kind == kind || v.Type == w {
				out = append(out, v)
				known = true
			}
		}
		if !known {
			return nil, fmt.Errorf("%%%s: %q is no kind (var, func, type, const) and nothing has this type", c.Name, w)
		}
	}
	return out, nil
}

func who(_ context.Context, c *Call) error {
	vars, err := chosen(c)
	if err != nil {
		return err
	}
	if len(vars) == 0 {
		fmt.Fprintln(c.Stdout, none(c))
		return nil
	}
	var names []string
	for _, v := range vars {
		names = append(names, v.Name)
	}
	fmt.Fprintln(c.Stdout, strings.Join(names, "  "))
	return nil
}

// none is what stands for an empty list.
func none(c *Call) string {
	if c.Args != "" {
		return "none"
	}
	return "no names yet"
}

func whos(_ context.Context, c *Call) error {
	vars, err := chosen(c)
	if err != nil {
		return err
	}
	if len(vars) == 0 {
		fmt.Fprintln(c.Stdout, none(c))
		return nil
	}
	rows := [][]string{{"kind", "name", "type", "value"}}
	for _, v := range vars {
		value := ""
		if v.Value.IsValid() && v.Kind != "func" {
			value = display.Line(v.Value, 50)
		}
		rows = append(rows, []string{v.Kind, v.Name, oneLine(v.Type, 40), value})
	}
	return table(c.Stdout, rows)
}

func completeWho(c Completing) ([]Match, int) {
	return Words(c.Text, " ", "var", "func", "type", "const")
}

func completeNames(c Completing) ([]Match, int) {
	if c.Names == nil {
		return nil, 0
	}
	return Words(c.Text, " ", c.Names()...)
}

func reset(_ context.Context, c *Call) error {
	f, rest, err := cutFlags("reset", c.Args, "-f", "-r REGEXP")
	if err != nil {
		return err
	}
	names := strings.Fields(rest)
	if pattern, ok := f["-r"]; ok {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return fmt.Errorf("%%reset: %w", err)
		}
		found := false
		for _, v := range c.Vars() {
			if re.MatchString(v.Name) {
				names = append(names, v.Name)
				found = true
			}
		}
		if !found {
			return fmt.Errorf("%%reset: no name matches %s", pattern)
		}
	}
	if len(names) == 0 {
		c.Reset()
		return nil
	}
	live := map[string]bool{}
	var all []string
	for _, v := range c.Vars() {
		live[v.Name] = true
		all = append(all, v.Name)
	}
	for _, n := range names { // all are right, or nothing happens
		switch {
		case live[n]:
		case n == "go.mod":
			return errors.New("%reset: go.mod is a file of your folder, which the kernel leaves alone; %get and %use change it")
		case !token.IsIdentifier(n):
			return fmt.Errorf("%%reset: %q is no name; -r REGEXP takes a pattern", n)
		default:
			if near := Nearest(n, all); len(near) > 0 {
				return fmt.Errorf("%%reset: there is no %s; did you mean %s?", n, strings.Join(near, " or "))
			}
			return fmt.Errorf("%%reset: there is no %s; %%who lists names", n)
		}
	}
	for _, n := range names {
		c.Forget(n)
	}
	return nil
}
