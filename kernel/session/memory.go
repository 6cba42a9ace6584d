package session

import (
	"fmt"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// memoryError ends a cell that has gone past the session's limit.
type memoryError struct{ used, limit int64 }

func (e memoryError) Error() string {
	return fmt.Sprintf("the session has %s in memory, past its limit of %s (dlas kernel --memory), so cells are stopped. What they had declared is kept: set what is large to nil, or %%reset",
		pipe.Bytes(e.used), pipe.Bytes(e.limit))
}

const memoryPause = 50 * time.Millisecond // between two looks at the memory in use

// limitMemory sets the limit: the garbage collector works harder near it, [session.watchMemory] stops cells that go past it,
// and somewhat above it, where the system knows such a bound, it refuses memory.
func limitMemory(limit int64) {
	if soft := limit - limit/16; soft < debug.SetMemoryLimit(-1) { // GOMEMLIMIT may have set a lower one
		debug.SetMemoryLimit(soft)
	}
	if limit < math.MaxInt64/2 {
		boundMemory(limit + limit/4 + 512<<20)
	}
}

// watchMemory stops the running cells when the memory in use goes past the limit, until stop is closed. Cells that run
// after that may go on with what is there, to free it, but not with more.
func (s *session) watchMemory(limit int64, used func() int64, stop <-chan struct{}) {
	tick := time.NewTicker(memoryPause)
	defer tick.Stop()
	for most := limit; ; {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		n := used()
		if n <= limit {
			most = limit
			continue
		}
		if n <= most {
			continue
		}
		debug.FreeOSMemory() // what is garbage does not count
		if n = used(); n <= most {
			continue
		}
		most = n + limit/16
		why := memoryError{n, limit}
		if running := s.out.all(); len(running) > 0 {
			for _, w := range running {
				s.interrupt(w.id, why)
			}
		} else {
			fmt.Fprintln(s.out.stream("stderr"), "note: between cells, "+why.Error())
		}
	}
}

// goMemory is what the Go runtime has from the system and has not given back, in bytes.
func goMemory() int64 {
	m := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(m)
	return int64(m[0].Value.Uint64() - m[1].Value.Uint64())
}
