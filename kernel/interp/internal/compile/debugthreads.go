package compile

import "go/token"

// threadOf returns the thread of a goroutine.
func (d *Debugger) threadOf(g *gor) *thread {
	t := d.threads[g]
	if t == nil {
		t = &thread{g: g, id: 1}
		taken := !g.main
		for _, o := range d.threads { // cells can run beside each other
			taken = taken || o.id == 1
		}
		if taken {
			d.last++
			t.id = d.last
		}
		d.threads[g] = t
	}
	return t
}

// enter and leave are called as a goroutine begins and ends to run code of cells.
func (d *Debugger) enter(g *gor) {
	if g.free > 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.threadOf(g)
	}
}

func (d *Debugger) leave(g *gor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.threads[g]; t != nil {
		delete(d.threads, g)
		if t.told {
			d.thread(t.id, false)
		}
	}
	if d.pausing && d.current == nil && (g.main || len(d.threads) == 0) { // what was to be paused has ended
		d.pausing = false
		d.m.dbg.halting.Store(false)
	}
}

// Thread is a goroutine that runs code of cells.
type Thread struct {
	ID      int
	Main    bool // it runs the cell itself
	Stopped bool
	Func    string // where it is, if it is stopped
	Cell    string // that of its outermost call then
}

// Threads lists the goroutines that run code of cells.
func (d *Debugger) Threads() (out []Thread) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for g, t := range d.threads {
		x := Thread{ID: t.id, Main: g.main}
		if t.top != nil {
			x.Stopped, x.Func = true, t.top.fn.name()
			for fr := t.top; fr != nil; fr = fr.caller {
				if fr.fn != nil && fr.fn.cell != nil {
					x.Cell = fr.fn.cell.Name
				}
			}
		}
		out = append(out, x)
	}
	return out
}

// DebugFrame is a call of a stopped goroutine.
type DebugFrame struct {
	ID   int
	Func string
	Pos  token.Pos
	File *token.File
	Cell *DebugCell // nil: its source is not that of a cell that is debugged
}

// Stack lists the calls of a thread that is stopped, the innermost first.
func (d *Debugger) Stack(id int) (out []DebugFrame, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.threads {
		if t.id != id || t.top == nil || d.current == nil {
			continue
		}
		for fr := t.top; fr != nil; fr = fr.caller {
			if fr.fn == nil || fr.after != nil || fr.fn.wrapper || fr == fr.g.born {
				continue
			}
			if len(out) == maxStack {
				break
			}
			d.frame++
			d.frames[d.frame] = FrameRef{fr}
			out = append(out, DebugFrame{d.frame, fr.fn.name(), fr.pos(), fr.fn.file, fr.fn.cell})
		}
		return out, true
	}
	return nil, false
}

// Frame returns a call that Stack has listed since all stopped.
func (d *Debugger) Frame(id int) (FrameRef, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.frames[id]
	return r, ok
}
