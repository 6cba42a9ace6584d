package magic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/kernel/internal/modules"
)

const getHelp = `record modules and download them, for cells to import
Each is a path with @VERSION or without: then the recorded version stays, and a new module is taken at its latest one. What
counts is the go.mod in the notebook's folder, else in the folders above it; where there is none one is made. It and go.sum
hold exact versions, so that a later run of the notebook needs neither the network nor newer versions. Cells that import
download nothing. This uses the go command, with its usual settings.`

const useHelp = `make the packages of a local folder importable
A folder with a go.mod is recorded, with a replacement, in the go.mod that counts (see %get); one below that go.mod belongs
to its module already. Edits of its source are seen after the next %use of it: cells from then on use the new code, and
what earlier ones made keeps the old.`

func get(ctx context.Context, c *Call) error {
	args := strings.Fields(c.Args)
	if len(args) == 0 {
		return errors.New("%get: which module? %get example.org/x@v1.2.3, or @latest")
	}
	args = slices.DeleteFunc(args, func(arg string) bool {
		module, version, given := strings.Cut(arg, "@")
		if host, _, _ := strings.Cut(module, "/"); !strings.Contains(host, ".") || !c.BuiltIn(module) {
			return false // the standard library's have a sentence of their own
		}
		if given {
			fmt.Fprintf(c.Stderr, "%s is built in: cells use its packages as the kernel has them, and programs (%%%%go) use %s\n", module, version)
			return false
		}
		fmt.Fprintf(c.Stdout, "%s is built in: cells import it without %%get\n", module)
		return true
	})
	if len(args) == 0 {
		return nil
	}
	w := modules.Workspace{Dir: c.Folder()}
	if err := w.Get(ctx, runGroup, c.Stdout, args); err != nil {
		return moduleError(ctx, "%get", err)
	}
	f := w.File()
	for module, version := range c.Loaded() {
		now, ok := f.Requirement(module)
		if !ok || now.Path != module || now.Version == version || version == "" {
			continue
		}
		if len(c.Reload(module)) > 0 {
			fmt.Fprintf(c.Stdout, "%s was loaded at %s: cells from now on use %s, and what was made before stays as it is\n", module, version, now.Version)
		}
	}
	return nil
}

func use(ctx context.Context, c *Call) error {
	if c.Args == "" {
		return errors.New("%use: which folder? %use ./DIR")
	}
	dir, err := expand(c.Args)
	if err != nil {
		return err
	}
	module, paths, err := (modules.Workspace{Dir: c.Folder()}).Use(ctx, runGroup, c.Stdout, dir)
	if err != nil {
		return moduleError(ctx, "%use", err)
	}
	again := c.Reload(module)
	for _, p := range paths {
		note := ""
		if slices.Contains(again, p) {
			note = " // loaded anew where a cell next uses it"
		}
		fmt.Fprintf(c.Stdout, "import %q%s\n", p, note)
	}
	return nil
}

func moduleError(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// completeModules offers what the go.mod that counts records.
func completeModules(c Completing) ([]Match, int) {
	f := (modules.Workspace{Dir: c.Folder}).File()
	if f == nil {
		return nil, 0
	}
	var paths []string
	for _, r := range f.Requires {
		paths = append(paths, r.Path, r.Path+"@"+r.Version)
	}
	return Words(c.Text, " ", paths...)
}
