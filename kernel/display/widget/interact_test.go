package widget

import (
	"context"
	"errors"
	"fmt"
	"image"
	"strings"
	"sync/atomic"
	"testing"
)

func TestInteract(t *testing.T) {
	newPage(t)
	type level float32
	i := Interact(func(l level, s string, n int) (string, error) {
		if n == 3 {
			return "", errors.New("no three")
		}
		return fmt.Sprint(l, s, n), nil
	}, [2]float64{0, 1}, []string{"gemm", "direct"}, 1)
	text := i.MimeBundle()["text/plain"]
	if text != "FloatSlider(first: 0 of 0 to 1)\nDropdown(second: gemm of gemm, direct)\nIntSlider(1 of -1 to 3)\n0gemm1" {
		t.Errorf("at first %q", text)
	}
	i.controls[0].(*Float).SetValue(0.5)
	i.controls[1].(*Choice).SetIndex(1)
	i.Wait()
	if got := i.out.String(); got != "0.5direct1" {
		t.Errorf("then %q", got)
	}
	i.controls[2].(*Int).SetValue(3)
	i.Wait()
	if got := i.out.String(); got != "error: no three" {
		t.Errorf("and %q", got)
	}
	// The index of a choice, no result, a truth value; shown in a box.
	var got atomic.Value
	j := Interact(func(n uint8, on bool) { got.Store(fmt.Sprint(n, on)) }, []string{"a", "b"}, true)
	HBox(Tab(j)).MimeBundle()
	if got.Load() != "0 true" || j.out.String() != "Output()" {
		t.Errorf("%v, %q", got.Load(), j.out.String())
	}
}

// TestInteractNewestWins: while a run goes on a thousand changes make one more, and the one that runs is stopped.
func TestInteractNewestWins(t *testing.T) {
	p := newPage(t)
	var runs atomic.Int32
	begun, stopped := make(chan bool, 1), make(chan bool, 1)
	i := Interact(func(ctx context.Context, n int) string {
		if runs.Add(1); n == 1 {
			begun <- true
			<-ctx.Done()
			stopped <- true
		}
		return fmt.Sprint("ran for ", n)
	}, IntSlider(0, 5000))
	s := i.controls[0].(*Int)
	i.MimeBundle()
	p.tell(s.ID(), `{"method":"update","state":{"value":1}}`)
	<-begun
	for n := range 1000 {
		p.tell(s.ID(), fmt.Sprintf(`{"method":"update","state":{"value":%d}}`, n+2))
	}
	<-stopped
	i.Wait()
	if got := i.out.String(); got != "ran for 1001" || runs.Load() != 3 {
		t.Errorf("%q after %d runs", got, runs.Load())
	}
}

// TestInteractInANotebookWithoutWidgets: the picture is in the bundle itself.
func TestInteractInANotebookWithoutWidgets(t *testing.T) {
	newPage(t)
	i := Interact(func(n int) image.Image { return image.NewGray(image.Rect(0, 0, n, n)) }, 2)
	d := i.MimeBundle()
	if s, _ := d["image/png"].(string); !strings.HasPrefix(s, "iVBOR") || d[viewType] == nil {
		t.Errorf("%v", d)
	}
	if d := Interact(func(int) {}, 2).MimeBundle(); len(d) != 2 {
		t.Errorf("without a picture: %v", d)
	}
}

func TestInteractShowsPanics(t *testing.T) {
	newPage(t)
	i := Interact(func(n int) int { return 10 / n }, IntSlider(0, 5))
	i.MimeBundle()
	if got := i.out.String(); !strings.Contains(got, "divide by zero") {
		t.Errorf("%q", got)
	}
	i.controls[0].(*Int).SetValue(5)
	i.Wait()
	if got := i.out.String(); got != "2" {
		t.Errorf("%q", got)
	}
}

func TestOutput(t *testing.T) {
	p := newPage(t)
	o := Output()
	o.MimeBundle()
	p.take()
	in := o.in
	in.Stream("stdout", "a\xe4\xb8")
	in.Stream("stdout", "\x96b\n10 %\r20 %")
	in.Stream("stderr", "e")
	in.Display(map[string]any{"text/plain": "1"}, nil, "id")
	if !in.Update(map[string]any{"text/plain": "2"}, nil, "id") || in.Update(nil, nil, "other") {
		t.Error("updates go by the id")
	}
	in.Error("panic", "p", nil)
	if got, want := o.String(), "a世b\n20 %\ne\n2\npanic: p"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	got := p.take()
	if len(got) != 1 || !strings.Contains(string(got[0].Data), `{"name":"stdout","output_type":"stream","text":"a世b\n20 %"}`) {
		t.Errorf("the page is told %s", briefs(got))
	}
	in.Clear(true)
	if got := p.take(); len(got) != 0 {
		t.Errorf("what is to go with the next output goes at once: %s", briefs(got))
	}
	o.Print("next")
	if o.String() != "next" {
		t.Errorf("%q", o.String())
	}
	o.Clear()
	for range 1000 {
		o.Print(strings.Repeat("x", 1000))
	}
	if s := o.Get("outputs").([]any); len(fmt.Sprint(s)) > maxStream+200 || !strings.Contains(fmt.Sprint(s), "738000 bytes more were printed and left out") {
		t.Errorf("%d bytes are kept: …%s", len(fmt.Sprint(s)), fmt.Sprint(s)[len(fmt.Sprint(s))-100:])
	}
	o.Clear()
	for i := range 100000 { // a line that is drawn anew takes no room
		o.Print(fmt.Sprintf("\r%d of 100000", i+1))
	}
	if o.String() != "100000 of 100000" {
		t.Errorf("%q", o.String())
	}
	o.Clear()
	for range 1000000 {
		o.Print("x\n")
	}
	if got := len(p.take()); got > 2000 { // one in 60 ms
		t.Errorf("%d messages", got)
	}
	o.Clear()
	o.Do(func() { panic("in it") })
	if o.String() != "panic: panic: in it" {
		t.Errorf("%q", o.String())
	}
}
