package notebooks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/browser"
)

// pruneSlider is the notebook's question as a control: how accurate (on a few images, for the test's sake) and how fast is
// the network at each level?
const pruneSlider = `var net = dlas.New().Data("fashion-mnist(n=500)").Primitive("direct", "csr")
var whole = net.MustRun()
widget.Interact(func(prune float64) any {
	fmt.Printf("prune(%.2f)\n", prune)
	return plotting.Pareto(whole, net.Prune(prune).MustRun())
}, widget.FloatSlider(0, 0.95).Set("value", 0.5))`

// What is in the output of the cell that was run last.
const (
	lastOutput = notebook + `.activeCell.outputArea.node`
	handle     = lastOutput + `.querySelector(".noUi-handle")`
	readout    = lastOutput + `.querySelector(".widget-readout")`
	picture    = lastOutput + `.querySelector(".widget-output img, .jupyter-widget-output img, .jupyter-widgets-output-area img")`
)

func shown(text string) string {
	return lastOutput + `.innerText.includes(` + browser.Quote(text) + `)`
}

// runCell types a cell at the end of the notebook and runs it.
func runCell(p *browser.Page, text string) {
	newCell(p, text)
	p.Key("Enter", browser.Ctrl)
}

// mouse presses, moves or releases the left button at a place of the page.
func mouse(p *browser.Page, kind string, x, y float64) {
	p.Do("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}, nil)
}

func TestWidgetsInJupyterLab(t *testing.T) {
	p, _ := openLab(t)

	t.Run("slider over prune", func(t *testing.T) { slideOverPrune(t, p) })
	t.Run("handlers", func(t *testing.T) { widgetHandlers(t, p) })
	t.Run("reload", func(t *testing.T) { widgetsAfterReload(t, p) })
	t.Run("restart", func(t *testing.T) { widgetsAfterRestart(t, p) })
	for _, line := range p.Log() {
		if strings.Contains(line, "Uncaught") || strings.Contains(line, "widget") {
			t.Errorf("the page reports: %s", line)
		}
	}
}

// slideOverPrune drags the slider and sees the stack run again and the picture change.
func slideOverPrune(t *testing.T, p *browser.Page) {
	runCell(p, pruneSlider)
	p.Wait("the slider", handle, 2*time.Minute)
	p.Wait("the first picture", picture+` && `+shown("prune(0.50)"), 2*time.Minute)
	var first string
	p.Eval(picture+`.src`, &first)

	var track struct{ X, Y, Width float64 }
	p.Eval(`(() => { const e = `+handle+`.closest(".noUi-target"); e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect();
		return {X: r.x, Y: r.y + r.height/2, Width: r.width}; })()`, &track)
	at := func(share float64) float64 { return track.X + track.Width*share }
	mouse(p, "mousePressed", at(0.5/0.95), track.Y)
	for i := range 30 {
		mouse(p, "mouseMoved", at(0.5/0.95+(0.9-0.5)/0.95*float64(i+1)/30), track.Y)
	}
	mouse(p, "mouseReleased", at(0.9/0.95), track.Y)
	p.Wait("the new value", readout+`.innerText === "0.90"`, 30*time.Second)
	p.Wait("its picture", shown("prune(0.90)")+` && `+picture+` && `+picture+`.src !== `+browser.Quote(first), time.Minute)
	p.Wait("all of it drawn", picture+`.naturalWidth > 0`, 30*time.Second)
	if dir := os.Getenv("DLAS_PICTURES"); dir != "" {
		settle(p)
		keep(t, p, filepath.Join(dir, "widgets-prune.png"))
	}
}

// widgetHandlers presses a button while a cell runs, and looks where what handlers say is shown.
func widgetHandlers(t *testing.T, p *browser.Page) {
	// The cell runs until its own button is pressed: the page's messages reach it meanwhile.
	runCell(p, `var stop = make(chan bool, 1)
widget.Button("stop it").OnClick(func() { fmt.Println("pressed"); stop <- true }).Show()
<-stop
"stopped"`)
	p.Wait("the button", lastOutput+`.querySelector("button.widget-button")`, time.Minute)
	p.Click(lastOutput + `.querySelector("button.widget-button")`)
	p.Wait("the end of the cell by its button", shown("stopped")+` && `+shown("pressed"), 30*time.Second)

	runCell(p, `widget.Dropdown("calm", "panic", "for ever").OnChange(func(s string) {
	fmt.Println("chose", s)
	for s == "for ever" {}
	if s == "panic" { panic("no luck") }
})`)
	p.Wait("the list", lastOutput+`.querySelector("select")`, time.Minute)
	choose := func(option string) {
		p.Eval(`(() => { const s = `+lastOutput+`.querySelector("select"); s.value = `+browser.Quote(option)+`; s.dispatchEvent(new Event("change", {bubbles: true})); })()`, nil)
	}
	choose("panic")
	p.Wait("the panic under the cell", shown("chose panic")+` && `+shown("panic: no luck"), 30*time.Second)
	choose("for ever")
	p.Wait("what it prints", shown("chose for ever"), 30*time.Second)
	run(p, "notebook:interrupt-kernel", "{}")
	p.Wait("the interrupt", shown("interrupted"), 30*time.Second)
	choose("calm")
	p.Wait("the next choice", shown("chose calm"), 30*time.Second)
}

// widgetsAfterReload opens the page anew on the kernel that runs: its widgets are there with their values, and work.
func widgetsAfterReload(t *testing.T, p *browser.Page) {
	runCell(p, `widget.VBox(
	widget.Interact(func(n int) string { return fmt.Sprint("now ", n) }, widget.IntSlider(0, 10).Set("value", 3)),
	widget.Image(image.NewGray(image.Rect(0, 0, 40, 20))),
)`)
	p.Wait("the picture", lastOutput+`.querySelector("img.widget-image")?.naturalWidth === 40 && `+shown("now 3"), time.Minute)
	run(p, "docmanager:save", "{}")
	const box = `Array.from(document.querySelectorAll(".jp-Cell > * .jp-OutputArea .widget-vbox:has(> img)")).at(-1)`
	const there = box + `?.innerText.includes("now 3") && ` + box + `.querySelector("img.widget-image")?.naturalWidth === 40`
	const late = `document.body.innerText.includes("Error displaying widget: model not found")`
	for range 3 { // the page itself gives up on what has not come within 4 s, which a busy machine may take
		p.Eval(`void (window.before = true)`, nil)
		p.Do("Page.reload", nil, nil)
		p.Wait("the page anew", `!window.before`, time.Minute)
		p.Wait("JupyterLab again", `window.jupyterapp && `+widget+` && `+notebook, 2*time.Minute)
		p.Wait("the widgets again", there+` || `+late, time.Minute)
		var again bool
		if p.Eval(late, &again); !again {
			break
		}
	}
	p.Wait("the widgets again", there, time.Minute)
	p.Click(box + `.querySelector(".noUi-handle")`)
	p.Key("ArrowRight", 0)
	p.Wait("the slider at 4, and what is made of it", box+`.querySelector(".widget-readout").innerText === "4" && `+box+`.innerText.includes("now 4")`, 30*time.Second)
}

// widgetsAfterRestart looks for comms that the kernel does not know any more, and for widgets that work again.
func widgetsAfterRestart(t *testing.T, p *browser.Page) {
	open := func() (n int) {
		p.Eval(kernel+`.requestCommInfo({target_name: "jupyter.widget"}).then(m => Object.keys(m.content.comms).length)`, &n)
		return n
	}
	if n := open(); n < 10 {
		t.Errorf("%d comms are open before the restart", n)
	}
	again := restarting(p)
	p.Eval(`void `+widget+`.sessionContext.restartKernel()`, nil)
	p.Wait("the restart", again, time.Minute)
	for end := time.Now().Add(time.Minute); open() > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d comms are left of the kernel before", open())
		}
	}
	runCell(p, `widget.VBox(widget.Tab(
	widget.VBox(widget.IntSlider(0, 10).Label("steps"), widget.Checkbox(true).Label("fold"), widget.RadioButtons("direct", "gemm", "spatialpack").Label("primitive")),
	widget.Label("the second page"),
).Titles("choose", "more"), widget.IntProgress(0, 4), widget.ToggleButtons("f32", "i8"), widget.Text("some text").Label("name"), widget.FloatRangeSlider(0, 1).Label("range"))`)
	p.Wait("new widgets", lastOutput+`.querySelectorAll(".noUi-handle").length === 3 && `+lastOutput+`.querySelector("input[type=checkbox]")?.checked`, time.Minute)
	if n := open(); n < 25 {
		t.Errorf("%d comms are open after it, want those of 11 widgets with their layouts and styles", n)
	}
	if dir := os.Getenv("DLAS_PICTURES"); dir != "" {
		settle(p)
		keep(t, p, filepath.Join(dir, "widgets-all.png"))
	}
}
