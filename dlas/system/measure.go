package system

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
)

// Budget says when a measurement ends. Zero fields stand for the rules of DLAS: at least 30 samples, until the 95 %
// interval of the median is at most 2 % of it wide, or for 3 seconds.
type Budget struct {
	Least int
	Width float64
	Time  time.Duration
}

func (b Budget) orDefault() Budget {
	if b.Least == 0 {
		b.Least = 30
	}
	if b.Width == 0 {
		b.Width = 0.02
	}
	if b.Time == 0 {
		b.Time = 3 * time.Second
	}
	return b
}

// What ended a measurement.
const (
	ByWidth     = "width"       // the interval is narrow enough
	ByTime      = "budget"      // the time was spent
	ByInterrupt = "interrupted" // the context ended; the samples so far are valid
	ByRounds    = "rounds"      // all rounds of a sweep or comparison are done
)

// Samples are the latencies of one program: milliseconds of one Run of the whole batch, in time order.
type Samples struct {
	MS        []float64
	StoppedBy string
}

// Interval is the median of the samples with its order-statistic 95 % interval.
func (s Samples) Interval() (median, low, high float64) { return stat.MedianInterval(s.MS) }

func (s Samples) narrow(width float64) bool {
	m, low, high := s.Interval()
	return high-low <= width*m
}

// maxInputs is how many different inputs a measurement cycles through.
const maxInputs = 32

// subject is a program being timed.
type subject struct {
	p      *Program
	inputs [][]float32
	out    []float32
	next   int
}

func newSubject(p *Program, inputs [][]float32) (*subject, error) {
	if len(inputs) == 0 {
		return nil, ir.Errorf(ir.Sched, "nothing to measure: no inputs")
	}
	return &subject{p: p, inputs: inputs[:min(len(inputs), maxInputs)], out: make([]float32, p.outputs[0].Shape.Elems())}, nil
}

// once runs the next input and returns the milliseconds.
func (s *subject) once(ctx context.Context) (float64, error) {
	in := s.inputs[s.next]
	s.next = (s.next + 1) % len(s.inputs)
	begin := time.Now()
	err := s.p.Run(ctx, in, s.out)
	return milliseconds(time.Since(begin)), err
}

// warm runs a few times without counting, at least three and up to 50 milliseconds.
func (s *subject) warm(ctx context.Context) error {
	begin := time.Now()
	for i := 0; i < 3 || i < 20 && time.Since(begin) < 50*time.Millisecond; i++ {
		if _, err := s.once(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Measure times a program back to back, warm, cycling through the first 32 inputs, each of which is one batch. Where the
// context ends early it returns the samples so far together with the context's cause.
func Measure(ctx context.Context, p *Program, inputs [][]float32, b Budget) (Samples, error) {
	b = b.orDefault()
	s, err := newSubject(p, inputs)
	if err != nil {
		return Samples{}, err
	}
	if err := s.warm(ctx); err != nil {
		return Samples{StoppedBy: ByInterrupt}, err
	}
	var got Samples
	begin := time.Now()
	for look := b.Least; ; {
		ms, err := s.once(ctx)
		if err != nil {
			got.StoppedBy = ByInterrupt
			return got, err
		}
		got.MS = append(got.MS, ms)
		if len(got.MS) < b.Least {
			continue
		}
		// The width is looked at seldom enough for the sorting not to count.
		if len(got.MS) >= look {
			if got.narrow(b.Width) {
				got.StoppedBy = ByWidth
				return got, nil
			}
			look += max(1, look/8)
		}
		if time.Since(begin) >= b.Time {
			got.StoppedBy = ByTime
			return got, nil
		}
	}
}

// Verdict is what a paired comparison ends in.
type Verdict string

// The verdicts, of the second program against the first.
const (
	Faster     Verdict = "faster"
	Slower     Verdict = "slower"
	CannotTell Verdict = "cannot tell"
)

// Comparison is a paired comparison of two programs.
type Comparison struct {
	// Ratio is the second program's time over the first's: the median over the rounds of the ratio of the round's
	// medians, with its order-statistic 95 % interval.
	Ratio, Low, High float64
	Verdict          Verdict
	Ratios           []float64 // of each round, in time order
	A, B             Samples
}

// leastRounds is the fewest rounds of a comparison; margin what a difference must exceed to be called one.
const (
	leastRounds = 11
	margin      = 0.01
)

// Judge is the verdict of a ratio's interval: faster or slower only if all of it lies on one side of 1 and more than
// 1 % away.
func Judge(low, high float64) Verdict {
	switch {
	case high < 1-margin:
		return Faster
	case low > 1+margin:
		return Slower
	}
	return CannotTell
}

// ComparePaired times two programs in alternating turns, at least 11 rounds, in reversed order each round. A turn is
// long enough for its median to mean something: at least 5 runs and about 20 ms.
func ComparePaired(ctx context.Context, a, b *Program, inputsA, inputsB [][]float32, rounds int) (Comparison, error) {
	rounds = max(rounds, leastRounds)
	points := []Point{{a, inputsA}, {b, inputsB}}
	var c Comparison
	turns, err := newTurns(ctx, points, 20*time.Millisecond)
	if err != nil {
		return c, err
	}
	for r := range rounds {
		var medians [2]float64
		for i := range 2 {
			which := (i + r) % 2
			if medians[which], err = turns.take(ctx, which); err != nil {
				return c, err
			}
		}
		c.Ratios = append(c.Ratios, medians[1]/medians[0])
	}
	c.Ratio, c.Low, c.High = stat.MedianInterval(c.Ratios)
	c.Verdict = Judge(c.Low, c.High)
	c.A, c.B = turns.samples(0, ByRounds), turns.samples(1, ByRounds)
	return c, nil
}

// Point is a program of a sweep with its inputs.
type Point struct {
	Program *Program
	Inputs  [][]float32
}

// Interleave times the programs of a sweep together: every round visits all of them once, in an order drawn from the
// seed, so that drift of the machine falls on all alike. A turn is at least 5 runs and about 10 ms; rounds is at least
// 11. after, if not nil, is called after each turn with the number of turns done, of all turns, and the point. Where the
// context ends early, the samples so far are returned together with its cause.
func Interleave(ctx context.Context, points []Point, rounds int, seed uint64, after func(done, of, point int)) ([]Samples, error) {
	rounds = max(rounds, leastRounds)
	collect := func(t *turns, by string) []Samples {
		s := make([]Samples, len(points))
		for i := range s {
			if t != nil {
				s[i] = t.samples(i, by)
			}
		}
		return s
	}
	t, err := newTurns(ctx, points, 10*time.Millisecond)
	if err != nil {
		return collect(nil, ByInterrupt), err
	}
	r := rand.New(rand.NewPCG(seed, seed))
	done := 0
	for range rounds {
		for _, i := range r.Perm(len(points)) {
			if _, err := t.take(ctx, i); err != nil {
				return collect(t, ByInterrupt), err
			}
			done++
			if after != nil {
				after(done, rounds*len(points), i)
			}
		}
	}
	return collect(t, ByRounds), nil
}

// turns times several programs in turns of a fixed number of runs each.
type turns struct {
	subjects []*subject
	runs     []int // of a turn
	ms       [][]float64
}

// newTurns warms the programs up and finds how many runs make a turn of about that length, at least 5.
func newTurns(ctx context.Context, points []Point, length time.Duration) (*turns, error) {
	t := &turns{ms: make([][]float64, len(points))}
	for _, p := range points {
		s, err := newSubject(p.Program, p.Inputs)
		if err != nil {
			return nil, err
		}
		if err := s.warm(ctx); err != nil {
			return nil, err
		}
		var trial []float64
		for range 5 {
			ms, err := s.once(ctx)
			if err != nil {
				return nil, err
			}
			trial = append(trial, ms)
		}
		runs := milliseconds(length) / max(stat.Median(trial), 1e-4)
		t.subjects = append(t.subjects, s)
		t.runs = append(t.runs, int(math.Max(5, math.Min(runs, 1000))))
	}
	return t, nil
}

// take runs one turn and returns the median milliseconds. The first run after a change of programs finds the caches as
// the other left them, so it does not count.
func (t *turns) take(ctx context.Context, i int) (float64, error) {
	s := t.subjects[i]
	if _, err := s.once(ctx); err != nil {
		return 0, err
	}
	from := len(t.ms[i])
	for range t.runs[i] {
		ms, err := s.once(ctx)
		if err != nil {
			t.ms[i] = t.ms[i][:from]
			return 0, err
		}
		t.ms[i] = append(t.ms[i], ms)
	}
	return stat.Median(t.ms[i][from:]), nil
}

func (t *turns) samples(i int, by string) Samples {
	return Samples{MS: slices.Clone(t.ms[i]), StoppedBy: by}
}

// Overhead is the median milliseconds of the do-nothing network on the same input: what every run pays for being one.
func Overhead(ctx context.Context, kernels []ir.Kernel, m ir.Machine, input ir.Shape) (float64, error) {
	g := &ir.Graph{
		Name: "nothing", Inputs: []ir.Value{{Name: "x", Shape: append(ir.Shape{1}, input[1:]...)}}, Outputs: []string{"y"},
		Nodes: []*ir.Node{{Name: "nothing", Op: "Identity", In: []string{"x"}, Out: []string{"y"}}},
	}
	p, err := Compile(g, kernels, m, Plan{Batch: input[0]})
	if err != nil {
		return 0, err
	}
	s, err := Measure(ctx, p, [][]float32{make([]float32, input.Elems())}, Budget{Least: 200, Time: 200 * time.Millisecond})
	if err != nil {
		return 0, err
	}
	return stat.Median(s.MS), nil
}
