package compiled

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"slices"
	"strings"

	"github.com/godlas/godlas/kernel/session/magic"
)

// gonbMagics are what notebooks of GoNB use beside what this kernel has under the same name.
func (cs *Cells) gonbMagics() []magic.Magic {
	return []magic.Magic{
		{Name: "goflags", Args: "[FLAGS]", Line: true, Run: cs.goflags, Help: "set the flags of go build for %%go and %%test, or show them\n%goflags \"\" takes them back."},
		{Name: "exec", Args: "FUNC [ARGS]", Line: true, Run: cs.exec, Help: "call a function without parameters, with os.Args and flags as a program has them"},
		{Name: "ls", Line: true, Run: cs.ls, Help: "list what cells have declared and what of it programs (%%go) have"},
		{Name: "rm", Args: "NAME...", Line: true, Run: cs.rm, Help: "forget declarations of cells by their names\nWhat an interpreted cell declared is what %reset NAME forgets; what a %%go cell declared is no more in programs."},
	}
}

// Foreign is a magic of GoNB's that has another name here or is not there, and then says what is instead. Lists and
// completion do not offer it.
func (cs *Cells) Foreign(name string) (magic.Magic, bool) {
	const (
		widgets = "GoNB's own widgets are not there; Jupyter's are, in package widget"
		get     = "nothing is downloaded when a cell runs; %get MODULE gets a module, once and for all"
		folders = "sources in folders are seen after %use DIR, and nothing is watched"
	)
	instead := map[string]string{
		"autoget": get, "noautoget": get, "track": folders, "untrack": folders, "widgets": widgets, "widgets_hb": widgets,
		"goworkfix": "there is nothing to mend: %use DIR makes a module in a folder importable, GOWORK names a go.work",
		"wasm":      "cells that are compiled to WebAssembly are GoNB's alone; show HTML with a script instead (display.HTML)",
	}
	switch name {
	case "list":
		return magic.Magic{Name: name, Run: cs.ls}, true
	case "remove":
		return magic.Magic{Name: name, Run: cs.rm}, true
	}
	why, ok := instead[name]
	return magic.Magic{Name: name, Run: func(context.Context, *magic.Call) error { return errors.New("%" + name + ": " + why) }}, ok
}

func (cs *Cells) goflags(_ context.Context, c *magic.Call) error {
	words, err := magic.Fields(c.Args)
	if err != nil {
		return fmt.Errorf("%%goflags: %w", err)
	}
	if len(words) > 0 {
		words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
		flags, rest, err := buildFlags(words)
		switch {
		case err != nil:
			return fmt.Errorf("%%goflags: %w", err)
		case len(rest) > 0:
			return fmt.Errorf("%%goflags: %s is no flag of go build that cells take", rest[0])
		case slices.Contains(flags, "-input"):
			return errors.New("%goflags: -input belongs to %%go")
		}
		cs.mu.Lock()
		cs.flags = words
		cs.mu.Unlock()
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	fmt.Fprintf(c.Stdout, "%%goflags=%s\n", list(cs.flags))
	return nil
}

// exec calls a function: of a compiled cell in a program, of an interpreted one there.
func (cs *Cells) exec(ctx context.Context, c *magic.Call) error {
	name, rest, _ := strings.Cut(c.Args, " ")
	if !token.IsIdentifier(name) {
		return errors.New("%exec: which function? %exec FUNC [ARGS]")
	}
	args, err := magic.Fields(rest)
	if err != nil {
		return fmt.Errorf("%%exec: %w", err)
	}
	cs.mu.Lock()
	cs.catchUp()
	var found *decl
	for _, d := range cs.memory.decls {
		if d.kind == token.FUNC && d.names[0] == name {
			found = d
		}
	}
	cs.mu.Unlock()
	switch {
	case found == nil:
		return fmt.Errorf("%%exec: no cell has declared func %s()", name)
	case found.program:
		return cs.program(ctx, c, nil, body{statements: []chunk{{text: name + "()", at: place{cellOf(c), c.Line, max(c.Column, 1)}}}}, nil, args, false)
	}
	if s, ok := c.Session.(interface{ SetArgs([]string) error }); ok {
		if err := s.SetArgs(args); err != nil {
			return err
		}
	}
	for _, v := range c.Vars() {
		if v.Name == name && strings.HasPrefix(v.Type, "func(") && !strings.HasPrefix(v.Type, "func()") {
			return fmt.Errorf("%%exec: %s is a %s; it calls functions without parameters, which read os.Args", name, strings.ReplaceAll(v.Type, "main.", ""))
		}
	}
	_, err = c.Eval(ctx, strings.Repeat("\n", max(0, c.Line-1))+strings.Repeat(" ", max(0, c.Column-1))+name+"()")
	return err
}

// ls lists imports and declarations by kind.
func (cs *Cells) ls(_ context.Context, c *magic.Call) error {
	if c.Args != "" {
		return errors.New("%ls takes no argument; !ls lists files")
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.catchUp()
	titles := map[token.Token]string{token.IMPORT: "imports", token.CONST: "constants", token.TYPE: "types", token.VAR: "variables", token.FUNC: "functions"}
	any := false
	for _, program := range []bool{true, false} {
		byKind := map[token.Token][]string{}
		for _, d := range cs.memory.decls {
			if d.program == program {
				for _, n := range d.names {
					if !strings.HasPrefix(n, "_ ") {
						byKind[d.kind] = append(byKind[d.kind], n)
					}
				}
			}
		}
		if !program { // what cells have made by := has no declaration
			for _, v := range c.Vars() {
				if v.Kind == "var" && !slices.Contains(byKind[token.VAR], v.Name) {
					byKind[token.VAR] = append(byKind[token.VAR], v.Name)
				}
			}
		}
		if len(byKind) == 0 {
			continue
		}
		any = true
		if program {
			fmt.Fprintf(c.Stdout, "of %%%%go and %%%%test cells, in every program:\n")
		} else {
			fmt.Fprintln(c.Stdout, "of other cells, in programs that need it:")
		}
		for _, k := range []token.Token{token.IMPORT, token.CONST, token.TYPE, token.VAR, token.FUNC} {
			if names := byKind[k]; len(names) > 0 {
				slices.Sort(names)
				fmt.Fprintf(c.Stdout, "  %-9s  %s\n", titles[k], strings.Join(names, ", "))
			}
		}
	}
	if !any {
		fmt.Fprintln(c.Stdout, "nothing is declared yet")
	}
	return nil
}

func (cs *Cells) rm(_ context.Context, c *magic.Call) error {
	names := strings.Fields(c.Args)
	if len(names) == 0 {
		return errors.New("%rm: forget what? %rm NAME; %ls lists names")
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.catchUp()
	for _, n := range names {
		kinds := cs.memory.remove(n)
		for _, v := range c.Vars() {
			if v.Name == n && !slices.Contains(kinds, v.Kind) {
				kinds = append(kinds, v.Kind)
			}
		}
		c.Forget(n)
		if len(kinds) == 0 {
			fmt.Fprintf(c.Stderr, ". key %q not found in any definition, not removed\n", n)
		}
		for _, k := range kinds {
			fmt.Fprintf(c.Stdout, ". removed %s %s\n", k, n)
		}
	}
	return nil
}
