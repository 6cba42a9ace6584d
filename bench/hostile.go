package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godlas/godlas/internal/hostile"
	"github.com/godlas/godlas/internal/onekernel"
)

const (
	hostileFrames = 100_000
	hostileConns  = 10_000
	hostileOpen   = 1_000
	hostileCells  = 1_000
)

// benchHostile has a client run cells on the real kernel while others send it what no client sends.
func benchHostile(ctx context.Context, r *report) error {
	r.head = []string{"peers", "cells", "right", "median", "p99", "longest", "memory of the kernel's front"}
	dir, err := os.MkdirTemp("", "dlas-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := buildDlas(ctx, dir)
	if err != nil {
		return err
	}
	one, err := onekernel.Command(ctx, binary, dir)
	if err != nil {
		return err
	}
	one.Cmd.Env = append(one.Cmd.Env, "DLAS_CACHE="+dir)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	one.Cmd.Stderr = log
	defer one.Close()
	if err := one.Start(ctx); err != nil {
		return err
	}
	k := hostileKernel{one}
	r.host()
	for i := range 50 { // warm
		if _, err := k.cell(ctx, -i); err != nil {
			return err
		}
	}
	run := func(begin func(i int) bool) (took []time.Duration, right int, err error) {
		for i := 0; begin(i); i++ {
			d, err := k.cell(ctx, i)
			if errors.Is(err, errWrong) {
				fmt.Fprintln(os.Stderr, err)
			} else if err != nil {
				return took, right, fmt.Errorf("cell %d: %w", i, err)
			} else {
				right++
			}
			took = append(took, d)
		}
		return took, right, nil
	}
	add := func(name string, took []time.Duration, right int, memory string) (p99, longest time.Duration) {
		s := slices.Sorted(slices.Values(took))
		p99, longest = s[len(s)*99/100], s[len(s)-1]
		ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
		r.add(name, fmt.Sprint(len(took)), fmt.Sprint(right), ms(s[len(s)/2]), ms(p99), ms(longest), memory)
		return p99, longest
	}
	took, right, err := run(func(i int) bool { return i < hostileCells })
	if err != nil {
		return err
	}
	before := k.memory()
	quiet, _ := add("none", took, right, fmt.Sprintf("%.1f MB", before))
	wrong := len(took) - right

	var progress atomic.Uint64 // of the peers, in millionths
	var most float64
	finished := make(chan struct{})
	var peers sync.WaitGroup
	var sent hostile.Report
	var attackErr error
	peers.Go(func() {
		defer close(finished)
		sent, attackErr = attack(ctx, k.targets(), &progress)
	})
	began := time.Now()
	// The cells are spread over the time of the attack: none begins before its share of it is over.
	took, right, err = run(func(i int) bool {
		if i >= hostileCells {
			return false
		}
		for progress.Load() < uint64(i)*1e6/hostileCells {
			select {
			case <-finished:
				return true
			case <-time.After(time.Millisecond):
			}
		}
		most = max(most, k.memory())
		return true
	})
	if err != nil {
		return err
	}
	peers.Wait()
	if attackErr != nil {
		return attackErr
	}
	length := time.Since(began)
	most = max(most, k.memory())
	if _, err := k.cell(ctx, 1); err != nil {
		return err
	}
	p99, longest := add("hostile", took, right, fmt.Sprintf("%.1f MB at most", most))
	wrong += len(took) - right
	took, right, err = run(func(i int) bool { return i < hostileCells/2 })
	if err != nil {
		return err
	}
	after := k.memory()
	add("none, after them", took, right, fmt.Sprintf("%.1f MB", after))
	wrong += len(took) - right

	var late []string
	if wrong > 0 {
		late = append(late, fmt.Sprintf("%d answers are wrong", wrong))
	}
	if p99 > 10*quiet {
		late = append(late, fmt.Sprintf("p99 is %.1f times that of quiet", float64(p99)/float64(quiet)))
	}
	if longest > time.Second {
		late = append(late, fmt.Sprintf("a cell took %v", longest))
	}
	if sent.Frames < hostileFrames || sent.Conns < hostileConns {
		late = append(late, "not all was sent")
	}
	if most > before+64 || after > before+16 {
		late = append(late, fmt.Sprintf("memory of %.0f MB became %.0f, and %.0f after", before, most, after))
	}
	r.verdict = append(late,
		fmt.Sprintf("In %.0f s: %d mutated frames on %d connections, %d connections half open, slow or garbage, at most %d open at once, %d not accepted.",
			length.Seconds(), sent.Frames, sent.Others, sent.Conns, sent.MostOpen, sent.Refused),
		fmt.Sprintf("p99 is %.1f times that of quiet. %d limits are exceeded.", float64(p99)/float64(quiet), len(late)))
	if late != nil {
		return errors.New(late[0])
	}
	return nil
}

// attack runs the peers in a process of their own, so that they do not take the client's time, and keeps progress in
// millionths.
func attack(ctx context.Context, targets []hostile.Target, progress *atomic.Uint64) (sent hostile.Report, err error) {
	self, err := os.Executable()
	if err != nil {
		return sent, err
	}
	list, err := json.Marshal(targets)
	if err != nil {
		return sent, err
	}
	cmd := exec.CommandContext(ctx, self, "peers", string(list))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return sent, err
	}
	if err := cmd.Start(); err != nil {
		return sent, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if n, err := strconv.ParseUint(lines.Text(), 10, 64); err == nil {
			progress.Store(n)
		} else if err := json.Unmarshal(lines.Bytes(), &sent); err != nil {
			return sent, err
		}
	}
	return sent, cmd.Wait()
}

// peersOf is the process of attack: it prints how far it is, and at last what was sent.
func peersOf(ctx context.Context, list string, w io.Writer) error {
	var targets []hostile.Target
	if err := json.Unmarshal([]byte(list), &targets); err != nil {
		return err
	}
	var mu sync.Mutex
	var last uint64
	sent, err := hostile.Run(ctx, targets, hostile.Options{
		Frames: hostileFrames, Conns: hostileConns, Open: hostileOpen, Seed: 1,
		Progress: func(done float64) {
			mu.Lock()
			defer mu.Unlock()
			if p := uint64(1e6 * done); p >= last+1e6/hostileCells {
				last = p
				fmt.Fprintln(w, p)
			}
		},
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(sent)
}

// hostileKernel is a kernel and its one client.
type hostileKernel struct{ *onekernel.Kernel }

func (k hostileKernel) targets() (ts []hostile.Target) {
	for name, peer := range map[string]string{"shell": "DEALER", "control": "DEALER", "stdin": "DEALER", "iopub": "SUB", "hb": "REQ"} {
		ts = append(ts, hostile.Target{Address: k.Address(name), Peer: peer})
	}
	slices.SortFunc(ts, func(a, b hostile.Target) int { return strings.Compare(a.Address, b.Address) })
	return ts
}

var errWrong = errors.New("a wrong answer")

// cell runs a cell and checks its reply, its result and what it prints.
func (k hostileKernel) cell(ctx context.Context, i int) (time.Duration, error) {
	a, err := k.Run(ctx, fmt.Sprintf("println(%d)\n%d * 7", i, i), nil)
	if err == nil && (a.Status != "ok" || a.Result != fmt.Sprint(i*7) || a.Printed != fmt.Sprintln(i)) {
		err = fmt.Errorf("%w: %+v", errWrong, a)
	}
	return a.Took, err
}

// memory is the resident set of the kernel's front in MB; 0 where the system does not say.
func (k hostileKernel) memory() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", k.Cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), "VmRSS:")
	var kb float64
	fmt.Sscan(after, &kb)
	return kb / 1024
}
