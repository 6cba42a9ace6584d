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
		r := primitive.Reads(m, peakTime/2)
		p = primitive.PeakMACs(m, peakTime)
		p.Bytes, p.Near = r.Bytes, r.Near
		if peaks.of == nil {
			peaks.of = map[string]primitive.Peak{}
		}
		peaks.of[key] = p
	}
	return p
}

// What bounds a node.
const (
	byCompute = "compute"
	byMemory  = "memory"
)

// roofline tells each node which share it reaches of the most that this machine does with the same ISA, threads and type:
// the least time that its multiply-accumulates and its bytes allow, whichever takes longer, over the time that it takes.
func (run *runner) roofline(r *Result) {
	p, nodes := peakOf(run.machine), run.program.Nodes()
	for i := range r.Nodes {
		n := &r.Nodes[i]
		if n.MS == nil || *n.MS <= 0 {
			continue
		}
		if s, by := ceiling(p, run.machine, n, run.batch, nodes[i].Images); s > 0 {
			share := s / (*n.MS / 1e3)
			n.Roofline, n.Bound = &share, by
		}
	}
}

// ceiling is the least seconds of a node, and what bounds it; 0 where no peak is known. Of its bytes as many as the
// threads' first-level caches hold may have been there, as many as their second-level caches hold in these, and the rest
// comes from behind: a node is never charged for more than it must have moved. A node that takes fewer images at a time than
// the batch has (one) finds each in the caches of one thread.
func ceiling(p primitive.Peak, m ir.Machine, n *Node, batch, images int) (seconds float64, by string) {
	peak := p.MACs
	if ir.Type(n.Type).Size() == 1 {
		peak = p.MACs8
	}
	if n.MACsExecuted > 0 && peak > 0 {
		seconds, by = float64(n.MACsExecuted)*float64(batch)/peak, byCompute
	}
	if moved := moving(p, m, n.MovedBytes, batch, images); moved > seconds {
		return moved, byMemory
	}
	return seconds, by
}

// moving is the least seconds in which a node's bytes move; 0 where no peak is known.
func moving(p primitive.Peak, m ir.Machine, all int64, batch, images int) float64 {
	if p.Near <= 0 || p.Bytes <= 0 {
		return 0
	}
	threads, times := max(1, m.Threads), float64(batch/images)
	if images < batch {
		threads = 1
	}
	first, second := float64(threads*m.L1D), float64(threads*max(m.L2, 1<<20))
	bytes := float64(all) / times
	return times * (max(0, min(bytes, second)-first)/p.Near + max(0, bytes-second)/p.Bytes)
}
