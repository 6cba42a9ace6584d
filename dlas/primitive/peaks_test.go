package primitive

import (
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// TestPeaks shows that there is a number for everything that the processor can do, and none where there is no loop.
func TestPeaks(t *testing.T) {
	if p := Peaks(ir.Machine{ISA: "go", Threads: 1}, time.Millisecond); p != (Peak{}) {
		t.Errorf("plain Go has loops for its peaks: %+v", p)
	}
	if !asm.HasAVX2() {
		t.Skip("no AVX2")
	}
	narrow := Peaks(ir.Machine{ISA: "avx2", Threads: 1}, 20*time.Millisecond)
	t.Logf("avx2: %.3g", narrow)
	if narrow.MACs <= 0 || narrow.MACs8 <= 0 || narrow.Bytes <= 0 {
		t.Errorf("avx2: %+v", narrow)
	}
	// The mean is no more than the best, but for what the clock has risen in between.
	m := ir.Machine{ISA: "avx2", Threads: 1}
	if mean := SustainedMACs(m, 5*time.Millisecond); mean <= 0 || mean > 2*narrow.MACs {
		t.Errorf("avx2: %.3g at the best, %.3g in the mean", narrow.MACs, mean)
	}
	if n := SustainedMACs(ir.Machine{ISA: "go"}, time.Millisecond); n != 0 {
		t.Errorf("plain Go has a loop for its peak: %g", n)
	}
	if !asm.HasAVX512() {
		return
	}
	wide := Peaks(ir.Machine{ISA: "avx512vnni", Threads: 1}, 20*time.Millisecond)
	t.Logf("avx512vnni: %.3g, avxvnni %.3g", wide, Peaks(ir.Machine{ISA: "avxvnni", Threads: 1}, 5*time.Millisecond))
	if wide.MACs <= 0 || wide.Bytes <= 0 {
		t.Errorf("avx512vnni: %+v", wide)
	}
}
