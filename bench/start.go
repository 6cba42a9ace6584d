package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir/stat"
	"github.com/godlas/godlas/kernel/nb"
)

// benchStart times whole processes, as a user waits for them.
func benchStart(ctx context.Context, r *report) error {
	r.head = []string{"command", "median", "95 % interval", "n", "limit"}
	dir, err := os.MkdirTemp("", "dlas-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := buildDlas(ctx, dir)
	if err != nil {
		return err
	}
	command := func(args ...string) func() error {
		return func() error {
			out, err := exec.CommandContext(ctx, binary, args...).Output()
			if err != nil {
				return fmt.Errorf("dlas %v: %w", args, err)
			}
			var res dlas.Result
			if r.machine == "" && json.Unmarshal(out, &res) == nil {
				r.on(&res)
			}
			return nil
		}
	}
	cell := filepath.Join(dir, "one.ipynb")
	notebook := `{"cells":[{"cell_type":"code","id":"a","metadata":{},"execution_count":null,"outputs":[],"source":"x := 6 * 7\nx"}],"metadata":{},"nbformat":4,"nbformat_minor":5}`
	if err := os.WriteFile(cell, []byte(notebook), 0o600); err != nil {
		return err
	}
	session := func() error {
		p, err := nb.Start(ctx, binary, "session")
		if err != nil {
			return err
		}
		return p.Close()
	}
	var late []string
	for _, b := range []struct {
		name  string
		n     int
		limit time.Duration
		run   func() error
	}{
		{"dlas run --json", 5, 10 * time.Second, command("run", "--json")},
		{"dlas run --data cifar10 --model resnet20 --json", 5, 30 * time.Second, command("run", "--data", "cifar10", "--model", "resnet20", "--json")},
		{"dlas help", 20, 50 * time.Millisecond, command("help")},
		{"start of a session, until it is ready, and its end", 20, 0, session},
		{"dlas nb run of one cell", 20, 0, command("nb", "run", cell)},
	} {
		var seconds []float64
		for range b.n {
			begin := time.Now()
			if err := b.run(); err != nil {
				return err
			}
			seconds = append(seconds, time.Since(begin).Seconds())
		}
		median, low, high := stat.MedianInterval(seconds)
		limit := "none"
		if b.limit > 0 {
			limit = b.limit.String()
			if median > b.limit.Seconds() {
				late = append(late, fmt.Sprintf("%s takes %.2f s, more than %v", b.name, median, b.limit))
			}
		}
		r.add("`"+b.name+"`", fmt.Sprintf("%.3f s", median), fmt.Sprintf("%.3f to %.3f s", low, high), fmt.Sprint(b.n), limit)
	}
	r.verdict = append(late, fmt.Sprintf("%d limits are exceeded.", len(late)))
	if late != nil {
		return fmt.Errorf("%s", late[0])
	}
	return nil
}
