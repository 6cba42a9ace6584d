package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/godlas/godlas/install"
)

func runInstall(ctx context.Context, c *call) error {
	f := c.flags()
	place := f.place()
	k := install.Kernelspec{Env: map[string]string{}}
	f.StringVar(&k.Name, "name", "", "`name` of the kernelspec, for a second one beside godlas")
	f.StringVar(&k.DisplayName, "display-name", "", "`text` that people see; without it, Go (godlas)")
	f.Func("env", "`name=value` in the kernel's environment; may stand several times", func(s string) error {
		name, value, err := install.ParseEnv(s)
		if err == nil {
			k.Env[name] = value
		}
		return err
	})
	papermill := f.Bool("papermill", false, "also teach the place's papermill to write parameters in Go, by its pip")
	memory := f.String("memory", "", "stop cells that make the session use more than this `size`, such as 4GiB")
	if _, err := f.parse(0, 0); err != nil {
		return err
	}
	where, err := place()
	if err != nil {
		return err
	}
	if *memory != "" {
		switch n, err := parseSize(*memory); {
		case err != nil:
			return usageError("install: --memory: " + err.Error())
		case n > 0 && n < leastMemory:
			return usageError(fmt.Sprintf("install: --memory %s is too little; 256MiB is the least", *memory))
		}
		k.Args = []string{"--memory", *memory}
	}
	dir, err := install.Install(where, k)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, "installed the kernel into "+dir)
	if *papermill {
		python, err := install.InstallPapermill(ctx, where, c.stderr)
		if err != nil {
			return err
		}
		fmt.Fprintln(c.stdout, "papermill of "+python+" knows Go")
	}
	return nil
}

func runUninstall(ctx context.Context, c *call) error {
	f := c.flags()
	place := f.place()
	name := f.String("name", "", "`name` of the kernelspec; without it, godlas")
	papermill := f.Bool("papermill", false, "also take Go from the place's papermill")
	if _, err := f.parse(0, 0); err != nil {
		return err
	}
	where, err := place()
	if err != nil {
		return err
	}
	dir, err := install.Uninstall(where, *name)
	if err == nil {
		fmt.Fprintln(c.stdout, "removed the kernel from "+dir)
	}
	if *papermill { // whether or not there was a kernel
		python, perr := install.UninstallPapermill(ctx, where, c.stderr)
		if perr == nil {
			fmt.Fprintln(c.stdout, "removed godlas-papermill from "+python)
		}
		if err != nil && perr != nil {
			err = fmt.Errorf("%w; %w", err, perr) // which stay on one line
		} else if perr != nil {
			err = perr
		}
	}
	return err
}

// place adds the flags that say which Jupyter is meant. The function that it returns reads them once they are parsed.
func (f *flags) place() func() (install.Place, error) {
	var p install.Place
	user := f.Bool("user", false, "the user's own Jupyter, which is the default")
	f.StringVar(&p.Prefix, "prefix", "", "`folder` of a Python environment")
	f.BoolVar(&p.SysPrefix, "sys-prefix", false, "the environment of the Python that is first on PATH, such as an active one")
	return func() (install.Place, error) {
		var said []string
		for _, flag := range []struct {
			name string
			set  bool
		}{{"--user", *user}, {"--prefix", p.Prefix != ""}, {"--sys-prefix", p.SysPrefix}} {
			if flag.set {
				said = append(said, flag.name)
			}
		}
		if len(said) > 1 {
			return p, usageError(fmt.Sprintf("%s: %s name two places", f.c.name, strings.Join(said[:2], " and ")))
		}
		return p, nil
	}
}
