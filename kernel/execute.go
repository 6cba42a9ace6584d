package kernel

import (
	"encoding/json"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/internal/wire"
	"github.com/godlas/godlas/kernel/internal/zmtp"
)

// abortGrace is how long after a failed cell the requests that follow it may still come in and are aborted with it: a
// client that runs all cells has sent them at once, but they may be on their way. Nobody can have answered the error in
// that time.
const abortGrace = 10 * time.Millisecond

type executeContent struct {
	Code            string            `json:"code"`
	Silent          bool              `json:"silent"`
	StoreHistory    *bool             `json:"store_history"`
	UserExpressions map[string]string `json:"user_expressions"`
	AllowStdin      *bool             `json:"allow_stdin"`
	StopOnError     *bool             `json:"stop_on_error"`
}

func unless(p *bool, def bool) bool {
	if p == nil {
		return def
	}
	return *p
}

func (f *front) execute(sock *zmtp.Socket, m *wire.Message) {
	started := f.Now()
	var c executeContent
	if err := decode(m, &c); err != nil {
		f.bad(sock, m, err)
		return
	}
	store := unless(c.StoreHistory, true) && !c.Silent
	count := f.counted(store)
	r := newRequest(m)
	r.silent, r.allowStdin, r.count = c.Silent, unless(c.AllowStdin, true), count
	end := f.work.begin(r) // before the client sees that the cell has begun and may interrupt it
	if !c.Silent {
		f.pub.publish("execute_input", m.RawHeader, content{"code": c.Code, "execution_count": count})
	}
	var meta struct {
		CellID string `json:"cellId"`
	}
	json.Unmarshal(m.Metadata, &meta) // it is only a help: without it there is none
	frame, ok, err := f.work.call(pipe.KindExecute, r, pipe.Execute{
		Code: c.Code, Count: count, CellID: meta.CellID, Silent: c.Silent, Unstored: !store, AllowStdin: r.allowStdin, UserExpressions: c.UserExpressions,
	})
	end()
	f.questions.end(r)
	if !ok && f.quitting() {
		return // the client knows
	}
	done := pipe.Done{}
	switch {
	case err != nil:
		done.Err = &pipe.Error{Name: "NoSession", Value: err.Error(), Traceback: []string{err.Error()}}
	case !ok:
		done.Err = crashError(r.life)
		done.Interrupted = r.life.killed.Load()
	default:
		if done, err = pipe.Decode[pipe.Done](frame); err != nil {
			done.Err = &pipe.Error{Name: "BadFrame", Value: err.Error(), Traceback: []string{err.Error()}}
		}
	}
	r.mu.Lock()
	payload, result, failed := r.payload, r.result, r.failed
	r.mu.Unlock()
	if done.Err != nil && !failed && !c.Silent {
		f.pub.publish("error", m.RawHeader, errorContent(done.Err))
	}
	f.pub.flush()
	if store {
		if err := f.past.Append(count, c.Code, result); err != nil {
			f.Log.Warn("the history is not kept", "err", err)
		}
	}
	if payload == nil {
		payload = []json.RawMessage{}
	}
	out := content{"status": "ok", "execution_count": count, "payload": payload, "user_expressions": content{}}
	if done.Expressions != nil {
		out["user_expressions"] = done.Expressions
	}
	if done.Err != nil {
		for k, v := range errorContent(done.Err) {
			out[k] = v
		}
		out["status"] = "error"
		if unless(c.StopOnError, true) {
			time.Sleep(abortGrace)
			if q := f.shells.of(m.Header.SubshellID); q != nil {
				q.abort()
			}
		}
	}
	f.replyWith(sock, m, out, content{"started": started.UTC().Format(wire.DateFormat), "status": out["status"]})
}

// counted is the execution count of a cell, which is a new one if it is kept.
func (f *front) counted(kept bool) int {
	f.counting.Lock()
	defer f.counting.Unlock()
	if kept {
		f.count++
	}
	return f.count
}

func (f *front) quitting() bool {
	select {
	case <-f.quit:
		return true
	default:
		return f.work.isClosing()
	}
}

func errorContent(e *pipe.Error) content {
	tb := e.Traceback
	if tb == nil {
		tb = []string{}
	}
	return content{"ename": e.Name, "evalue": e.Value, "traceback": tb}
}

// output publishes a frame of the session. It waits where the clients do not keep up, and the session with it.
func (f *front) output(r *request, frame pipe.Frame) {
	var parent json.RawMessage
	silent := false
	if r != nil {
		parent, silent = r.parent, r.silent
	}
	switch frame.Kind {
	case pipe.KindCommOpen, pipe.KindCommMsg, pipe.KindCommClose:
		f.commFromSession(r, parent, frame)
		return
	case pipe.KindInputRequest:
		f.question(r, frame)
		return
	case pipe.KindDebugEvent:
		f.debugEvent(parent, frame)
		return
	case pipe.KindPayload:
		if r != nil {
			r.mu.Lock()
			r.payload = append(r.payload, frame.Body)
			r.mu.Unlock()
		}
		return
	}
	if silent {
		return
	}
	if err := f.publishFrame(r, parent, frame); err != nil {
		f.Log.Warn("frame ignored", "err", err)
	}
	f.iopub.Throttle()
}

func (f *front) publishFrame(r *request, parent json.RawMessage, frame pipe.Frame) error {
	switch frame.Kind {
	case pipe.KindStream:
		name, text, err := pipe.DecodeStream(frame)
		if err != nil {
			return err
		}
		f.pub.stream(name, parent, text)
	case pipe.KindDisplay, pipe.KindUpdate, pipe.KindResult:
		d, err := pipe.Decode[pipe.Display](frame)
		if err != nil {
			return err
		}
		c := content{"data": orEmpty(d.Data), "metadata": orEmpty(d.Metadata)}
		transient := content{}
		if d.DisplayID != "" {
			transient["display_id"] = d.DisplayID
		}
		switch frame.Kind {
		case pipe.KindDisplay:
			c["transient"] = transient
			f.pub.show("display_data", parent, d.DisplayID, len(frame.Body), c, frame.Buffers...)
		case pipe.KindUpdate:
			c["transient"] = transient
			f.pub.show("update_display_data", parent, d.DisplayID, len(frame.Body), c, frame.Buffers...)
		default:
			c["execution_count"] = 0
			if r != nil {
				c["execution_count"] = r.count
				text, _ := d.Data["text/plain"].(string)
				r.mu.Lock()
				r.result = text
				r.mu.Unlock()
			}
			f.pub.publish("execute_result", parent, c, frame.Buffers...)
		}
	case pipe.KindClear:
		c, err := pipe.Decode[pipe.Clear](frame)
		if err != nil {
			return err
		}
		f.pub.show("clear_output", parent, "", 0, content{"wait": c.Wait})
	case pipe.KindError:
		e, err := pipe.Decode[pipe.Error](frame)
		if err != nil {
			return err
		}
		if r != nil && !e.Aside {
			r.mu.Lock()
			r.failed = true
			r.mu.Unlock()
		}
		f.pub.publish("error", parent, errorContent(&e))
	default:
		f.Log.Info("frame of a kind that is not known here", "kind", string(frame.Kind))
	}
	return nil
}

// nativeOutput publishes text that was written to the session's file descriptor 1 or 2.
func (f *front) nativeOutput(r *request, name string, text []byte) {
	var parent json.RawMessage
	if r != nil {
		if r.silent {
			return
		}
		parent = r.parent
	}
	f.pub.stream(name, parent, text)
	f.iopub.Throttle()
}

// warnInterrupt tells the user that a cell does not stop.
func (f *front) warnInterrupt(r *request) {
	f.pub.stream("stderr", r.parent, []byte("The cell has not stopped "+f.Grace.String()+
		" after the interrupt. Interrupt again to end the session: its variables will be lost.\n"))
}

// sessionLost tells of a session that has ended between cells; in a cell, it is the cell's error.
func (f *front) sessionLost(r *request, l *life, idle bool) {
	f.comms.closeAll(f.pub)
	f.debugLost()
	if idle && r != nil {
		f.pub.stream("stderr", r.parent, []byte("The session has ended: "+cause(l, false)+".\n"+gone+"\n"))
	}
}
