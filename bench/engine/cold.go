package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir/stat"
)

// coldRounds are the first uses of each engine: more than enough for the ratio's interval, at seconds each.
const coldRounds = 11

// Cold times the first use: a new process opens the file, which the system has in memory, and runs it once; and what
// memory that takes at most beyond what the process had before. Words choose networks, a type and a number of threads
// (two, where none is chosen).
func Cold(ctx context.Context, t Table, words []string) error {
	if err := asked(words); err != nil {
		return err
	}
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	threads := 2
	if slices.Contains(words, "1") {
		threads = 1
	}
	t.Head("network", "type", "ours, ms", "ONNX Runtime, ms", "ratio", "95 % interval", "verdict", "ours, MB", "ONNX Runtime, MB", "ratio", "verdict")
	missed := 0
	for _, n := range networks() {
		if !selected(n, words) {
			continue
		}
		f, err := n.write(l.dir)
		if err != nil {
			return err
		}
		for _, kind := range []string{"f32", "i8"} {
			if other := map[string]string{"f32": "i8", "i8": "f32"}[kind]; slices.Contains(words, other) && !slices.Contains(words, kind) {
				continue
			}
			if kind == "i8" {
				if err := f.quantise(ctx, l.python, l.quantiser); err != nil {
					return err
				}
			}
			if missed, err = l.cold(ctx, t, n, f, kind, threads, missed); err != nil {
				return fmt.Errorf("%s %s: %w", n.name, kind, err)
			}
		}
		f.remove()
	}
	t.Note(fmt.Sprintf("%d goals (at most ONNX Runtime's time, at most its memory) are not met. Threads: %d.", missed, threads))
	return nil
}

// cold adds a row, and returns how many goals were missed with those of it.
func (l *lab) cold(ctx context.Context, t Table, n network, f *files, kind string, threads, missed int) (int, error) {
	file := map[string]string{"f32": f.f32, "i8": f.i8}[kind]
	starts := []func() (*process, error){
		func() (*process, error) {
			return start(ctx, threads, l.self, "engine-cold", file, fmt.Sprint(threads), f.input)
		},
		func() (*process, error) {
			e, err := l.theirs(ctx, "onnxruntime", file, f.input, threads, 1)
			return e.process, err
		},
	}
	// The file is read once for both, so that neither waits for a disk.
	if err := skim(file); err != nil {
		return missed, err
	}
	both := []*entry{{}, {}}
	var memory [2][]float64
	for r := range coldRounds {
		for i := range both {
			i = (i + r) % 2
			p, err := starts[i]()
			if err != nil {
				return missed, err
			}
			both[i].ms = append(both[i].ms, float64(p.ready)/1e6)
			memory[i] = append(memory[i], float64(p.peak-p.before)/1e6)
			p.close()
		}
	}
	median, low, high := ratio(both[0], both[1])
	v, m := verdict(median, high, 1), "met"
	ours, theirs := stat.Median(memory[0]), stat.Median(memory[1])
	if ours > theirs {
		m = "not met"
	}
	for _, v := range []string{v, m} {
		if v == "not met" {
			missed++
		}
	}
	t.Add(fmt.Sprintf("%s %dx%d", n.title, n.size, n.size), kind, fmt.Sprintf("%.1f", stat.Median(both[0].ms)), fmt.Sprintf("%.1f", stat.Median(both[1].ms)),
		fmt.Sprintf("%.2f", median), fmt.Sprintf("%.2f to %.2f", low, high), v,
		fmt.Sprintf("%.1f", ours), fmt.Sprintf("%.1f", theirs), fmt.Sprintf("%.2f", ours/theirs), m)
	return missed, nil
}

func skim(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(io.Discard, file)
	return err
}

// First is our engine with a network as a process of Cold: it answers when it has run once, as any program does that
// uses the library. Its arguments are the network's file, threads and the file of the input's elements.
func First(args []string, out io.Writer) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: FILE THREADS INPUT")
	}
	threads, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	in := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)/4)
	a := answer{Before: memory("VmRSS:")}
	begun := time.Now()
	p, err := dlas.Open(args[0], dlas.CompileOptions{Threads: threads})
	if err == nil {
		err = p.Run(context.Background(), in, make([]float32, p.OutShape().Elems()))
	}
	a.Ready, a.Peak = int64(time.Since(begun)), memory("VmHWM:")
	if err != nil {
		a = answer{Err: err.Error()}
	}
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(line))
	return err
}
