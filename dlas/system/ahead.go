package system

// Weights that are read once a run come from the third-level cache or from memory, which gives a core a few bytes a
// cycle: layers with small maps wait for them, while layers with large maps leave that path idle. So each step with
// products has the first weights of the next such step fetched, as many as its own time allows.

const (
	// macsAByte is the multiply-adds that take as long as a byte takes to arrive: 32 a cycle with AVX-512, 8 bytes (weightRate) a cycle.
	macsAByte = 4
	// leastAhead is what is worth fetching.
	leastAhead = 4 << 10
)

// fetchAhead decides what every step fetches. Of several threads each has a cache of its own, and who will read what is
// not known.
func (b *binder) fetchAhead() {
	if b.machine.Threads > 1 || b.machine.L2 == 0 || b.plan.Schedule.Name == Untuned {
		return
	}
	before, between := -1, 0 // the step that fetches, and what the steps after it write
	for i := range b.steps {
		st := &b.steps[i]
		for _, o := range st.out {
			between += o.size
		}
		w := st.bound.Weights
		if w == nil {
			continue
		}
		if before >= 0 {
			from := &b.steps[before]
			time := int(b.nodes[before].MACsExecuted) * b.batch / macsAByte
			n := min(len(w), b.machine.L2/8-between, time-len(from.bound.Weights)+from.fetched)
			if n >= leastAhead {
				from.ahead, st.fetched = w[:n], n
			}
		}
		before, between = i, 0
	}
}
