//go:build unix

package compiled

import (
	"context"
	"encoding/gob"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// talk is the pipes of a conversation. GoNB names fifos in the environment; these are pipes that the program inherits, under
// the names that the system has for them: there is no file that a killed session could leave, and no other process may
// open them.
type talk struct {
	from, to    *os.File // the kernel's ends
	write, read *os.File // the program's
	served      sync.WaitGroup
	broken      bool
	host        *host
}

func newTalk(ctx context.Context, cmd *exec.Cmd, notes io.Writer, in *input) (*talk, error) {
	t := &talk{}
	var err error
	if t.from, t.write, err = os.Pipe(); err != nil {
		return nil, err
	}
	if t.read, t.to, err = os.Pipe(); err != nil {
		closeAll(t.from, t.write)
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{t.write, t.read} // 3 and 4
	cmd.Env = append(cmd.Env, protocol.GONB_PIPE_ENV+"=/dev/fd/3", protocol.GONB_PIPE_BACK_ENV+"=/dev/fd/4")
	enc := gob.NewEncoder(t.to)
	t.host = &host{
		from: t.from, notes: notes, before: in.before,
		input: func(prompt string, password bool) { in.line(ctx, prompt, password) },
		answer: func(v *protocol.CommValue) error {
			if t.broken {
				return nil
			}
			_ = t.to.SetWriteDeadline(time.Now().Add(answerWait)) // it may read nothing
			if enc.Encode(v) != nil {
				t.broken = true
			}
			return nil
		},
	}
	return t, nil
}

// started leaves the program's ends to it, and begins to listen.
func (t *talk) started() {
	closeAll(t.write, t.read)
	t.served.Go(t.host.serve)
}

// end waits for what the program has sent before its end.
func (t *talk) end() {
	closeAll(t.write, t.read) // where it did not start
	left := time.AfterFunc(2*time.Second, func() { t.from.Close() })
	t.served.Wait()
	left.Stop()
	closeAll(t.from, t.to)
}
