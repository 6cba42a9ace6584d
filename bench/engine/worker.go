package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/primitive"
	"github.com/godlas/godlas/dlas/system"
)

// Work is our engine with a network as a process of a contest. Its arguments are the network's file, threads, batch, the
// file of the input's elements, the algorithm (and after a space the format) and the ISA (empty: the best).
func Work(args []string, in io.Reader, out io.Writer) error {
	reply := func(a answer) error {
		line, err := json.Marshal(a)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, string(line))
		return err
	}
	w, err := newWorker(args)
	if err != nil {
		return reply(answer{Err: err.Error()})
	}
	if err := reply(answer{Ready: int64(w.ready), Before: w.before, Peak: memory("VmHWM:")}); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var q request
		err := json.Unmarshal(lines.Bytes(), &q)
		var a answer
		if err == nil {
			a, err = w.answer(q)
		}
		if err != nil {
			a.Err = err.Error()
		}
		if err := reply(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

type worker struct {
	program *system.Program
	in, out []float32
	machine ir.Machine
	ready   time.Duration
	before  int64
}

func newWorker(args []string) (*worker, error) {
	if len(args) != 6 {
		return nil, fmt.Errorf("usage: FILE THREADS BATCH INPUT ALGORITHM ISA")
	}
	w := &worker{}
	var batch int
	var err error
	if batch, err = strconv.Atoi(args[2]); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(args[3])
	if err != nil {
		return nil, err
	}
	w.in = unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)/4)
	w.before = memory("VmRSS:")
	begun := time.Now()
	m, err := model.ReadFile(args[0], model.FileOptions{})
	if err != nil {
		return nil, err
	}
	c := ir.Choice{Name: "cpu", Args: []ir.Arg{{Key: "threads", Op: "=", Value: args[1]}}}
	if args[5] != "" {
		c.Args = append([]ir.Arg{{Key: "isa", Op: "=", Value: args[5]}}, c.Args...)
	}
	machine, err := hardware.Resolve(c)
	if err != nil {
		return nil, err
	}
	w.machine = machine
	algorithm, format, _ := strings.Cut(args[4], " ")
	if w.program, err = system.Compile(m.Graph, primitive.Kernels(), machine, system.Plan{Algorithm: algorithm, Format: format, Batch: batch}); err != nil {
		return nil, err
	}
	w.out = make([]float32, w.program.OutShape().Elems())
	if err := w.call(); err != nil {
		return nil, err
	}
	w.ready = time.Since(begun)
	return w, nil
}

func (w *worker) call() error { return w.program.Run(context.Background(), w.in, w.out) }

func (w *worker) answer(q request) (a answer, err error) {
	switch q.Op {
	case "output":
		a.Out = make([]float64, len(w.out))
		for i, v := range w.out {
			if a.Out[i] = float64(v); math.IsNaN(a.Out[i]) || math.IsInf(a.Out[i], 0) {
				return a, fmt.Errorf("output %d is %v", i, v)
			}
		}
	case "nodes":
		ms, err := w.program.Profile(context.Background(), w.in, q.Least)
		if err != nil {
			return a, err
		}
		for i, n := range w.program.Nodes() {
			a.Nodes = append(a.Nodes, Node{n.Name, n.Op, n.Kernel, ms[i], n.MACs, n.MACsExecuted})
		}
	case "peaks":
		p := primitive.Peaks(w.machine, time.Duration(q.For))
		a.Peaks = &Peaks{p.MACs, p.MACs8, p.Bytes}
	case "queue":
		return w.queue(q.Least)
	case "many":
		return w.many(q.Goroutines, q.Least)
	case "run":
		return w.run(q)
	default:
		return a, fmt.Errorf("no request %q", q.Op)
	}
	return a, nil
}

func (w *worker) run(q request) (a answer, err error) {
	begun := time.Now()
	for {
		if err := w.call(); err != nil {
			return a, err
		}
		if int64(time.Since(begun)) >= q.Warm {
			break
		}
	}
	begun = time.Now()
	for at := time.Duration(0); int64(at) < q.For || len(a.NS) < q.Least; {
		if err := w.call(); err != nil {
			return a, err
		}
		now := time.Since(begun)
		a.NS = append(a.NS, int64(now-at))
		at = now
	}
	return a, nil
}

// many calls the network that often from that many goroutines at once, and returns the time that all took together.
func (w *worker) many(goroutines, calls int) (a answer, err error) {
	var next, failed atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range goroutines {
		all.Go(func() {
			out := make([]float32, len(w.out))
			for next.Add(1) <= int64(calls) {
				if w.program.Run(context.Background(), w.in, out) != nil || !slices.Equal(out, w.out) {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	a.NS = []int64{int64(time.Since(begun))}
	if n := failed.Load(); n > 0 {
		err = fmt.Errorf("%d of %d calls failed or made another output", n, calls)
	}
	return a, err
}

// queue runs the network over that many images as a measurement of accuracy does, and returns the time of all.
func (w *worker) queue(images int) (a answer, err error) {
	var failed atomic.Int64
	begun := time.Now()
	err = w.program.Each(context.Background(), images, func(_ int, in []float32) error {
		copy(in, w.in)
		return nil
	}, func(_ int, out []float32) {
		if !slices.Equal(out, w.out) {
			failed.Add(1)
		}
	})
	a.NS = []int64{int64(time.Since(begun))}
	if n := failed.Load(); err == nil && n > 0 {
		err = fmt.Errorf("%d of %d images made another output", n, images)
	}
	return a, err
}

// memory is a line of /proc/self/status, in bytes.
func memory(key string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "\n"+key)
	kib := int64(0)
	fmt.Sscan(rest, &kib)
	return kib << 10
}
