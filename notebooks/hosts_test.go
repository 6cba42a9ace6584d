package notebooks_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/install/installtest"
	"github.com/godlas/godlas/internal/browser"
	"github.com/godlas/godlas/internal/heard"
)

// What the page shows of the cell that was run last.
const (
	lastShown = notebook + `.activeCell.outputArea.node`
	lastJSON  = `JSON.stringify(` + notebook + `.activeCell.model.outputs.toJSON())`
	button    = `(name => document.querySelector(".jp-NotebookPanel:not(.lm-mod-hidden) [data-command='notebook:" + name + "-kernel'], .jp-NotebookPanel:not(.lm-mod-hidden) [data-jp-item-name='" + name + "'] jp-button"))`
)

// TestJupyterLabsPanels uses what JupyterLab has around a notebook as its users do, by keys and clicks.
func TestJupyterLabsPanels(t *testing.T) {
	p, _ := openLab(t)
	usePage(t, p, "lab")
	t.Run("inspector", func(t *testing.T) { inspector(t, p) })
	t.Run("console", func(t *testing.T) { consolePanel(t, p) })
	quiet(t, p)
}

// TestNotebook7 does the same in Notebook 7, which opens a notebook alone.
func TestNotebook7(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the browser's pipe is a file descriptor")
	}
	t.Parallel()
	b := browser.Start(t)
	address := startNotebook7(t)
	p := b.Open(t, address)
	p.Wait("Notebook", `window.jupyterapp && `+widget+` && `+notebook, 2*time.Minute)
	usePage(t, p, "notebook7")
	quiet(t, p)
}

// startNotebook7 starts the server in folders of the test's own and returns the address of an empty notebook.
func startNotebook7(t *testing.T) string {
	t.Helper()
	env := installtest.Hosts(t)
	_, vars := installtest.Kernel(t)
	dir := t.TempDir()
	empty := `{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "execution_count": null, "outputs": [], "source": ""}],
		"metadata": {"kernelspec": {"name": "godlas", "display_name": "Go (godlas)", "language": "go"}}, "nbformat": 4, "nbformat_minor": 5}`
	if err := os.WriteFile(filepath.Join(dir, "empty.ipynb"), []byte(empty), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := env.Command(t.Context(), "notebook", "--ServerApp.ip=127.0.0.1", fmt.Sprintf("--ServerApp.port=%d", port),
		"--ServerApp.port_retries=0", "--ServerApp.root_dir="+dir, "--ServerApp.open_browser=False", "--ServerApp.allow_root=True",
		"--IdentityProvider.token=secret", "--JupyterNotebookApp.expose_app_in_browser=True", "--Application.log_level=WARN")
	cmd.Env = append(cmd.Env, vars...)
	out := &heard.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		cmd.Wait()
		close(done)
	}()
	server := fmt.Sprintf("http://127.0.0.1:%d/", port)
	t.Cleanup(func() {
		if req, err := http.NewRequest(http.MethodPost, server+"api/shutdown?token=secret", nil); err == nil {
			if resp, err := http.DefaultClient.Do(req); err == nil { // it ends its kernels too
				resp.Body.Close()
			}
		}
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Errorf("the server does not shut down:\n%s", out)
			cmd.Cancel()
			<-done
		}
	})
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get(server + "api/status?token=secret"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return server + "notebooks/empty.ipynb?token=secret"
			}
		}
		select {
		case <-done:
			t.Fatalf("the server ended:\n%s", out)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("the server does not answer:\n%s", out)
		}
	}
}

// usePage goes through what JupyterLab and Notebook share; name is its picture's.
func usePage(t *testing.T, p *browser.Page, name string) {
	p.Wait("the kernel", `["idle"].includes(`+kernel+`?.status)`, 2*time.Minute)
	p.Eval(`(() => { const m = `+notebook+`.model.sharedModel; m.deleteCellRange(0, m.cells.length); m.insertCell(0, {cell_type: "code", source: ""}); })()`, nil)
	t.Run("completion icons", func(t *testing.T) { completionIcons(t, p) })
	t.Run("tooltip", func(t *testing.T) { tooltip(t, p) })
	t.Run("input box", func(t *testing.T) { inputBox(t, p) })
	t.Run("output after idle", func(t *testing.T) { outputAfterIdle(t, p) })
	t.Run("pictures and clear", func(t *testing.T) { picturesAndClear(t, p) })
	t.Run("interrupt button", func(t *testing.T) { interrupt(t, p) })
	t.Run("restart button", func(t *testing.T) { restartButton(t, p) })
	dir := os.Getenv("DLAS_PICTURES")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	settle(p)
	keep(t, p, filepath.Join(dir, name+".png"))
}

// quiet fails the test for an exception that the page reports.
func quiet(t *testing.T, p *browser.Page) {
	t.Helper()
	for _, line := range p.Log() {
		if strings.Contains(line, "(reading 'schema')") && strings.Contains(line, "/static/notebook/") {
			continue // Notebook 7.6 reports it with any kernel, ipykernel too, when it loads its settings
		}
		if strings.Contains(line, "Uncaught") || strings.Contains(line, "rendermime") {
			t.Errorf("the page reports: %s", line)
		}
	}
}

// completionIcons opens the list of completions: each entry has the sign of its type.
func completionIcons(t *testing.T, p *browser.Page) {
	enter(p, "apples := 3\nfunc appleTree() {}\ntype appleKind int")
	p.Wait("the declarations", kernel+`.status === "idle" && `+notebook+`.activeCell.model.executionCount`, time.Minute)
	newCell(p, "apple")
	p.Key("Tab", 0)
	const list = `document.querySelector(".jp-Completer:not(.lm-mod-hidden)")`
	p.Wait("the list of completions", list+`?.querySelectorAll(".jp-Completer-item").length >= 3`, time.Minute)
	var got []string
	p.Eval(`Array.from(`+list+`.querySelectorAll(".jp-Completer-item")).map(e => e.querySelector(".jp-Completer-match").textContent + " " +
		(e.querySelector(".jp-Completer-typeExtended")?.textContent ?? "") + " " + Boolean(e.querySelector("[data-color-index], .jp-Completer-icon svg, .jp-Completer-monogram")))`, &got)
	all := strings.Join(got, "\n")
	for _, want := range []string{"appleTree function true", "apples instance true", "appleKind class true"} {
		if !strings.Contains(all, want) {
			t.Errorf("the list shows\n%s\nwant %q in it", all, want)
		}
	}
	p.Key("Escape", 0)
	run(p, "notebook:delete-cell", "{}")
}

// tooltip presses Shift+Tab behind a name.
func tooltip(t *testing.T, p *browser.Page) {
	newCell(p, "strings.Fields(")
	p.Key("Tab", browser.Shift)
	p.Wait("the tooltip", `document.querySelector(".jp-Tooltip")?.innerText.includes("func strings.Fields(s string) []string")`, time.Minute)
	p.Key("Escape", 0)
	run(p, "notebook:delete-cell", "{}")
}

// inputBox answers a question and a password in the notebook.
func inputBox(t *testing.T, p *browser.Page) {
	enter(p, `name, _ := display.Input("name? ")
word, _ := display.Password("word? ")
fmt.Println("hello", name, len(word))`)
	const box = `document.querySelector(".jp-Stdin-input")`
	for _, c := range []struct{ prompt, kind, answer string }{{"name?", "text", "Ada"}, {"word?", "password", "secret"}} {
		p.Wait("the question "+c.prompt, box+`?.type === "`+c.kind+`" && document.querySelector(".jp-Stdin-prompt").textContent.includes("`+c.prompt+`")`, time.Minute)
		p.Eval(box+`.focus()`, nil)
		p.Type(c.answer)
		p.Key("Enter", 0)
	}
	p.Wait("the answer", lastJSON+`.includes("hello Ada 6")`, time.Minute)
	var page string
	p.Eval(lastShown+`.innerText`, &page)
	if strings.Contains(page, "secret") {
		t.Errorf("the password is in the page:\n%s", page)
	}
}

// outputAfterIdle lets a goroutine print when its cell has ended and another has run.
func outputAfterIdle(t *testing.T, p *browser.Page) {
	enter(p, "release := make(chan bool)\ngo func() { <-release; fmt.Println(\"late, and here\") }()")
	p.Wait("the cell's end", kernel+`.status === "idle" && `+notebook+`.activeCell.model.executionCount`, time.Minute)
	p.Eval(`void (window.lateCell = `+notebook+`.activeCell)`, nil)
	enter(p, "release <- true")
	p.Wait("the late line in its cell", `window.lateCell.outputArea.node.innerText.includes("late, and here")`, time.Minute)
	p.Wait("idle", kernel+`.status === "idle" && `+notebook+`.activeCell.model.executionCount`, time.Minute)
	var other string
	p.Eval(lastShown+`.innerText`, &other)
	if strings.Contains(other, "late") {
		t.Errorf("the late line is in the cell that ran last:\n%s", other)
	}
}

// picturesAndClear shows pictures of three kinds, and clears what was shown.
func picturesAndClear(t *testing.T, p *browser.Page) {
	enter(p, `import "gonum.org/v1/plot"
m := image.NewRGBA(image.Rect(0, 0, 60, 30))
draw.Draw(m, m.Bounds(), image.NewUniform(color.RGBA{160, 60, 40, 255}), image.Point{}, draw.Src)
display.Show(m)
display.SVG("<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'><rect width='40' height='20' fill='teal'/></svg>")
p := plot.New()
p.Title.Text = "a plot of gonum's"
p`)
	p.Wait("idle", kernel+`.status === "idle" && `+notebook+`.activeCell.model.executionCount`, time.Minute)
	p.Wait("the pictures", `(() => { const i = Array.from(`+lastShown+`.querySelectorAll("img, svg")); return i.length >= 3 && i.every(e => e.tagName !== "IMG" || e.complete && e.naturalWidth > 0); })()`, time.Minute)
	enter(p, `fmt.Println("goes"); display.Clear(true); fmt.Println("stays")`)
	p.Wait("what stays", lastShown+`.innerText.includes("stays") && !`+lastShown+`.innerText.includes("goes")`, time.Minute)
}

// restartButton clicks the toolbar's button and its dialog: the variables are gone, and a cell runs.
func restartButton(t *testing.T, p *browser.Page) {
	enter(p, "before := 1")
	p.Wait("idle", kernel+`.status === "idle" && `+notebook+`.activeCell.model.executionCount`, time.Minute)
	again := restarting(p)
	p.Click(button + `("restart")`)
	p.Wait("the dialog", `document.querySelector(".jp-Dialog .jp-mod-accept")`, time.Minute)
	p.Click(`document.querySelector(".jp-Dialog .jp-mod-accept")`)
	p.Wait("the dialog's end", `!document.querySelector(".jp-Dialog")`, time.Minute)
	p.Wait("the kernel", again, time.Minute)
	enter(p, "before")
	p.Wait("the error", lastJSON+`.includes("undefined: before")`, time.Minute)
	enter(p, "6 * 7")
	p.Wait("a cell after the restart", lastJSON+`.includes('"42"') || `+lastShown+`.innerText.includes("42")`, time.Minute)
}

// inspector opens the panel of contextual help, which follows the caret.
func inspector(t *testing.T, p *browser.Page) {
	run(p, "inspector:open", "{}")
	p.Wait("the panel", `document.querySelector(".jp-Inspector")`, time.Minute)
	run(p, "application:activate-previous-tab", "{}")
	p.Eval(`window.jupyterapp.shell.activateById(Array.from(window.jupyterapp.shell.widgets("main")).find(w => w.content?.activeCell).id)`, nil)
	newCell(p, "strings.Repeat(")
	p.Wait("its text", `document.querySelector(".jp-Inspector").innerText.includes("func strings.Repeat(s string, count int) string")`, time.Minute)
	p.Eval(`document.querySelector(".jp-Inspector").closest(".lm-Widget") && Array.from(window.jupyterapp.shell.widgets("main")).find(w => w.node.querySelector(".jp-Inspector"))?.close()`, nil)
	run(p, "notebook:delete-cell", "{}")
}

// consolePanel types a block into a console, which asks the kernel at each Enter whether it is complete.
func consolePanel(t *testing.T, p *browser.Page) {
	p.Eval(`window.jupyterapp.commands.execute("console:create", {kernelPreference: {name: "godlas"}, activate: true}).then(() => 0)`, nil)
	const console = widget + `.console`
	p.Wait("the console", console+`?.promptCell && `+console+`.sessionContext.session?.kernel?.status === "idle"`, 2*time.Minute)
	p.Wait("the banner", console+`.node.innerText.includes("Deep Learning Acceleration Stack")`, time.Minute)
	run(p, "console:interaction-mode", `{interactionMode: "terminal"}`)
	const source = console + `.promptCell.model.sharedModel.source`
	p.Click(console + `.promptCell.node.querySelector(".cm-content")`)
	p.Type("for i := range 3 {")
	p.Key("Enter", 0)
	p.Wait("a new line", source+`.startsWith("for i := range 3 {\n")`, time.Minute)
	p.Type("fmt.Println(100 + i)\n}")
	p.Key("Enter", 0)
	p.Wait("the output", console+`.node.innerText.includes("100\n101\n102")`, time.Minute)
	p.Wait("a new prompt", source+` === ""`, time.Minute)
	dir := os.Getenv("DLAS_PICTURES")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	settle(p)
	keep(t, p, filepath.Join(dir, "console.png"))
}
