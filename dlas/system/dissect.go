package system

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
)

// NodeTimes are the milliseconds of a node of a program, of a whole batch, each measured by itself.
type NodeTimes struct {
	Place   float64 // where it stands, in runs of the whole program
	Warm    float64 // alone and again and again, so that the caches hold what they can of all it reads
	Evicted float64 // alone, after as many other bytes were read as the program's other nodes have; its inputs are near
	// One is Warm with all parts on one thread, over the number of threads: what Warm would be if these shared the work
	// evenly and for nothing.
	One float64
}

// Dissection says where the time of a program goes.
type Dissection struct {
	Total float64 // milliseconds of a run whose nodes are timed
	Nodes []NodeTimes
}

// Between is the milliseconds of a run that pass between its nodes, before the first and after the last.
func (d Dissection) Between() float64 {
	t := d.Total
	for _, n := range d.Nodes {
		t -= n.Place
	}
	return t
}

// Times of a dissection, in milliseconds, and how often a node is run alone in a round.
const (
	aloneBudget  = 4000.0
	warmReps     = 3
	evictedReps  = 2
	mostInside   = 200
	leastInside  = 3
	mostEviction = 2 // times the second-level cache
)

// DissectOptions are what a dissection may do else.
type DissectOptions struct {
	Turn   time.Duration      // about how long a program runs in each turn; 0: 20 ms
	Beside []*Program         // of which the nodes are timed alone too, on the inputs of the first
	After  func(done, of int) // is told how many rounds are done; may be nil
	Least  bool               // of each node's times the least counts: what else a machine does only adds to them
}

// Dissect is ComparePaired of a and b, in whose rounds it also times the nodes of both where they stand and alone, so that
// drift of the machine falls on all alike. The result has a Dissection for a, b and each program beside.
func Dissect(ctx context.Context, a, b *Program, inputsA, inputsB [][]float32, o DissectOptions) (Comparison, []Dissection, error) {
	var c Comparison
	turn := cmp.Or(o.Turn, 20*time.Millisecond)
	turns, err := newTurns(ctx, []Point{{a, inputsA}, {b, inputsB}}, turn)
	if err != nil {
		return c, nil, err
	}
	programs := append([]*Program{a, b}, o.Beside...)
	inputs := [][][]float32{inputsA, inputsB}
	for range o.Beside {
		inputs = append(inputs, inputsA)
	}
	all := make([]*inside, len(programs))
	for i, p := range programs {
		if all[i], err = newInside(p, inputs[i]); err != nil {
			return c, nil, err
		}
	}
	spent, budget := 0.0, aloneBudget
	if o.Least { // the least is found soon
		budget /= 8
	}
	for r := range leastRounds {
		var medians [2]float64
		for i := range 2 {
			which := (i + r) % 2
			if medians[which], err = turns.take(ctx, which); err != nil {
				return c, nil, err
			}
			if err := all[which].profile(ctx, milliseconds(turn)/2); err != nil {
				return c, nil, err
			}
		}
		c.Ratios = append(c.Ratios, medians[1]/medians[0])
		// Of large networks the nodes are timed alone in a few rounds.
		if begin := time.Now(); spent < budget || r < 2 {
			for i := range all {
				if err := all[(i+r)%len(all)].alone(ctx); err != nil {
					return c, nil, err
				}
			}
			spent += milliseconds(time.Since(begin))
		}
		if o.After != nil {
			o.After(r+1, leastRounds)
		}
	}
	c.Ratio, c.Low, c.High = stat.MedianInterval(c.Ratios)
	c.Verdict = Judge(c.Low, c.High)
	c.A, c.B = turns.samples(0, ByRounds), turns.samples(1, ByRounds)
	var out []Dissection
	for _, s := range all {
		out = append(out, s.dissection(o.Least))
	}
	return c, out, nil
}

// inside gathers the times of a program's nodes.
type inside struct {
	p      *Program
	inputs [][]float32
	out    []float32
	next   int
	runs   []profiled
	times  []time.Duration

	warm, evicted, one [][]float64 // of each node
	other              []ir.Memory // what threads read to push other bytes out of their caches, one each
}

// profiled is a run with the times of its nodes.
type profiled struct {
	total float64
	nodes []float64
}

func newInside(p *Program, inputs [][]float32) (*inside, error) {
	if err := p.oneF32(); err != nil {
		return nil, err
	}
	n := len(p.nodes)
	s := &inside{
		p: p, inputs: inputs, out: make([]float32, p.outputs[0].Shape.Elems()), times: make([]time.Duration, n),
		warm: make([][]float64, n), evicted: make([][]float64, n), one: make([][]float64, n),
	}
	for range p.Threads() {
		s.other = append(s.other, ir.NewMemory(mostEviction*p.l2))
	}
	for _, m := range s.other {
		for i := 0; i < len(m); i += 4096 {
			m[i] = 1 // a page that nobody has written is none
		}
	}
	return s, nil
}

func (s *inside) input() []float32 {
	in := s.inputs[s.next%len(s.inputs)]
	s.next++
	return in
}

// profile runs the program for that many milliseconds and times its nodes where they stand.
func (s *inside) profile(ctx context.Context, turn float64) error {
	spent := 0.0
	for i := -1; i < leastInside || spent < turn && i < mostInside; i++ {
		in, begin := s.input(), time.Now()
		if err := s.p.run(ctx, in, s.out, s.times); err != nil {
			return err
		}
		if i < 0 { // finds the caches as another program left them
			continue
		}
		r := profiled{total: milliseconds(time.Since(begin)), nodes: make([]float64, len(s.times))}
		for j, d := range s.times {
			r.nodes[j] = milliseconds(d)
		}
		spent += r.total
		s.runs = append(s.runs, r)
	}
	return nil
}

// dissection sums up: of the runs the middle fifth counts, as their median, so that the times of nodes add up to that of the run; of a node
// alone the median. Or of all the least.
func (s *inside) dissection(least bool) Dissection {
	d := Dissection{Nodes: make([]NodeTimes, len(s.p.nodes))}
	middleOf := stat.Median
	if least {
		middleOf = func(v []float64) float64 { return slices.Min(v) }
	}
	slices.SortFunc(s.runs, func(x, y profiled) int { return cmp.Compare(x.total, y.total) })
	n := len(s.runs)
	middle := s.runs[2*n/5 : n-2*n/5]
	for _, r := range middle {
		d.Total += r.total / float64(len(middle))
		for i, ms := range r.nodes {
			d.Nodes[i].Place += ms / float64(len(middle))
		}
	}
	for i := range d.Nodes {
		t := &d.Nodes[i]
		t.Warm, t.Evicted = middleOf(s.warm[i]), middleOf(s.evicted[i])
		if t.One = t.Warm; len(s.one[i]) > 0 {
			t.One = middleOf(s.one[i])
		}
		if least && n > 0 {
			t.Place = slices.MinFunc(s.runs, func(x, y profiled) int { return cmp.Compare(x.nodes[i], y.nodes[i]) }).nodes[i]
		}
	}
	if least && n > 0 {
		d.Total = s.runs[0].total
	}
	return d
}

// alone goes once through the program's nodes in their order, each of which finds what the ones before it made, and times
// each some times alone.
func (s *inside) alone(ctx context.Context) (err error) {
	p := s.p
	if err := await(ctx); err != nil {
		return err
	}
	st := p.acquire()
	got := false
	if p.crew != nil {
		got = p.crew.enter(p.scratch)
	}
	defer func() {
		if p.crew != nil {
			p.crew.leave(got)
		}
		if v := recover(); v != nil {
			err = &ir.Error{Layer: ir.Sched, What: panicText(v)}
		}
		p.release(st)
		<-slots()
	}()
	in, out := []ir.Memory{ir.MemoryOf(s.input())}, []ir.Memory{ir.MemoryOf(s.out)}
	first := 0
	if h := p.head; h != nil {
		// Every thread takes images of its own through these nodes, so one image on one thread tells what all take.
		own, image := st.images.own[0], float64(p.batch)/float64(p.Threads())
		made := out
		if len(p.steps) > 0 {
			made = st.images.middle[:]
		}
		own.connect(h, []ir.Memory{pieceOf(in[0], 0, h.inputs[0].Shape.Elems()*4)}, []ir.Memory{pieceOf(made[0], 0, p.piece(h.outputs[0]))})
		defer own.connect(h, nil, nil)
		for i := range h.steps {
			if err := s.step(ctx, h, own, i, i, false, image); err != nil {
				return err
			}
		}
		first = len(h.steps)
		if len(p.steps) > 0 {
			p.images(ctx, st.images, in, st.images.middle[:], got, nil)
			in = st.images.middle[:]
		}
	}
	st.connect(p, in, out)
	for i := range p.steps {
		if err := s.step(ctx, p, st, i, first+i, got, 1); err != nil {
			return err
		}
	}
	return nil
}

// step times one step alone; its times are multiplied by scale.
func (s *inside) step(ctx context.Context, p *Program, st *state, i, node int, got bool, scale float64) error {
	step, call := &p.steps[i], &st.calls[i]
	keep := overlapping(step, call)
	var saved []ir.Memory
	for _, m := range keep {
		saved = append(saved, slices.Clone(m))
	}
	run := func(got bool) float64 {
		for j, m := range keep {
			copy(m, saved[j])
		}
		begin := time.Now()
		for phase, parts := range step.bound.Phases {
			call.Phase = phase
			if got && parts > 1 {
				p.crew.phase(ctx, st.runs[i], call, parts)
			} else {
				alone(ctx, st.runs[i], call, parts)
			}
		}
		return milliseconds(time.Since(begin)) * scale
	}
	for r := range warmReps + 1 {
		if ms := run(got); r > 0 {
			s.warm[node] = append(s.warm[node], ms)
		}
	}
	if got {
		threads := float64(p.Threads())
		for r := range warmReps {
			if ms := run(false) / threads; r > 0 {
				s.one[node] = append(s.one[node], ms)
			}
		}
	}
	others := s.others(p, step, node)
	for range evictedReps {
		s.evict(ctx, p, got, others)
		s.fetch(ctx, p, step, call, got)
		s.evicted[node] = append(s.evicted[node], run(got))
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// overlapping are the inputs that a step writes over, which have to be made anew each time.
func overlapping(st *step, call *ir.Call) (list []ir.Memory) {
	for i, in := range st.in {
		for _, out := range st.out {
			if in.kind == out.kind && (in.kind == inArena || in.kind == inOutput) && in.index == out.index && in.at < out.at+out.size && out.at < in.at+in.size {
				list = append(list, call.In[i])
				break
			}
		}
	}
	return list
}

// others is how many bytes a run reads and writes beside those of a step: the weights of the other steps and the arena.
func (s *inside) others(p *Program, st *step, node int) int {
	n := int(p.packed-s.p.nodes[node].PackedBytes) + p.arena
	for _, pl := range st.in {
		n -= pl.size
	}
	for _, pl := range st.out {
		n -= pl.size
	}
	return min(max(0, n), mostEviction*s.p.l2)
}

// evict has every thread read that many bytes of its own.
func (s *inside) evict(ctx context.Context, p *Program, got bool, bytes int) {
	s.each(ctx, p, got, func(c ir.Call) { read(s.other[c.Part][:bytes]) })
}

// fetch has the threads read the step's inputs, a share each.
func (s *inside) fetch(ctx context.Context, p *Program, st *step, call *ir.Call, got bool) {
	n := 1
	if got {
		n = len(s.other)
	}
	s.each(ctx, p, got, func(c ir.Call) {
		for i, m := range call.In {
			if st.in[i].kind != inWeights {
				read(m[len(m)*c.Part/n : len(m)*(c.Part+1)/n])
			}
		}
	})
}

// each runs a piece of work on every thread.
func (s *inside) each(ctx context.Context, p *Program, got bool, work func(ir.Call)) {
	var call ir.Call
	if got {
		p.crew.phase(ctx, work, &call, len(s.other))
	} else {
		alone(ctx, work, &call, 1)
	}
}

// touched keeps the compiler from leaving out what read reads.
var touched atomic.Uint32

// read touches every cache line of m.
func read(m ir.Memory) {
	sum := byte(0)
	for i := 0; i < len(m); i += 64 {
		sum += m[i]
	}
	touched.Store(uint32(sum))
}
