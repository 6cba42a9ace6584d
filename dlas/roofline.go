package dlas

import (
	"fmt"
	"sync"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// peaks are the measured peaks of this process, by ISA and threads: a notebook of a hundred runs measures them once.
var peaks struct {
	sync.Mutex
	of map[string]primitive.Peak
}

// peakTime is how long each peak is measured.
const peakTime = 20 * time.Millisecond

func peakOf(m ir.Machine) primitive.Peak {
	key := fmt.Sprint(m.ISA, " ", m.Threads)
	peaks.Lock()
	defer peaks.Unlock()
	p, ok := peaks.of[key]
	if !ok {
		p = primitive.PeakMACs(m, peakTime)
		if peaks.of == nil {
			peaks.of = map[string]primitive.Peak{}
		}
		peaks.of[key] = p
	}
	return p
}

// roofline tells each node with multiply-accumulates which share it reaches of the most that this machine does with the
// same ISA, threads and type.
func (run *runner) roofline(r *Result) {
	p := peakOf(run.machine)
	for i := range r.Nodes {
		n := &r.Nodes[i]
		peak := p.MACs
		if ir.Type(n.Type).Size() == 1 {
			peak = p.MACs8
		}
		if n.MS == nil || *n.MS <= 0 || n.MACsExecuted == 0 || peak <= 0 {
			continue
		}
		share := float64(n.MACsExecuted) * float64(run.batch) / (*n.MS / 1e3) / peak
		n.Roofline = &share
	}
}
