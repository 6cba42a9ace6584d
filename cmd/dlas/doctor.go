package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/store"
	"github.com/godlas/godlas/install"
	"github.com/godlas/godlas/kernel"
	"github.com/godlas/godlas/kernel/probe"
)

func runDoctor(ctx context.Context, c *call) error {
	f := c.flags()
	asJSON := f.Bool("json", false, "one finding a line, as JSON")
	if _, err := f.parse(0, 0); err != nil {
		return err
	}
	warned, failed := install.Examine(ctx, doctorChecks(), func(found install.Finding) {
		if *asJSON {
			found.WriteJSON(c.stdout)
		} else {
			found.WriteText(c.stdout)
		}
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !*asJSON {
		switch {
		case failed > 0:
			fmt.Fprintf(c.stdout, "\n%d to mend, %d to know\n", failed, warned)
		case warned > 0:
			fmt.Fprintf(c.stdout, "\nnothing to mend, %d to know\n", warned)
		default:
			fmt.Fprintln(c.stdout, "\nall well")
		}
	}
	if failed > 0 {
		return status(exitFailed)
	}
	return nil
}

// doctorChecks are the machine's, the kernel's, Jupyter's and DLAS's, in the order in which one breaks the next.
func doctorChecks() []install.Check {
	checks := append(install.MachineChecks(),
		install.Check{Name: "history", Run: func(context.Context) []install.Finding { return checkHistory(historyFile()) }},
		install.Check{Name: "kernel", Run: checkKernel})
	checks = append(checks, install.JupyterChecks()...)
	return append(checks,
		install.Check{Name: "processor", Run: func(context.Context) []install.Finding { return checkProcessor(hardware.Probe()) }},
		install.Check{Name: "data", Run: func(context.Context) []install.Finding { return checkData(data.EnvFromOS()) }},
		install.Check{Name: "results", Run: func(context.Context) []install.Finding { return checkResults(resultsFolder()) }},
	)
}

func one(s install.Status, mend, format string, args ...any) []install.Finding {
	return []install.Finding{{Status: s, What: fmt.Sprintf(format, args...), Mend: mend}}
}

// probeTime is for a start and a cell, which take 30 ms on a machine that is well.
const probeTime = 30 * time.Second

// checkKernel starts this program as a kernel and runs a cell, as Jupyter would.
func checkKernel(ctx context.Context) []install.Finding {
	self, err := os.Executable()
	if err != nil {
		return one(install.Fail, "", "%v", err)
	}
	return probeKernel(ctx, []string{self, "kernel", "--connection-file", "{connection_file}"})
}

func probeKernel(ctx context.Context, argv []string) []install.Finding {
	const cell, want = "6 * 7", "42"
	// Shorter than the doctor's own patience, so that the kernel is not left behind.
	ctx, cancel := context.WithTimeoutCause(ctx, probeTime, fmt.Errorf("not within %v", probeTime))
	defer cancel()
	r, err := probe.Run(ctx, argv, cell)
	switch {
	case err != nil:
		return one(install.Fail, "dlas kernel --verbose --connection-file FILE", "%v", err)
	case r.Text != want:
		return one(install.Fail, "", "the cell %s gives %q", cell, r.Text)
	}
	return one(install.OK, "", "%s, %s: answers after %.0f ms, a cell takes %.1f ms", r.Implementation, r.Language,
		r.Start.Seconds()*1e3, r.Cell.Seconds()*1e3)
}

func checkHistory(path string) []install.Finding {
	s, err := kernel.CheckHistory(path)
	aside := fmt.Sprintf("mv %s %s.damaged", path, path)
	if fi, err := os.Stat(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && !fi.IsDir() {
		aside = "export DLAS_CACHE=FOLDER"
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return one(install.OK, "", "none yet")
	case err != nil:
		return one(install.Warn, aside, "no history is kept: %v", err)
	case s.Damaged > 0:
		return one(install.Warn, aside, "of %s, lines that cannot be read are passed over: %d; cells that can: %d", path, s.Damaged, s.Cells)
	case runtime.GOOS != "windows" && s.Mode&0o077 != 0:
		return one(install.Warn, "chmod 600 "+path, "others may read %s (%v), and cells may hold secrets", path, s.Mode)
	}
	return one(install.OK, "", "%d cells in %s", s.Cells, path)
}

func checkProcessor(m ir.Machine) []install.Finding {
	var out []install.Finding
	switch {
	case slices.Contains(m.ISAs, hardware.ISAAVX2), slices.Contains(m.ISAs, hardware.ISANEON):
	case m.Arch == "amd64":
		out = append(out, one(install.Warn, "", "%s shows no AVX2 with FMA, or this build has no assembly: networks run on plain loops, several times slower; in a virtual machine, pass the host's processor through", m.CPU)...)
	default:
		out = append(out, one(install.Warn, "", "on %s networks run on plain loops, several times slower than with AVX2", m.Arch)...)
	}
	if m.Cores < 2 {
		what := "one core"
		if m.Logical > 1 {
			what = fmt.Sprintf("one core's worth of time among %d processors, by quota", m.Logical)
		}
		out = append(out, one(install.Warn, "", "%s: networks run on one thread, and the rest of the machine disturbs what is measured; give a container more with --cpus", what)...)
	}
	if out == nil {
		out = one(install.OK, "", "%s, %s, %d threads", m.CPU, m.ISAs[len(m.ISAs)-1], m.Threads)
	}
	return out
}

func checkData(env data.Env) []install.Finding {
	if env.Dir == "" {
		return one(install.OK, "", "DLAS_DATA is not set: the embedded sets and those of dlas data get are there")
	}
	fi, err := os.Stat(env.Dir)
	if err == nil && !fi.IsDir() {
		err = fmt.Errorf("%s is no folder", env.Dir)
	}
	if err == nil {
		_, err = os.ReadDir(env.Dir)
	}
	if err != nil {
		return one(install.Fail, "unset DLAS_DATA", "DLAS_DATA names no folder of data: %v", err)
	}
	return one(install.OK, "", "DLAS_DATA is %s", env.Dir)
}

// resultsFolder is where results are kept; "" where they are not.
func resultsFolder() string {
	if dir := os.Getenv("DLAS_STORE"); dir != "" {
		return dir
	}
	if cache := data.EnvFromOS().Cache; cache != "" {
		return filepath.Join(cache, "results")
	}
	return ""
}

func checkResults(dir string) []install.Finding {
	if dir == "" {
		return one(install.Warn, "export DLAS_STORE=FOLDER", "there is no folder to keep results in")
	}
	n := 0
	skipped, err := store.Open(dir).Each(func(store.Entry) bool { n++; return true })
	path := filepath.Join(dir, "results.jsonl")
	switch {
	case err != nil:
		return one(install.Warn, "export DLAS_STORE=FOLDER", "results cannot be read: %v", err)
	case skipped > 0:
		return one(install.Warn, fmt.Sprintf("cp %s %s.damaged", path, path), "%d records of %s are damaged and passed over; %d are good", skipped, path, n)
	}
	return one(install.OK, "", "%d in %s", n, dir)
}
