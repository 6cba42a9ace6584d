package notebooks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godlas/godlas/install/installtest"
	"github.com/godlas/godlas/internal/browser"
	"github.com/godlas/godlas/internal/heard"
)

// lab is `dlas lab` in a home of the test's own.
type lab struct {
	page string
	cmd  *exec.Cmd
	out  *heard.Buffer
	done chan struct{} // closed when the command has ended
	err  error
}

// startLab runs the binary's lab with the shared environment of Python, more of the process's if given, and everything
// else its own, and waits for its address.
func startLab(t *testing.T, binary string, vars ...string) *lab {
	t.Helper()
	env := installtest.Env(t)
	home := t.TempDir()
	config := filepath.Join(home, "godlas", "jupyter", "config")
	if err := os.MkdirAll(filepath.Dir(filepath.Dir(config)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(env.Dir), filepath.Join(home, "godlas", "python")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		// The test asks JupyterLab itself to run all cells and to change its theme.
		"jupyter_lab_config.json": `{"LabApp": {"expose_app_in_browser": true}}`,
		// All cells are in the page at once, for its picture.
		"lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings": `{"windowingMode": "none"}`,
	} {
		path := filepath.Join(config, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := &lab{out: &heard.Buffer{}, done: make(chan struct{})}
	l.cmd = exec.Command(binary, "lab", "--no-browser", "--dir", filepath.Join(home, "notebooks"))
	l.cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home, "DLAS_CACHE="+filepath.Join(home, "godlas"), "DLAS_CHECK_MESSAGES=1")
	l.cmd.Env = append(l.cmd.Env, vars...)
	l.cmd.Stdout, l.cmd.Stderr = l.out, l.out
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		l.err = l.cmd.Wait()
		close(l.done)
	}()
	t.Cleanup(func() {
		l.cmd.Process.Signal(os.Interrupt)
		select {
		case <-l.done:
		case <-time.After(time.Minute):
			l.cmd.Process.Kill()
			<-l.done
		}
	})
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+/lab/tree/\S+`)
	for end := time.Now().Add(5 * time.Minute); l.page == ""; time.Sleep(50 * time.Millisecond) {
		l.page = address.FindString(l.out.String())
		select {
		case <-l.done:
			t.Fatalf("lab ended: %v\n%s", l.err, l.out)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("lab shows no address:\n%s", l.out)
		}
	}
	return l
}

// What JupyterLab's own objects are called in the page.
const (
	widget   = `window.jupyterapp.shell.currentWidget`
	kernel   = widget + `.sessionContext.session.kernel`
	notebook = widget + `.content`
	cells    = `Array.from(` + notebook + `.model.cells)`
)

// run asks JupyterLab for one of its commands.
func run(p *browser.Page, command, args string) {
	p.Eval(fmt.Sprintf(`window.jupyterapp.commands.execute(%q, %s).then(() => 0)`, command, args), nil)
}

// openLab opens the quickstart notebook in a JupyterLab of the test's own, and returns the page once its kernel is idle. The
// test may run beside another: such tests wait more than they compute.
func openLab(t *testing.T, vars ...string) (*browser.Page, *lab) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the browser's pipe is a file descriptor")
	}
	t.Parallel()
	b := browser.Start(t)
	l := startLab(t, installtest.Binary(t), vars...)
	p := b.Open(t, l.page)
	p.Wait("JupyterLab", `window.jupyterapp && `+widget+` && `+notebook, 2*time.Minute)
	p.Wait("the kernel", `["idle"].includes(`+kernel+`?.status)`, 2*time.Minute)
	return p, l
}

// emptyNotebook leaves the notebook that is open one empty cell.
func emptyNotebook(p *browser.Page) {
	p.Eval(`(() => { const m = `+notebook+`.model.sharedModel; m.deleteCellRange(0, m.cells.length); m.insertCell(0, {cell_type: "code", source: ""}); })()`, nil)
}

func TestQuickstartInJupyterLab(t *testing.T) {
	p, l := openLab(t)

	t.Log("run all")
	p.Eval(`void window.jupyterapp.commands.execute("notebook:run-all-cells")`, nil) // it resolves when all have run
	n := runAll(t, p)
	if n.pictures < 3 {
		t.Errorf("the page shows %d pictures, want the sweep's plot, the reader's own and the samples at least", n.pictures)
	}
	keepPictures(t, p)
	complete(t, p)
	interrupt(t, p)
	for _, line := range p.Log() {
		if strings.Contains(line, "Uncaught") || strings.Contains(line, "rendermime") {
			t.Errorf("the page reports: %s", line)
		}
	}

	l.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-l.done:
	case <-time.After(time.Minute):
		t.Fatalf("Ctrl-C does not stop it:\n%s", l.out)
	}
	if l.err != nil {
		t.Errorf("Ctrl-C is no error, got %v:\n%s", l.err, l.out)
	}
}

// ran is what one run of all cells gave.
type ran struct{ pictures int }

// runAll waits until every code cell has run and fails the test for an error in a cell that is not tagged as one.
func runAll(t *testing.T, p *browser.Page) ran {
	t.Helper()
	p.Wait("the last cell", cells+`.filter(c => c.type === "code" && c.sharedModel.source.trim()).every(c => c.executionCount !== null || c.executionState === "idle") && `+
		kernel+`.status === "idle" && `+cells+`.filter(c => c.type === "code").at(-1).executionCount !== null`, 5*time.Minute)
	var got []struct {
		Source  string
		Tags    []string
		Outputs []struct {
			Type  string `json:"output_type"`
			EName string `json:"ename"`
			Value string `json:"evalue"`
			Data  map[string]json.RawMessage
		}
	}
	p.Eval(cells+`.filter(c => c.type === "code").map(c => ({Source: c.sharedModel.source, Tags: c.getMetadata("tags") ?? [], Outputs: c.outputs.toJSON()}))`, &got)
	var r ran
	for _, c := range got {
		failed := false
		for _, o := range c.Outputs {
			if o.Type == "error" {
				failed = true
				if !strings.Contains(strings.Join(c.Tags, " "), "raises-exception") {
					t.Errorf("cell\n%s\nfailed: %s: %s", c.Source, o.EName, o.Value)
				}
			}
			for mime := range o.Data {
				if mime == "image/svg+xml" {
					r.pictures++
				}
			}
		}
		if !failed && strings.Contains(strings.Join(c.Tags, " "), "raises-exception") {
			t.Errorf("cell\n%s\nis there to fail and did not", c.Source)
		}
	}
	return r
}

// keepPictures checks that every picture is drawn and keeps the whole page as it looks in both themes, and for the
// README a window of it: where DLAS_PICTURES says, else among the test's artifacts.
func keepPictures(t *testing.T, p *browser.Page) {
	t.Helper()
	dir := os.Getenv("DLAS_PICTURES")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	run(p, "application:toggle-left-area", "{}")
	for _, theme := range []string{"Light", "Dark"} {
		run(p, "apputils:change-theme", `{theme: "JupyterLab `+theme+`"}`)
		p.Wait("the theme", `document.body.dataset.jpThemeName === "JupyterLab `+theme+`"`, 30*time.Second)
		// A window as high as the notebook.
		var height int
		p.Size(1000, 1000)
		settle(p)
		for range 2 {
			p.Eval(`(() => { const w = `+notebook+`.widgets, top = w[0].node.getBoundingClientRect().top;
				return Math.ceil(w.at(-1).node.getBoundingClientRect().bottom - top); })()`, &height)
			p.Size(1000, min(height+200, 16000))
			settle(p)
		}
		p.Eval(notebook+`.outerNode.scrollTop = 0`, nil)
		settle(p)
		var pictures struct{ All, Drawn int }
		p.Eval(`(() => { const i = Array.from(document.querySelectorAll(".jp-OutputArea-output img"));
			return {All: i.length, Drawn: i.filter(e => e.complete && e.naturalWidth > 0).length}; })()`, &pictures)
		if pictures.All == 0 || pictures.Drawn != pictures.All {
			t.Errorf("%s theme: %d of %d pictures are drawn", theme, pictures.Drawn, pictures.All)
		}
		keep(t, p, filepath.Join(dir, "quickstart-"+strings.ToLower(theme)+".png"))
		t.Logf("%s theme: %d pictures in a page %d high, kept in %s", theme, pictures.All, height, dir)
		if theme == "Light" {
			p.Size(1000, 1250)
			p.Eval(`(async () => { const n = `+notebook+`; const i = `+cells+`.findIndex(c => c.sharedModel.source.includes("\nsweep"));
				n.activeCellIndex = i; await n.scrollToItem(i, "start", 0); })()`, nil)
			settle(p)
			keep(t, p, filepath.Join(dir, "quickstart.png"))
		}
	}
	p.Size(1280, 1000)
}

// settle gives the page time to lay itself out anew after a change of its window or theme.
func settle(p *browser.Page) {
	p.Eval(`new Promise(done => setTimeout(done, 1500, 0))`, nil)
}

// keep writes what the page shows to a file.
func keep(t *testing.T, p *browser.Page, path string) {
	t.Helper()
	shot := p.Picture()
	if _, err := png.Decode(bytes.NewReader(shot)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, shot, 0o644); err != nil {
		t.Fatal(err)
	}
}

// restarting notes when the kernel of the notebook that is open begins to restart; restarted is whether it has, and is there
// again: idle alone is what it was before.
func restarting(p *browser.Page) (restarted string) {
	p.Eval(`(() => { window.restarted = false; `+widget+`.sessionContext.statusChanged.connect((_, s) => { if (s === "restarting") window.restarted = true; }); })()`, nil)
	return `window.restarted && ` + kernel + `?.status === "idle"`
}

// newCell puts the caret into a new last cell with this text.
func newCell(p *browser.Page, text string) {
	p.Eval(`(() => { const n = `+notebook+`; n.activeCellIndex = n.widgets.length - 1; })()`, nil)
	run(p, "notebook:insert-cell-below", "{}")
	run(p, "notebook:change-cell-to-code", "{}")
	p.Wait("the new cell's editor", notebook+`.activeCell?.node.querySelector(".cm-content")`, 20*time.Second)
	p.Click(notebook + `.activeCell.node.querySelector(".cm-content")`)
	p.Wait("the caret in it", notebook+`.activeCell.node.contains(document.activeElement) && `+notebook+`.mode === "edit"`, 20*time.Second)
	p.Type(text)
	p.Wait("the typed text", notebook+`.activeCell.model.sharedModel.source === `+browser.Quote(text), 20*time.Second)
}

// complete types the beginning of a name that the notebook declares and of a magic, and takes what Tab offers.
func complete(t *testing.T, p *browser.Page) {
	t.Helper()
	for _, c := range []struct{ typed, want string }{
		{"strings.ToUpp", "strings.ToUpper"},
		{"%dlas mod", "%dlas model"},
	} {
		newCell(p, c.typed)
		p.Key("Tab", 0)
		p.Wait("Tab after "+c.typed, notebook+`.activeCell.model.sharedModel.source.startsWith(`+browser.Quote(c.want)+`) ||
			document.querySelector(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item")`, 20*time.Second)
		var source string
		p.Eval(notebook+`.activeCell.model.sharedModel.source`, &source)
		if !strings.HasPrefix(source, c.want) { // several begin so: the list is open
			p.Key("Enter", 0)
			p.Wait("the choice for "+c.typed, notebook+`.activeCell.model.sharedModel.source.startsWith(`+browser.Quote(c.want)+`)`, 20*time.Second)
		}
		run(p, "notebook:delete-cell", "{}")
	}
}

// interrupt stops an endless loop by the toolbar's button and asks for a variable from before.
func interrupt(t *testing.T, p *browser.Page) {
	t.Helper()
	newCell(p, "kept := 41")
	run(p, "notebook:run-cell", "{}")
	newCell(p, "fmt.Println(\"turns\")\nfor {\n}")
	p.Key("Enter", browser.Ctrl)
	p.Wait("the endless loop", kernel+`.status === "busy" && `+notebook+`.activeCell.outputArea.node.innerText.includes("turns")`, time.Minute) // busy alone may be of another request
	p.Click(`document.querySelector(".jp-NotebookPanel:not(.lm-mod-hidden) [data-command='notebook:interrupt-kernel'], .jp-NotebookPanel:not(.lm-mod-hidden) [data-jp-item-name='interrupt'] jp-button")`)
	p.Wait("the interrupt", kernel+`.status === "idle" && `+notebook+`.activeCell.model.outputs.toJSON().some(o => o.output_type === "error")`, 30*time.Second)
	newCell(p, "kept + 1")
	p.Key("Enter", browser.Ctrl)
	p.Wait("the variable from before the interrupt", notebook+`.activeCell.model.outputs.toJSON().some(o => String(o.data?.["text/plain"]).trim() === "42")`, 30*time.Second)
}
