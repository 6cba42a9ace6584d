// Package browser drives a headless Chromium for tests, over the pipe of its DevTools protocol, so that a test needs
// the browser alone and no driver.
package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/need"
)

// Browser is a Chromium that runs. It ends with the test.
type Browser struct {
	to *os.File

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	closed  error
	pages   map[string]*Page // by session
}

// reply is an answer to a command.
type reply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// Start starts Chromium with an empty profile, or ends the test under the name chromium where there is none.
func Start(t testing.TB) *Browser {
	t.Helper()
	path := need.Program(t, "chromium", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	// No sandbox, since tests may run as root; the others keep it from looking anything up by itself.
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb",
		"--window-size=1280,1000", "--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{inR, outW} // 3: it reads, 4: it writes
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	inR.Close()
	outW.Close()
	b := &Browser{to: inW, waiting: map[int]chan reply{}, pages: map[string]*Page{}}
	done := make(chan struct{})
	go func() {
		b.read(outR)
		outR.Close()
		close(done)
	}()
	t.Cleanup(func() {
		short, stop := context.WithTimeout(context.Background(), 5*time.Second)
		b.call(short, "", "Browser.close", nil, nil)
		stop()
		inW.Close()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
		}
		cancel()
		cmd.Wait()
		os.RemoveAll(profile)
	})
	return b
}

// read hands out what the browser says until its pipe ends.
func (b *Browser) read(from *os.File) {
	in := bufio.NewReaderSize(from, 1<<20)
	for {
		msg, err := in.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			b.closed = fmt.Errorf("the browser ended: %w", err)
			for id, c := range b.waiting {
				delete(b.waiting, id)
				close(c)
			}
			b.mu.Unlock()
			return
		}
		var m struct {
			ID        int
			SessionID string
			Method    string
			Params    json.RawMessage
			reply
		}
		if json.Unmarshal(bytes.TrimSuffix(msg, []byte{0}), &m) != nil {
			continue
		}
		b.mu.Lock()
		c := b.waiting[m.ID]
		delete(b.waiting, m.ID)
		p := b.pages[m.SessionID]
		b.mu.Unlock()
		if c != nil {
			c <- m.reply
		} else if p != nil {
			p.event(m.Method, m.Params)
		}
	}
}

// call sends a command and stores its result in out, if that is not nil.
func (b *Browser) call(ctx context.Context, session, method string, params, out any) error {
	msg := map[string]any{"method": method}
	if params != nil {
		msg["params"] = params
	}
	if session != "" {
		msg["sessionId"] = session
	}
	c := make(chan reply, 1)
	b.mu.Lock()
	if b.closed != nil {
		b.mu.Unlock()
		return b.closed
	}
	b.next++
	msg["id"] = b.next
	b.waiting[b.next] = c
	data, err := json.Marshal(msg)
	if err == nil {
		_, err = b.to.Write(append(data, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case r, ok := <-c:
		switch {
		case !ok:
			return errors.New("the browser ended")
		case r.Error != nil:
			return fmt.Errorf("%s: %s", method, r.Error.Message)
		case out != nil:
			return json.Unmarshal(r.Result, out)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
}

// Page is one tab.
type Page struct {
	t       testing.TB
	b       *Browser
	session string

	mu  sync.Mutex
	log []string
}

// Open opens a tab at address, 1280 by 1000 points large.
func (b *Browser) Open(t testing.TB, address string) *Page {
	t.Helper()
	p := &Page{t: t, b: b}
	var target struct{ TargetID string }
	var attached struct{ SessionID string }
	p.must(b.call(p.ctx(), "", "Target.createTarget", map[string]any{"url": "about:blank"}, &target))
	p.must(b.call(p.ctx(), "", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached))
	p.session = attached.SessionID
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	p.Do("Runtime.enable", nil, nil)
	p.Do("Page.enable", nil, nil)
	p.Do("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil)
	p.Size(1280, 1000)
	p.Do("Page.navigate", map[string]any{"url": address}, nil)
	return p
}

// event notes what the page writes to its console as an error, and exceptions that nobody caught.
func (p *Page) event(method string, params json.RawMessage) {
	var line string
	switch method {
	case "Runtime.exceptionThrown":
		var e struct {
			ExceptionDetails struct {
				Text      string
				Exception struct{ Description string }
			}
		}
		json.Unmarshal(params, &e)
		line = e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description
	case "Runtime.consoleAPICalled":
		var e struct {
			Type string
			Args []struct {
				Value       any
				Description string
			}
		}
		json.Unmarshal(params, &e)
		if e.Type != "error" {
			return
		}
		for _, a := range e.Args {
			line += fmt.Sprint(a.Value, a.Description, " ")
		}
	default:
		return
	}
	p.mu.Lock()
	p.log = append(p.log, line)
	p.mu.Unlock()
}

// Log returns the errors that the page wrote to its console so far.
func (p *Page) Log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.log...)
}

// ctx is the time that one command may take.
func (p *Page) ctx() context.Context {
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, errors.New("no answer within a minute"))
	p.t.Cleanup(cancel)
	return ctx
}

func (p *Page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// Do runs a command of the protocol in the page.
func (p *Page) Do(method string, params, out any) {
	p.t.Helper()
	p.must(p.b.call(p.ctx(), p.session, method, params, out))
}

// Eval evaluates JavaScript, waits for its promise if it is one, and stores its value in out, if that is not nil.
func (p *Page) Eval(js string, out any) {
	p.t.Helper()
	p.must(p.eval(js, out))
}

func (p *Page) eval(js string, out any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.b.call(p.ctx(), p.session, "Runtime.evaluate", map[string]any{
		"expression": js, "awaitPromise": true, "returnByValue": true, "userGesture": true,
	}, &r)
	if err != nil {
		return err
	}
	if e := r.ExceptionDetails; e != nil {
		return fmt.Errorf("%s: %s %s", js, e.Text, e.Exception.Description)
	}
	if out == nil || len(r.Result.Value) == 0 {
		return nil
	}
	return json.Unmarshal(r.Result.Value, out)
}

// Wait waits until JavaScript gives true; what says what for. After limit it fails the test and logs the page's text.
func (p *Page) Wait(what, js string, limit time.Duration) {
	p.t.Helper()
	var last error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var ok bool
		if last = p.eval("Boolean("+js+")", &ok); last == nil && ok {
			return
		}
	}
	p.t.Fatalf("%s: not within %v (%v); the page reports %q and shows:\n%s", what, limit, last, p.Log(), p.text())
}

func (p *Page) text() string {
	var s string
	if err := p.eval("document.body.innerText", &s); err != nil {
		return err.Error()
	}
	return s
}

// Click clicks in the middle of the element that JavaScript gives, after scrolling to it.
func (p *Page) Click(element string) {
	p.t.Helper()
	var at struct{ X, Y float64 }
	p.Eval(`(() => { const e = `+element+`; e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect();
		return {X: r.x + r.width/2, Y: r.y + r.height/2}; })()`, &at)
	for _, typ := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		p.Do("Input.dispatchMouseEvent", map[string]any{
			"type": typ, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1,
		}, nil)
	}
}

// Type types text where the caret is.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.Do("Input.insertText", map[string]any{"text": text}, nil)
}

// The bits of a key's modifiers.
const (
	Alt   = 1
	Ctrl  = 2
	Shift = 8
)

// Key presses a key by its DOM name and code, such as Tab or Enter, with modifiers.
func (p *Page) Key(name string, modifiers int) {
	p.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, "ArrowRight": 39, "ArrowDown": 40}
	event := map[string]any{
		"type": "rawKeyDown", "key": name, "code": name, "windowsVirtualKeyCode": codes[name], "modifiers": modifiers,
	}
	p.Do("Input.dispatchKeyEvent", event, nil)
	event["type"] = "keyUp"
	p.Do("Input.dispatchKeyEvent", event, nil)
}

// Picture returns the page as PNG: what is in sight.
func (p *Page) Picture() []byte {
	p.t.Helper()
	var shot struct{ Data string }
	p.Do("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	p.must(err)
	return data
}

// Size makes the page's window so large.
func (p *Page) Size(width, height int) {
	p.t.Helper()
	p.Do("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
	}, nil)
}

// Quote makes a JavaScript string of text.
func Quote(text string) string {
	b, _ := json.Marshal(text)
	return strings.ReplaceAll(string(b), "</", `<\/`)
}
