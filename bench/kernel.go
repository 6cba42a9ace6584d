package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/godlas/godlas/dlas/ir/stat"
	"github.com/godlas/godlas/install"
)

//go:embed kernel.py
var kernelDriver []byte

// kernelRounds is how often both kernels are started, and kernelCells how many cells, completions and inspections each has then.
const (
	kernelRounds = 11
	kernelCells  = 100
)

// benchKernel asks our kernel and ipykernel, both installed in the environment of the lock file, the same by jupyter_client.
func benchKernel(ctx context.Context, r *report) error {
	python, driver, end, err := driven(ctx, "kernel.py", kernelDriver)
	if err != nil {
		return err
	}
	defer end()
	version, err := python("-c", "import ipykernel, jupyter_client, sys; print(ipykernel.__version__, jupyter_client.__version__, sys.version.split()[0])")
	if err != nil {
		return fmt.Errorf("python: %w", err)
	}
	var theirs, client, py string
	fmt.Sscan(string(version), &theirs, &client, &py)
	r.host()
	r.machine += fmt.Sprintf("; jupyter_client %s, Python %s", client, py)
	out, err := python(driver, fmt.Sprint(kernelRounds), fmt.Sprint(kernelCells))
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(driver), err)
	}
	var samples struct{ Ours, Theirs map[string][]float64 }
	if err := json.Unmarshal(out, &samples); err != nil {
		return err
	}
	r.head = []string{"what", "ours", "95 % interval", "ipykernel " + theirs, "95 % interval", "ours / theirs", "wanted", "n"}
	var late []string
	for _, row := range []struct {
		key, name string
		most      float64 // of ours / theirs
	}{
		{"start", "start to the first kernel_info_reply", 1},
		{"cell", "trivial cell, to its reply and idle", 0.5},
		{"complete", "completion", 1},
		{"inspect", "inspection", 1},
		{"memory after the start", "memory after the first cell", 1},
		{"memory after cells", fmt.Sprintf("memory after %d cells", kernelCells), 1},
		{"memory at the end", fmt.Sprintf("memory after %d completions and inspections too", kernelCells), 1},
	} {
		unit, scale := "ms", 1e3
		if row.key[:3] == "mem" {
			unit, scale = "MB", 1e-6
		}
		a, b := samples.Ours[row.key], samples.Theirs[row.key]
		if len(a) == 0 || len(a) != len(b) {
			return fmt.Errorf("%s: %d samples of ours, %d of theirs", row.key, len(a), len(b))
		}
		show := func(v []float64) (median float64, cells []string) {
			median, low, high := stat.MedianInterval(v)
			return median, []string{fmt.Sprintf("%.2f %s", median*scale, unit), fmt.Sprintf("%.2f to %.2f", low*scale, high*scale)}
		}
		x, ours := show(a)
		y, ipykernel := show(b)
		cells := append(append([]string{row.name}, ours...), ipykernel...)
		r.add(append(cells, fmt.Sprintf("%.2f", x/y), fmt.Sprintf("at most %.1f", row.most), fmt.Sprint(len(a)))...)
		if x/y > row.most {
			late = append(late, fmt.Sprintf("%s: %.2f of ipykernel's, at most %.1f is wanted.", row.name, x/y, row.most))
		}
	}
	r.verdict = append(late, "Memory is the PSS of all processes of a kernel. Both kernels were alive at once and were asked in turns.", fmt.Sprintf("%d limits are exceeded.", len(late)))
	if late != nil {
		return fmt.Errorf("%s", late[0])
	}
	return nil
}

// driven installs the kernel and writes a driver that asks it through jupyter_client; end removes both.
func driven(ctx context.Context, name string, source []byte) (python func(args ...string) ([]byte, error), driver string, end func(), err error) {
	if runtime.GOOS != "linux" {
		return nil, "", nil, fmt.Errorf("memory is read from /proc, which %s has not", runtime.GOOS)
	}
	dir, err := os.MkdirTemp("", "dlas-bench")
	if err != nil {
		return nil, "", nil, err
	}
	end = func() { os.RemoveAll(dir) }
	driver = filepath.Join(dir, name)
	if err = os.WriteFile(driver, source, 0o600); err == nil {
		python, err = installedKernel(ctx, dir)
	}
	if err != nil {
		end()
		return nil, "", nil, err
	}
	return python, driver, end, nil
}

// buildDlas builds the program into dir.
func buildDlas(ctx context.Context, dir string) (binary string, err error) {
	binary = filepath.Join(dir, "dlas.exe") // the suffix harms nowhere
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/dlas")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("go build: %w", err)
	}
	return binary, nil
}

// installedKernel builds dlas into dir, installs it beside the environment of the lock file, and returns what runs that
// environment's Python with the kernel in its reach.
func installedKernel(ctx context.Context, dir string) (python func(args ...string) ([]byte, error), err error) {
	env, err := install.MakeEnv(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	binary, err := buildDlas(ctx, dir)
	if err != nil {
		return nil, err
	}
	share := filepath.Join(dir, "share")
	if _, err := install.WriteKernelspec(share, binary); err != nil {
		return nil, err
	}
	return func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, env.Python, append([]string{"-B"}, args...)...)
		cmd.Env = append(
			os.Environ(), "JUPYTER_PATH="+share, "JUPYTER_RUNTIME_DIR="+filepath.Join(dir, "run"), "JUPYTER_DATA_DIR="+filepath.Join(dir, "data"),
			"XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "IPYTHONDIR="+filepath.Join(dir, "ipython"),
		)
		cmd.Stderr = os.Stderr
		return cmd.Output()
	}, nil
}
