package primitive

import (
	"sync"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive/internal/asm"
)

// Peak is the most that a machine does a second: what a roofline is drawn with. 0 where this build has no loop that
// measures it.
type Peak struct {
	MACs  float64 // multiply-adds of float32
	MACs8 float64 // of 8-bit integers
	Bytes float64 // read from memory far larger than the core's own caches
	Near  float64 // read from what fits a core's second-level cache; of Reads alone
}

// Peaks measures what m.Threads threads do together with the instructions of m.ISA: each quantity for about d, in pieces
// of some tens of microseconds, of which the best of each thread counts, since whatever else runs can only slow them down.
func Peaks(m ir.Machine, d time.Duration) Peak {
	threads := max(1, m.Threads)
	p := PeakMACs(m, d)
	p.Bytes = reads(m, threads, d, readBytes, readPiece)
	return p
}

// reads is how many bytes a second all threads read, each from memory of its own of that size.
func reads(m ir.Machine, threads int, d time.Duration, size, piece int) float64 {
	return best(threads, d, func(int) func() int {
		memory := ir.NewMemory(size)
		for i := 0; i < len(memory); i += 4096 {
			memory[i] = 1 // a page that nobody has written is none
		}
		at := 0
		return func() int {
			n := asm.Read(m.ISA, memory[at:at+piece])
			at = (at + piece) % size
			return n
		}
	})
}

// Reads measures how fast m.Threads threads read what is in their second-level caches, and what is behind them but of the
// size that networks are, each for about d.
func Reads(m ir.Machine, d time.Duration) (p Peak) {
	threads, l2 := max(1, m.Threads), m.L2
	if l2 < 1<<18 {
		l2 = 1 << 20
	}
	p.Near = reads(m, threads, d, l2/2, l2/4)
	p.Bytes = reads(m, threads, d, 8*l2, l2/2)
	return p
}

// PeakMACs is Peaks without the memory, which takes longer to write than to read.
func PeakMACs(m ir.Machine, d time.Duration) (p Peak) {
	threads := max(1, m.Threads)
	mac := func(integers bool) func(int) func() int {
		piece := pieceMACs
		if integers { // of which there are up to four times as many a second: a piece is not to be all clock
			piece *= 2
		}
		return func(int) func() int { return func() int { return asm.MACs(m.ISA, integers, piece) } }
	}
	p.MACs8 = best(threads, d, mac(true)) // before floats have brought the clock down
	p.MACs = best(threads, d, mac(false))
	return p
}

// SustainedMACs is Peak.MACs as the mean of all of d instead of its best piece: what work that takes as long is to be
// compared with, for clocks rise for moments.
func SustainedMACs(m ir.Machine, d time.Duration) float64 {
	rates := make([]float64, max(1, m.Threads))
	var wg sync.WaitGroup
	for i := range rates {
		wg.Go(func() {
			done, begin := 0, time.Now()
			for {
				n := asm.MACs(m.ISA, false, pieceMACs/8)
				done += n
				if took := time.Since(begin); took >= d || n == 0 {
					rates[i] = float64(done) / took.Seconds()
					return
				}
			}
		})
	}
	wg.Wait()
	sum := 0.0
	for _, r := range rates {
		sum += r
	}
	return sum
}

const (
	pieceMACs = 1 << 21
	readBytes = 128 << 20
	readPiece = 1 << 20
)

// best runs the work of each thread for d and adds up the highest rate of each.
func best(threads int, d time.Duration, work func(thread int) func() int) float64 {
	rates := make([]float64, threads)
	var wg, ready sync.WaitGroup
	ready.Add(threads)
	for i := range threads {
		wg.Go(func() {
			f := work(i)
			ready.Done()
			ready.Wait()
			for end := time.Now().Add(d); ; {
				begin := time.Now()
				n := f()
				now := time.Now()
				rates[i] = max(rates[i], float64(n)/now.Sub(begin).Seconds())
				if now.After(end) || n == 0 {
					return
				}
			}
		})
	}
	wg.Wait()
	sum := 0.0
	for _, r := range rates {
		sum += r
	}
	return sum
}
