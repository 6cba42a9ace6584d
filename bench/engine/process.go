// Package engine times networks in our engine and in others, each in a process of its own, block by block in turns.
package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// request and answer are what an engine's process reads and writes, a line of JSON each. Times are nanoseconds.
type request struct {
	Op         string `json:"op"` // run: call the network for a while; output: what the last call made; nodes, many: ours only
	Warm       int64  `json:"warm,omitempty"`
	For        int64  `json:"for,omitempty"`
	Least      int    `json:"least,omitempty"`      // calls
	Goroutines int    `json:"goroutines,omitempty"` // of many
}

type answer struct {
	Ready  int64     `json:"ready,omitempty"`  // from the file to the first output
	Before int64     `json:"before,omitempty"` // bytes of memory before opening the network
	Peak   int64     `json:"peak,omitempty"`   // and at most until it was ready
	NS     []int64   `json:"ns,omitempty"`
	Out    []float64 `json:"out,omitempty"`
	Nodes  []Node    `json:"nodes,omitempty"`
	Peaks  *Peaks    `json:"peaks,omitempty"`
	Err    string    `json:"err,omitempty"`
}

// Node is a node of our program, profiled.
type Node struct {
	Name, Op, Kernel   string
	MS                 float64
	MACs, MACsExecuted int64
}

// Peaks are what the machine can do at most, with the threads and the ISA of the process that measured it.
type Peaks struct {
	MACs  float64 `json:"macs"`  // multiply-accumulates a second: f32
	MACs8 float64 `json:"macs8"` // of 8-bit integers
	Bytes float64 `json:"bytes"` // read from memory, a second
}

// process is an engine with a network, ready to be called. It is stopped whenever it is not asked: the threads of a pool
// that spin would take the cores of the next one.
type process struct {
	cmd *exec.Cmd
	in  *os.File
	out *bufio.Scanner
	// ready is the time from opening the network to its first output, as the process saw it.
	ready        time.Duration
	before, peak int64
}

// start starts a process on the first n cores and waits until it is ready.
func start(ctx context.Context, threads int, argv ...string) (*process, error) {
	cores := "0"
	if threads > 1 {
		cores = fmt.Sprintf("0-%d", threads-1)
	}
	p := &process{cmd: exec.CommandContext(ctx, "taskset", append([]string{"-c", cores}, argv...)...)}
	var complaint strings.Builder
	p.cmd.Stderr = &complaint
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p.cmd.Stdin, p.in = r, w
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	p.out.Buffer(nil, 1<<26)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	a, err := p.read()
	if err != nil {
		p.close()
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(argv[0]), err, tail(complaint.String()))
	}
	p.ready, p.before, p.peak = time.Duration(a.Ready), a.Before, a.Peak
	return p, p.pause()
}

func tail(s string) string { return s[max(0, len(s)-2000):] }

func (p *process) read() (a answer, err error) {
	if !p.out.Scan() {
		if err = p.out.Err(); err == nil {
			err = fmt.Errorf("the process ended")
		}
		return a, err
	}
	if err := json.Unmarshal(p.out.Bytes(), &a); err != nil {
		return a, fmt.Errorf("%w in %q", err, tail(p.out.Text()))
	}
	if a.Err != "" {
		return a, fmt.Errorf("%s", a.Err)
	}
	return a, nil
}

// ask wakes the process for one request.
func (p *process) ask(q request) (answer, error) {
	if err := p.resume(); err != nil {
		return answer{}, err
	}
	line, err := json.Marshal(q)
	if err != nil {
		return answer{}, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return answer{}, err
	}
	a, err := p.read()
	if err != nil {
		return a, err
	}
	return a, p.pause()
}

// block calls the network for a while, after a warm-up, and returns the milliseconds of each call.
func (p *process) block(warm, length time.Duration, least int) ([]float64, error) {
	a, err := p.ask(request{Op: "run", Warm: int64(warm), For: int64(length), Least: least})
	if err != nil {
		return nil, err
	}
	ms := make([]float64, len(a.NS))
	for i, ns := range a.NS {
		ms[i] = float64(ns) / 1e6
	}
	return ms, nil
}

func (p *process) close() {
	_ = p.resume()
	p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
