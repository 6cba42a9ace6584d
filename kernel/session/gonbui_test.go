package session

import (
	"bufio"
	"context"
	"fmt"
	"image"
	"regexp"
	"strings"
	"testing"

	"github.com/godlas/godlas/kernel/display/gonbui"
	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/interp"
)

// funcs is a language whose programs are names of functions of the test.
type funcs struct {
	toy
	run map[string]func(o interp.Options)
}

func (f *funcs) Eval(_ context.Context, c interp.Cell) (interp.Result, error) {
	f.run[c.Source](f.o)
	return interp.Result{}, nil
}

// digits is the size of an image, which is its encoder's affair.
var digits = regexp.MustCompile(`, [0-9]+\b( bytes)`)

// TestGonbui shows and asks by the names of GoNB's package.
func TestGonbui(t *testing.T) {
	gif := image.NewGray(image.Rect(0, 0, 2, 1))
	run := map[string]func(o interp.Options){
		"shows": func(interp.Options) {
			gonbui.DisplayHTML("<b>h</b>")
			gonbui.DisplayHtmlf("<i>%d</i>", 3)
			gonbui.DisplayMarkdown("*m*")
			gonbui.DisplaySVG("<svg/>")
			gonbui.ScriptJavascript("a()\nb()")
			if err := gonbui.DisplayImage(gif); err != nil {
				t.Error(err)
			}
			gonbui.Sync()
		},
		"updates": func(interp.Options) {
			gonbui.UpdateHTML("id", "<p>1")
			gonbui.UpdateMarkdown("id", "2")
			gonbui.UpdateHtml("other", "3")
		},
		"asks": func(o interp.Options) {
			in := bufio.NewReader(o.Stdin)
			gonbui.RequestInput("Name? ", false)
			line, err := in.ReadString('\n')
			fmt.Fprintf(o.Stdout, "%q %v\n", line, err)
		},
	}
	c := start(t, Options{Language: func(o interp.Options) (Language, error) { return &funcs{toy{o: o}, run}, nil }})
	if !gonbui.IsNotebook || gonbui.Open() != nil || gonbui.Error() != nil {
		t.Error("there is no notebook")
	}
	frames := func(code string) (out []string) {
		id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: code, Count: 1})
		got, _ := c.answer(id)
		for _, f := range got {
			d := body[pipe.Display](t, f)
			for mime := range d.Data {
				if mime != "text/plain" {
					out = append(out, fmt.Sprintf("%s %s %q", f.Kind, mime, digits.ReplaceAllString(fmt.Sprint(d.Data["text/plain"]), ", N$1")))
				}
			}
			if strings.HasPrefix(code, "up") {
				out = append(out, d.DisplayID)
			}
		}
		return out
	}
	for code, want := range map[string][]string{
		"shows": {
			`display text/html "h"`, `display text/html "3"`, `display text/markdown "*m*"`, `display image/svg+xml "SVG image, N bytes"`,
			`display application/javascript "JavaScript, 2 lines"`, `display image/png "image/png, N bytes"`,
		},
		"updates": {`display text/html "1"`, "id", `update text/markdown "2"`, "id", `display text/html "3"`, "other"},
	} {
		for range 2 { // each run of a cell begins anew
			if got := frames(code); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%s:\n%s\nwant\n%s", code, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
	id := c.send(pipe.KindExecute, 0, pipe.Execute{Code: "asks", Count: 1, AllowStdin: true})
	if in := body[pipe.Input](t, c.next()); in.Prompt != "Name? " {
		t.Errorf("asks %+v", in)
	}
	c.send(pipe.KindInputReply, id, pipe.Input{Value: "Ada"})
	out, _ := c.answer(id)
	if got := brief(t, out[0]); got != "stdout: \"Ada\\n\" <nil>\n" {
		t.Error(got)
	}
}
