// Command bench measures what needs a quiet machine, alone: go run ./bench NAME. Each benchmark writes a table with its
// command and machine to bench/results/NAME.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/godlas/godlas/bench/engine"
	"github.com/godlas/godlas/dlas"
)

// benchmark is a row of the table.
type benchmark struct {
	name, help string
	run        func(ctx context.Context, r *report) error
}

func benchmarks() []benchmark {
	return []benchmark{
		{"aa", "One Spec compared with itself 40 times: at most 3 verdicts other than cannot tell.", benchAA},
		{"across", "Three embedded networks, compressed in five ways, by three algorithms, untuned and tuned: notebook 07 in full. Words choose networks, passes or algorithms.", benchAcross(nil)},
		{"avx2", "Every distinct dense convolution of the networks by the direct kernel with AVX2 on one thread, warm, in turns with the loop that measures the peak.", benchEngine("avx2")},
		{"engine", "Every network in f32 and int8, on one and two threads, in our engine, ONNX Runtime and OpenVINO: processes of their own on the same cores, block by block in turns.", benchEngine("engine")},
		{"batch", "Batches of 8 and 32 images in our engine, ONNX Runtime and OpenVINO; words name networks and batches.", benchEngine("batch")},
		{"choice", "The automatic choice on compressed networks against the best dense kernels, paired, on one thread and two: it fails where the choice is slower beyond noise. Words choose networks, threads or compressions.", benchChoice(nil)},
		{"compressed", "ResNet-18 compressed, against ONNX Runtime on the uncompressed network and against our own dense kernels, one thread, block by block in turns; words choose rows.", benchEngine("compressed")},
		{"cold", "From opening a network's file to its first output, and the memory that takes, against ONNX Runtime.", benchEngine("cold")},
		{"litert", "Published TFLite networks in our engine and in LiteRT (XNNPACK).", benchEngine("litert")},
		{"operators", "Single operators, at sizes of real networks, in our engine and ONNX Runtime on one thread; words choose some.", benchEngine("operators")},
		{"pauses", "How long the collector stops inference, and how soon a cancelled run ends.", benchEngine("pauses")},
		{"scale", "10,000 images on one thread and two, as a queue, one after the other, and from 64 goroutines.", benchEngine("scale")},
		{"explain", "Where the speed-up of two compressed ResNets went, on one thread and two: how much of the gap is unexplained. Words choose some networks, threads or passes.", benchExplain(nil)},
		{"fuzz", "Go's fuzzer on every test for it, a minute each: what reads others' files, messages and text.", benchFuzz()},
		{"heuristic", "The schedules of three networks searched from an empty store: on how many nodes heuristic is within 5 % of the best candidate, and the rest.", benchHeuristic(nil)},
		{"hostile", "A client runs 1,000 cells while 100,000 mutated frames and 10,000 half-open, slow or garbage connections come to all five sockets.", benchHostile},
		{"interp", "Programs in the interpreter and in yaegi, turn and turn about, and what a notebook waits for: start, cells, memory, interrupts, completion.", benchInterp},
		{"kernel", "The kernel and ipykernel, installed side by side and asked the same by jupyter_client, turn and turn about: start, cells, completion, inspection, memory.", benchKernel},
		{"soak", "20,000 runs of 200 different cells through jupyter_client, and the memory of both processes of the kernel.", benchSoak},
		{"sparse", "Convolutions with zeros in the formats that skip them, floats and bytes, against the dense direct kernel on one thread: the kernel alone, and with the conversions of what it reads and writes, for each vector instruction set; words choose one, a type (f32, i8) or formats.", benchEngine("sparse")},
		{"start", "Wall time of the default run, of ResNet-20 over 10,000 images and of a session's first cell.", benchStart},
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "peers" { // of the benchmark hostile
		return peersOf(context.Background(), args[1], os.Stdout)
	}
	if len(args) == 1 && args[0] == "worker" { // of the benchmark interp
		return work(os.Stdin, os.Stdout)
	}
	if len(args) > 1 && args[0] == "engine-worker" {
		return engine.Work(args[1:], os.Stdin, os.Stdout)
	}
	if len(args) > 1 && args[0] == "engine-cold" {
		return engine.First(args[1:], os.Stdout)
	}
	if len(args) > 1 && engines[args[0]] != nil { // some of its rows, printed only
		return engines[args[0]](context.Background(), table{&report{}}, args[1:])
	}
	if len(args) > 1 && args[0] == "nodes" { // of a network of the benchmark engine, printed only
		return engine.Nodes(context.Background(), table{&report{}}, args[1:])
	}
	if len(args) > 1 && args[0] == "fuzz" { // some of its tests, printed only
		return benchFuzz(args[1:]...)(context.Background(), &report{})
	}
	if len(args) > 1 && (args[0] == "heuristic" || args[0] == "explain" || args[0] == "across" || args[0] == "choice") { // some of its rows, printed only
		end, err := ownStore()
		if err != nil {
			return err
		}
		defer end()
		some := benchHeuristic
		switch args[0] {
		case "explain":
			some = benchExplain
		case "across":
			some = benchAcross
		case "choice":
			some = benchChoice
		}
		return some(args[1:])(context.Background(), &report{})
	}
	var names []string
	for _, b := range benchmarks() {
		names = append(names, b.name)
		if len(args) != 1 || b.name != args[0] {
			continue
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		end, err := ownStore()
		if err != nil {
			return err
		}
		defer end()
		r := &report{benchmark: b, began: time.Now()}
		err = b.run(ctx, r)
		if werr := r.write(); werr != nil {
			return werr
		}
		return err
	}
	return fmt.Errorf("say which: %s; from the repository's root", strings.Join(names, ", "))
}

// ownStore gives the benchmark an empty store of results.
func ownStore() (end func(), err error) {
	store, err := os.MkdirTemp("", "dlas-bench")
	if err != nil {
		return nil, err
	}
	return func() { os.RemoveAll(store) }, os.Setenv("DLAS_STORE", store)
}

// report is what a benchmark found.
type report struct {
	benchmark
	began   time.Time
	machine string
	head    []string
	rows    [][]string
	verdict []string // what the table means, one line each
}

// on notes the machine of a result.
func (r *report) on(res *dlas.Result) {
	e := res.Environment
	r.machine = fmt.Sprintf("%s, %d threads, %s, %s/%s, %s, load %.2f at the start", e.CPU, e.Threads, e.ISA, e.OS, e.Arch, e.Go, e.Load)
}

func (r *report) add(cells ...string) {
	r.rows = append(r.rows, cells)
	fmt.Println(strings.Join(cells, "  "))
}

func (r *report) write() error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", r.name, r.help)
	fmt.Fprintf(&b, "- command: `go run ./bench %s`\n- machine: %s\n- date: %s, build %s, %.0f s\n\n", r.name, r.machine, r.began.UTC().Format("2006-01-02"), dlas.Build(), time.Since(r.began).Seconds())
	row := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	row(r.head)
	rule := make([]string, len(r.head))
	for i := range rule {
		rule[i] = "---"
	}
	row(rule)
	for _, cells := range r.rows {
		row(cells)
	}
	for _, v := range r.verdict {
		fmt.Fprintf(&b, "\n%s\n", v)
	}
	path := filepath.Join("bench", "results", r.name+".md")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return err
	}
	fmt.Println("written to " + path)
	return nil
}
