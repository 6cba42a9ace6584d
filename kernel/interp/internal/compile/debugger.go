package compile

import (
	"sync"
	"sync/atomic"
)

// Breakpoint is where code stops. Condition, if set, is asked on the goroutine
// that has come to it, and says whether to stop; its text is why.
type Breakpoint struct {
	Path      string
	Line      int
	Condition func(at FrameRef) (stop bool, why string)
}

// Stop is why and where code has stopped.
type Stop struct {
	Thread int
	Reason string // "breakpoint", "step", "pause" or "exception"
	Text   string // more of it, if there is
}

// Debugger stops code at its hooks. When one goroutine stops, all others do at
// their next hook; one that waits in compiled code goes on when that returns.
type Debugger struct {
	m *Machine
	// Told of what happens, one after the other, with a lock held: they must not
	// call the debugger. Known is told of cells that become known.
	stopped   func(Stop)
	continued func()
	thread    func(id int, begins bool)

	panics atomic.Bool

	mu      sync.Mutex
	closed  bool
	threads map[*gor]*thread
	last    int // the last thread's number
	current *thread
	pausing bool
	points  map[string][]*Breakpoint
	cells   map[string][]*DebugCell

	frames map[int]FrameRef
	frame  int // the last frame's number
}

// thread is a goroutine that runs code of cells.
type thread struct {
	id     int
	g      *gor
	top    *frame // while it is stopped
	stmt   *Stmt  // at whose hook it is, or nil
	stop   Stop
	news   bool // its stop has not been told
	told   bool // that it has begun
	resume chan struct{}
}

// stepping is how far a goroutine goes before it stops.
type stepping struct {
	kind  Step
	frame *frame
	depth int
	line  int
	stmt  *Stmt
}

// Step is a way to go on.
type Step int

// Ways to go on: to the next statement, to that of a called function, or to the caller.
const (
	StepOver Step = iota
	StepIn
	StepOut
)

// FrameRef is a call on the stack of a goroutine that is stopped.
type FrameRef struct{ fr *frame }

// NewDebugger attaches a debugger. The functions are told of stops, of going on,
// and of goroutines that have stopped once. It is nil if there is one. Mu is held.
func (m *Machine) NewDebugger(stopped func(Stop), continued func(), begins func(id int, begins bool)) *Debugger {
	d := &Debugger{
		m: m, stopped: stopped, continued: continued, thread: begins, threads: map[*gor]*thread{},
		points: map[string][]*Breakpoint{}, cells: map[string][]*DebugCell{}, frames: map[int]FrameRef{}, last: 1,
	}
	if !m.dbg.now.CompareAndSwap(nil, d) {
		return nil
	}
	for _, v := range m.dbg.variants {
		m.link(v)
		d.know(v.cell)
	}
	return d
}

// Close detaches the debugger: all goes on. Mu is held.
func (d *Debugger) Close() {
	d.mu.Lock()
	closed := d.closed
	d.closed = true
	for _, cs := range d.cells {
		for _, c := range cs {
			c.clear()
		}
	}
	d.m.dbg.now.CompareAndSwap(d, nil)
	for g, t := range d.threads {
		if t.top != nil {
			g.step = nil
		}
	}
	d.release()
	d.mu.Unlock()
	if !closed {
		for _, v := range d.m.dbg.variants {
			d.m.unlink(v)
		}
	}
}

// know makes a cell one that breakpoints can be in.
func (d *Debugger) know(c *DebugCell) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cells[c.Path] = append(d.cells[c.Path], c)
	c.set(d.points[c.Path])
}

func (d *Debugger) forget(c *DebugCell) {
	d.mu.Lock()
	defer d.mu.Unlock()
	cs := d.cells[c.Path]
	for i, x := range cs {
		if x == c {
			cs = append(cs[:i:i], cs[i+1:]...)
			break
		}
	}
	if d.cells[c.Path] = cs; len(cs) == 0 {
		delete(d.cells, c.Path)
	}
}

func (c *DebugCell) clear() {
	for _, s := range c.Stmts {
		s.stop.Store(nil)
	}
}

// set puts breakpoints at the first statements of their lines.
func (c *DebugCell) set(ps []*Breakpoint) {
	c.clear()
	for _, p := range ps {
		var first *Stmt
		for _, s := range c.Stmts {
			if s.Line == p.Line && !s.Again && (first == nil || s.Pos < first.Pos) {
				first = s
			}
		}
		if first != nil {
			first.stop.Store(p)
		}
	}
}

// SetBreakpoints makes these the breakpoints of a path.
func (d *Debugger) SetBreakpoints(path string, ps []*Breakpoint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if d.points[path] = ps; len(ps) == 0 {
		delete(d.points, path)
	}
	for _, c := range d.cells[path] {
		c.set(ps)
	}
}

// StopOnPanic says whether code stops when it panics.
func (d *Debugger) StopOnPanic(on bool) { d.panics.Store(on) }

// arrive is called at a hook by code that may have to stop.
func (m *Machine) arrive(fr *frame, st *Stmt) {
	d, g := m.dbg.now.Load(), fr.g
	if d == nil {
		g.step = nil
		return
	}
	if g.free > 0 {
		return
	}
	stop := Stop{}
	if s := g.step; s != nil && s.reached(fr, st) {
		stop.Reason = "step"
	}
	if p := st.stop.Load(); p != nil && !st.Again {
		ok := true
		if p.Condition != nil {
			ok, stop.Text = p.Condition(FrameRef{fr})
		}
		if ok {
			stop.Reason = "breakpoint"
		} else {
			stop.Text = ""
		}
	}
	if stop.Reason != "" || m.dbg.halting.Load() {
		d.park(fr, st, stop)
		fr.checkStop()
	}
}

// landed is called where a function was called that a step has left, or what took a while has ended after all was to stop.
func (m *Machine) landed(fr *frame, reason string) {
	d := m.dbg.now.Load()
	if d == nil || fr.g.free > 0 {
		return
	}
	d.park(fr, nil, Stop{Reason: reason})
	fr.checkStop()
}

func (s *stepping) reached(fr *frame, st *Stmt) bool {
	switch {
	case fr.depth < s.depth:
		return true
	case s.kind == StepOut:
		return false
	case fr.depth > s.depth:
		return s.kind == StepIn
	case fr != s.frame:
		return true
	}
	return st.Line != s.line || st == s.stmt
}

// threw is called when a panic was caught, before any deferred call runs.
func (g *gor) threw(p *panicking) {
	d := g.m.dbg.now.Load()
	if d == nil || g.free > 0 || !d.panics.Load() || g.stop.Load() {
		return
	}
	switch p.val.(type) {
	case stopSignal, exitSignal:
		return
	}
	fr := g.top
	for fr != nil && fr.fn == nil {
		fr = fr.caller
	}
	if fr == nil {
		return
	}
	top := g.top // what text runs are calls of their own
	g.free++
	why := text(p.val)
	g.free--
	g.top = top
	d.park(fr, nil, Stop{Reason: "exception", Text: why})
}

// park stops a goroutine until it is to go on, or its run ends.
func (d *Debugger) park(fr *frame, st *Stmt, stop Stop) {
	g := fr.g
	d.mu.Lock()
	if d.closed {
		g.step = nil
	}
	if d.closed || stop.Reason == "" && !d.m.dbg.halting.Load() { // all go on again
		d.mu.Unlock()
		return
	}
	t := d.threadOf(g)
	if stop.Reason == "" && d.pausing {
		stop.Reason = "pause"
		d.pausing = false
	}
	stop.Thread = t.id
	t.top, t.stmt, t.stop, t.resume = fr, st, stop, make(chan struct{})
	t.news = stop.Reason != ""
	d.m.dbg.halting.Store(true)
	if t.news {
		g.step = nil
	}
	if !t.told {
		t.told = true
		d.thread(t.id, true)
	}
	if t.news && d.current == nil {
		d.tell(t)
	}
	resume := t.resume
	d.mu.Unlock()
	select {
	case <-resume:
	case <-g.run.Ctx.Done():
		d.mu.Lock()
		t.top, t.news = nil, false
		g.step = nil
		if d.current == t {
			d.goOn()
		}
		d.mu.Unlock()
	}
}

// tell reports the stop of a thread.
func (d *Debugger) tell(t *thread) {
	t.news = false
	d.current = t
	d.pausing = false
	for _, o := range d.threads {
		if o != t && o.top != nil {
			o.g.step = nil
		}
	}
	d.stopped(t.stop)
}

// goOn lets all go on, unless another thread has stopped for a reason of its own
// meanwhile: then that is told.
func (d *Debugger) goOn() {
	clear(d.frames)
	d.current = nil
	d.continued()
	var next *thread
	for _, t := range d.threads {
		if t.news && (next == nil || t.id < next.id) {
			next = t
		}
	}
	if next != nil {
		d.tell(next)
		return
	}
	d.release()
}

func (d *Debugger) release() {
	clear(d.frames)
	d.m.dbg.halting.Store(false)
	d.current = nil
	for _, t := range d.threads {
		if t.top != nil {
			t.top, t.news = nil, false
			close(t.resume)
		}
	}
}

// Continue lets all go on. It reports whether anything was stopped.
func (d *Debugger) Continue() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil {
		return false
	}
	d.goOn()
	return true
}

// Step lets all go on, and the thread stop again. It reports whether the thread
// was stopped.
func (d *Debugger) Step(id int, kind Step) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for g, t := range d.threads {
		if t.id == id && t.top != nil && d.current != nil {
			g.step = &stepping{kind: kind, frame: t.top, depth: t.top.depth, line: d.m.opt.Fset.Position(t.top.pos()).Line, stmt: t.stmt}
			d.goOn()
			return true
		}
	}
	return false
}

// Pause makes code that runs stop at its next hook.
func (d *Debugger) Pause() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil && !d.closed && len(d.threads) > 0 {
		d.pausing = true
		d.m.dbg.halting.Store(true)
	}
}

// Stopped returns the threads that are stopped.
func (d *Debugger) Stopped() (ids []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil {
		return nil
	}
	for _, t := range d.threads {
		if t.top != nil {
			ids = append(ids, t.id)
		}
	}
	return ids
}
