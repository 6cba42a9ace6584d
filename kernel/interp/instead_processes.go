package interp

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
)

// processes is the part of os/exec and os that cells get in versions that end
// with the cell: what it has started is killed, and what that has started.
func (in *Interp) processes() map[string]any {
	pipe := func(get func(*exec.Cmd) (io.ReadCloser, error)) func(*exec.Cmd) (io.ReadCloser, error) {
		return func(c *exec.Cmd) (io.ReadCloser, error) {
			r, err := get(c)
			if err == nil {
				in.keep(r)
			}
			return r, err
		}
	}
	return map[string]any{
		"os/exec.(*Cmd).Start":          in.startCmd,
		"os/exec.(*Cmd).Wait":           in.waitCmd,
		"os/exec.(*Cmd).Run":            in.runCmd,
		"os/exec.(*Cmd).Output":         in.outputCmd,
		"os/exec.(*Cmd).CombinedOutput": in.combinedCmd,
		"os/exec.(*Cmd).StdoutPipe":     pipe((*exec.Cmd).StdoutPipe),
		"os/exec.(*Cmd).StderrPipe":     pipe((*exec.Cmd).StderrPipe),
		"os/exec.(*Cmd).StdinPipe": func(c *exec.Cmd) (io.WriteCloser, error) {
			w, err := c.StdinPipe()
			if err == nil {
				in.keep(w)
			}
			return w, err
		},
		"os.StartProcess": func(name string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
			grouped := false
			if attr != nil && in.ownStdin() {
				a := *attr
				a.Sys, grouped = ownGroup(a.Sys)
				attr = &a
			}
			p, err := os.StartProcess(name, argv, attr)
			if err == nil {
				in.holdProcess(p, grouped, func() { _, _ = p.Wait() })
			}
			return p, err
		},
		"os.(*Process).Wait": func(p *os.Process) (s *os.ProcessState, err error) {
			in.await(p, func() { s, err = p.Wait() })
			return s, err
		},
	}
}

// ownStdin reports whether cells do not read the process's own standard input.
// If they do, and that is a terminal, a process in a group of its own cannot.
func (in *Interp) ownStdin() bool { return in.opt.Stdin != os.Stdin }

// child is a process that a cell has started and not waited for to the end.
type child struct {
	held   *opened
	waited atomic.Bool // or is being
}

// holdProcess has a process killed with the calling cell. If the cell does not
// wait for it then, reap does: else it would stay a zombie.
func (in *Interp) holdProcess(p *os.Process, grouped bool, reap func()) {
	k := &child{}
	k.held = &opened{run: in.m.CurrentRun(), end: func() {
		if grouped {
			killGroup(p.Pid)
		}
		if p.Signal(syscall.Signal(0)) == nil { // else its number may be another's
			killTree(p.Pid)
		}
		_ = p.Kill()
		if k.waited.CompareAndSwap(false, true) {
			go func() {
				reap()
				in.children.Delete(p)
			}()
		}
	}}
	in.children.Store(p, k)
	in.held.add(k.held)
}

// await runs what waits for a process.
func (in *Interp) await(p *os.Process, wait func()) {
	x, _ := in.children.Load(p)
	k, _ := x.(*child)
	if k == nil {
		wait()
		return
	}
	if k.waited.Swap(true) && k.held.run.Stopped() {
		in.m.Halt()
	}
	wait()
	in.children.Delete(p)
	in.held.drop(k.held)
}

func (in *Interp) startCmd(c *exec.Cmd) error {
	grouped := false
	if in.ownStdin() && c.Process == nil {
		user := c.SysProcAttr
		c.SysProcAttr, grouped = ownGroup(user)
		defer func() { c.SysProcAttr = user }()
	}
	err := c.Start()
	if err == nil {
		in.holdProcess(c.Process, grouped, func() { _ = c.Wait() })
	}
	return err
}

func (in *Interp) waitCmd(c *exec.Cmd) (err error) {
	if c.Process == nil {
		return c.Wait()
	}
	in.await(c.Process, func() { err = c.Wait() })
	return err
}

func (in *Interp) runCmd(c *exec.Cmd) error {
	if err := in.startCmd(c); err != nil {
		return err
	}
	return in.waitCmd(c)
}

func (in *Interp) outputCmd(c *exec.Cmd) ([]byte, error) {
	if c.Stdout != nil {
		return nil, errors.New("exec: Stdout already set")
	}
	var out bytes.Buffer
	c.Stdout = &out
	var errs *ends
	if c.Stderr == nil {
		errs = &ends{}
		c.Stderr = errs
	}
	err := in.runCmd(c)
	if e, ok := err.(*exec.ExitError); ok && errs != nil {
		e.Stderr = errs.bytes()
	}
	return out.Bytes(), err
}

func (in *Interp) combinedCmd(c *exec.Cmd) ([]byte, error) {
	if c.Stdout != nil {
		return nil, errors.New("exec: Stdout already set")
	}
	if c.Stderr != nil {
		return nil, errors.New("exec: Stderr already set")
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := in.runCmd(c)
	return out.Bytes(), err
}

// ends keeps the beginning and the end of what is written to it, as os/exec does
// with what a failed command says.
type ends struct {
	first, last []byte
	skipped     int
}

const endSize = 32 << 10

func (e *ends) Write(p []byte) (int, error) {
	n := len(p)
	k := min(len(p), endSize-len(e.first))
	e.first, p = append(e.first, p[:k]...), p[k:]
	e.last = append(e.last, p...)
	if over := len(e.last) - endSize; over > 0 {
		e.skipped += over
		e.last = append(e.last[:0], e.last[over:]...)
	}
	return n, nil
}

func (e *ends) bytes() []byte {
	var b bytes.Buffer
	b.Write(e.first)
	if e.skipped > 0 {
		b.WriteString("\n... omitting " + strconv.Itoa(e.skipped) + " bytes ...\n")
	}
	b.Write(e.last)
	return b.Bytes()
}
