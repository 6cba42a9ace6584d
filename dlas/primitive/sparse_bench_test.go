package primitive

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/ir"
)

var (
	sparseISA  = flag.String("isa", "", "the instruction set whose rows are compared: the best")
	sparseSize = flag.String("size", "64,56,3,1", "channels, map, window, stride")
	sparseFor  = flag.Int("rounds", 60, "rounds of all contenders")
)

// BenchmarkBlocks compares the rows for pruned weights with the dense direct row, kernel alone on one thread and warm: the
// best of many runs in turns, and of the dense row which share of the peak of multiply-adds, measured between them, it is.
func BenchmarkBlocks(b *testing.B) {
	machine, err := hardware.Resolve(ir.Choice{Name: "cpu", Args: []ir.Arg{{Key: "threads", Op: "=", Value: "1"}}})
	if err != nil {
		b.Fatal(err)
	}
	isa := machine.ISA
	if *sparseISA != "" {
		isa = *sparseISA
	}
	machine.ISA = isa
	var ch, size, k, stride int
	if _, err := fmt.Sscanf(*sparseSize, "%d,%d,%d,%d", &ch, &size, &k, &stride); err != nil {
		b.Fatal(err)
	}
	s := convShape(1, ch, size, size, ch, k, k, 1, ir.Attrs{"strides": []int{stride, stride}, "pads": []int{k / 2, k / 2, k / 2, k / 2}, "act": "relu"}, true, false)
	type contender struct {
		name string
		run  func()
		best time.Duration
	}
	var list []*contender
	bind := func(name, kernel string, prune func(r *rand.Rand, w []float32, s ir.Shape)) {
		for _, k := range Kernels() {
			if k.Op != "Conv" || !strings.HasPrefix(k.Name, kernel+"__") || isaOf(isa) != k.ISA {
				continue
			}
			s := s
			s.prune = prune
			p, in, _ := s.unsolved(rand.New(rand.NewPCG(1, 2)), 0, machine)
			q, ok := arrange(k, p, ir.Lanes)
			if !ok {
				b.Fatal(k.Name)
			}
			bound, err := k.Bind(q, ir.Schedule{})
			if err != nil {
				b.Fatal(err)
			}
			call := ir.Call{In: make([]ir.Memory, len(in)), Out: []ir.Memory{ir.NewMemory(4 * q.LayoutOut(0).Elems(q.Out[0]))}}
			call.In[0] = lay(in[0], q.In[0], q.LayoutIn(0))
			call.Workspace, call.Scratch = ir.NewMemory(int(bound.WorkspaceBytes)), ir.NewMemory(int(bound.ScratchBytes))
			list = append(list, &contender{name: fmt.Sprintf("%-36s %s", k.Name, name), best: time.Hour, run: func() {
				for phase, parts := range bound.Phases {
					call.Phase = phase
					for part := range parts {
						call.Part = part
						bound.Run(call)
					}
				}
			}})
			return
		}
	}
	bind("", "conv_f32_direct_dense", nil)
	for _, rows := range []int{32, 16} {
		for _, zero := range []float64{0, 0.5, 0.8, 0.9} {
			bind(fmt.Sprintf("blocks(%v, %dx1)", zero, rows), "conv_f32_direct_bsr", clearBlocks(zero, rows, 1))
		}
	}
	for _, zero := range []float64{0, 0.5, 0.8, 0.9} {
		bind(fmt.Sprintf("blocks(%v, 4x1)", zero), "conv_f32_direct_bsr4", clearBlocks(zero, 4, 1))
	}
	for _, zero := range []float64{0.5, 0.8, 0.9} {
		bind(fmt.Sprintf("punch(%v, 8x4)", zero), "conv_f32_direct_punched", clearBlocks(zero, 8, 4))
		bind(fmt.Sprintf("prune(%v)", zero), "conv_f32_direct_csr", clearBlocks(zero, 1, 1))
	}
	for i, dropped := range []float64{0, 0.1, 0.55, 0.775} { // so that four of nine weights leave 56, 60, 80 and 90 % zeros
		prune := func(r *rand.Rand, w []float32, s ir.Shape) { clearPatterns(dropped, 4, 8)(r, w, s) }
		zeros := []float64{5.0 / 9, 0.6, 0.8, 0.9}[i]
		bind(fmt.Sprintf("pattern(%.2f)", zeros), "conv_f32_direct_pattern", prune)
		bind(fmt.Sprintf("pattern(%.2f)", zeros), "conv_f32_direct_csr", prune)
	}
	peak := 0.0
	for range *sparseFor {
		peak = max(peak, PeakMACs(machine, 200*time.Microsecond).MACs)
		for _, c := range list {
			for range 3 {
				begin := time.Now()
				c.run()
				c.best = min(c.best, time.Since(begin))
			}
		}
	}
	oh := (size+2*(k/2)-k)/stride + 1
	macs := float64(ch * ch * k * k * oh * oh)
	text := fmt.Sprintf("%dx%d, %d channels, %dx%d, stride %d; peak %.1f GMAC/s", k, k, ch, size, size, stride, peak/1e9)
	for _, c := range list {
		rate := macs / c.best.Seconds()
		text += fmt.Sprintf("\n%-62s %8.1f us  %5.2fx of dense  %5.1f %% of the peak, zeros counted", c.name, float64(c.best.Nanoseconds())/1e3, float64(list[0].best)/float64(c.best), 100*rate/peak)
	}
	fmt.Println(text) // a log would be cut after ten lines
}

// isaOf is the level whose rows of floats a machine of that ISA runs.
func isaOf(isa string) string {
	switch isa {
	case "avx512vnni":
		return isaAVX512
	case "avxvnni":
		return isaAVX2
	}
	return isa
}
