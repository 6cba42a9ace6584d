package interp

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"
	"unsafe"
)

// stream stands for one of the process's standard files in a cell. A cell that
// passes os.Stdout on as an io.Writer passes this.
type stream struct {
	name string
	w    io.Writer
	r    io.Reader
}

func (s *stream) Write(p []byte) (int, error) {
	if s.w == nil {
		return 0, fmt.Errorf("write %s: bad file descriptor", s.name)
	}
	return s.w.Write(p)
}

func (s *stream) WriteString(x string) (int, error) { return s.Write([]byte(x)) }

func (s *stream) Read(p []byte) (int, error) {
	if s.r == nil {
		return 0, fmt.Errorf("read %s: bad file descriptor", s.name)
	}
	return s.r.Read(p)
}

func (s *stream) Close() error { return nil }
func (s *stream) Sync() error  { return nil }
func (s *stream) Name() string { return s.name }

// streams are what a session's cells have instead of the process's files.
type streams struct {
	stdin, stdout, stderr *os.File // the process's, when the session began
	in, out, err          *stream
	buffered              *bufio.Reader // of in, for fmt.Scan
	turns                 turns         // at buffered
	log                   *log.Logger
}

func newStreams(i *Interp) *streams {
	s := &streams{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		in:  &stream{name: "/dev/stdin"},
		out: &stream{name: "/dev/stdout", w: i.opt.Stdout},
		err: &stream{name: "/dev/stderr", w: i.opt.Stderr},
		log: log.New(i.opt.Stderr, "", log.LstdFlags),
	}
	s.turns = newTurns(i)
	s.buffered = bufio.NewReader(&input{in: i, src: i.opt.Stdin})
	s.in.r = s
	return s
}

// standin returns the stream for a pointer to one of the process's files.
func (s *streams) standin(p unsafe.Pointer) (any, bool) {
	if x := s.of((*os.File)(p)); x != nil {
		return x, true
	}
	return nil, false
}

// original is the inverse of standin.
func (s *streams) original(x any) (unsafe.Pointer, bool) {
	switch x {
	case s.out:
		return unsafe.Pointer(s.stdout), true
	case s.err:
		return unsafe.Pointer(s.stderr), true
	case s.in:
		return unsafe.Pointer(s.stdin), true
	}
	return nil, false
}

func (s *streams) of(f *os.File) *stream {
	switch f {
	case nil:
	case s.stdout:
		return s.out
	case s.stderr:
		return s.err
	case s.stdin:
		return s.in
	}
	return nil
}

// writer is where fmt.Print writes: the cell may have put another file into
// os.Stdout.
func (s *streams) writer() io.Writer {
	if os.Stdout != s.stdout {
		return os.Stdout
	}
	return s.out
}

// Read is of the session's standard input.
func (s *streams) Read(p []byte) (n int, err error) {
	if later := s.turns.take(func() { n, err = s.buffered.Read(p) }); later != nil {
		return 0, later
	}
	return n, err
}

// scan gives f the standard input, or the file that the cell has put there.
func (s *streams) scan(f func(r io.Reader) (int, error)) (n int, err error) {
	if os.Stdin != s.stdin {
		return f(os.Stdin)
	}
	if later := s.turns.take(func() { n, err = f(s.buffered) }); later != nil {
		return 0, later
	}
	return n, err
}

// printing is what package fmt writes to and reads from the standard streams.
func (s *streams) printing() map[string]any {
	return map[string]any{
		"fmt.Print":   func(a ...any) (int, error) { return fmt.Fprint(s.writer(), a...) },
		"fmt.Printf":  func(f string, a ...any) (int, error) { return fmt.Fprintf(s.writer(), f, a...) },
		"fmt.Println": func(a ...any) (int, error) { return fmt.Fprintln(s.writer(), a...) },
		"fmt.Scan": func(a ...any) (int, error) {
			return s.scan(func(r io.Reader) (int, error) { return fmt.Fscan(r, a...) })
		},
		"fmt.Scanf": func(f string, a ...any) (int, error) {
			return s.scan(func(r io.Reader) (int, error) { return fmt.Fscanf(r, f, a...) })
		},
		"fmt.Scanln": func(a ...any) (int, error) {
			return s.scan(func(r io.Reader) (int, error) { return fmt.Fscanln(r, a...) })
		},
	}
}
