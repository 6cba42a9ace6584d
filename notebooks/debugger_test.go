package notebooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/browser"
)

// toDebug is a cell with a function that is called in a loop.
const toDebug = `type layer struct { name string; macs []int }
func total(l layer) int {
sum := 0
for _, m := range l.macs {
sum += m
}
return sum
}
conv := layer{"conv1", []int{3, 39, 400}}
answer := total(conv)
answer`

// What JupyterLab's debugger shows.
const (
	sidebar   = `document.querySelector(".jp-DebuggerSidebar")`
	bug       = widget + `.node.querySelector(".jp-DebuggerBugButton")`
	highlight = notebook + `.node.querySelector(".jp-DebuggerEditor-highlight")`
)

// callStack is whether the panel shows a call, and variable whether it shows a value.
func callStack(name string) string {
	return `Array.from(` + sidebar + `.querySelectorAll(".jp-DebuggerCallstackFrame-name")).some(e => e.innerText === ` + browser.Quote(name) + `)`
}

func variable(name, detail string) string {
	return `Array.from(` + sidebar + `.querySelectorAll(".jp-DebuggerVariables .jp-TreeItem")).some(e => e.querySelector(".jp-DebuggerVariables-name")?.innerText === ` +
		browser.Quote(name) + ` && e.querySelector(".jp-DebuggerVariables-detail")?.innerText === ` + browser.Quote(detail) + `)`
}

// atLine is whether a text is in the line that is highlighted as the current one.
func atLine(text string) string {
	return highlight + `?.innerText.trim() === ` + browser.Quote(text)
}

// TestDebuggerInJupyterLab debugs a cell as a user does: with the bug button, a click in the gutter and the panel's buttons.
func TestDebuggerInJupyterLab(t *testing.T) {
	p, _ := openLab(t)
	picture := func(name string) {
		if dir := os.Getenv("DLAS_PICTURES"); dir != "" {
			settle(p)
			keep(t, p, filepath.Join(dir, name))
		}
	}
	p.Size(1500, 1000)
	newCell(p, toDebug)

	p.Wait("the bug button", bug, time.Minute)
	p.Click(bug)
	p.Wait("the debugger", bug+`.getAttribute("aria-pressed") === "true" || `+bug+`.querySelector("[aria-pressed=true]")`, time.Minute)
	run(p, "debugger:show-panel", "{}")
	p.Wait("the panel", sidebar+`?.offsetParent`, time.Minute)
	p.Wait("the gutter", notebook+`.activeCell.node.querySelector(".cm-breakpoint-gutter")`, time.Minute)

	var at struct{ X, Y float64 }
	p.Eval(`(() => { const c = `+notebook+`.activeCell.node; c.scrollIntoView({block: "center"});
		const line = Array.from(c.querySelectorAll(".cm-line")).find(e => e.innerText.trim() === "sum += m").getBoundingClientRect();
		const gutter = c.querySelector(".cm-breakpoint-gutter").getBoundingClientRect();
		return {X: gutter.x + gutter.width/2, Y: line.y + line.height/2}; })()`, &at)
	mouse(p, "mousePressed", at.X, at.Y)
	mouse(p, "mouseReleased", at.X, at.Y)
	p.Wait("the breakpoint in the panel", sidebar+`.querySelectorAll(".jp-DebuggerBreakpoint").length === 1`, time.Minute)
	p.Click(notebook + `.activeCell.node.querySelector(".cm-content")`)
	p.Key("Enter", browser.Ctrl)

	p.Wait("the stop", atLine("sum += m")+` && `+callStack("total")+` && `+callStack("cell"), time.Minute)
	p.Wait("the locals", variable("sum", "0")+` && `+variable("m", "3")+` && `+variable("l", `layer{name: "conv1", macs: []int{3, 39, 400}}`), time.Minute)
	picture("debugger-stopped.png")

	step := func(command, line string, shown ...string) {
		t.Helper()
		run(p, "debugger:"+command, "{}")
		p.Wait(command+" to "+line, atLine(line), time.Minute)
		for _, s := range shown {
			p.Wait("its variables", s, time.Minute)
		}
	}
	step("next", "for _, m := range l.macs {", variable("sum", "3"))
	step("next", "sum += m", variable("sum", "3"), variable("m", "39"))
	step("continue", "sum += m", variable("sum", "42"), variable("m", "400"))
	step("stepOut", "answer := total(conv)")
	picture("debugger-out.png")
	run(p, "debugger:continue", "{}")
	p.Wait("the end of the cell", lastOutput+`.innerText.includes("442") && `+kernel+`.status === "idle"`, time.Minute)
	p.Wait("the variables of the cells", variable("answer", "442"), time.Minute)
	p.Wait("no line to be the current one", `!`+highlight, time.Minute)
	picture("debugger-ended.png")

	// An interrupt ends what is stopped.
	p.Click(notebook + `.activeCell.node.querySelector(".cm-content")`)
	p.Key("Enter", browser.Ctrl)
	p.Wait("the stop again", atLine("sum += m"), time.Minute)
	run(p, "notebook:interrupt-kernel", "{}")
	p.Wait("the interrupt", lastOutput+`.innerText.includes("nterrupt") && `+kernel+`.status === "idle"`, time.Minute)

	pauseAndRestart(p)

	// Switched off, nothing stops.
	p.Click(bug)
	p.Wait("no debugger", `!`+notebook+`.activeCell.node.querySelector(".cm-breakpoint-gutter")`, time.Minute)
	const count = notebook + `.activeCell.model.executionCount`
	var before int // 442 is there already
	p.Eval(count, &before)
	p.Click(notebook + `.activeCell.node.querySelector(".cm-content")`)
	p.Key("Enter", browser.Ctrl)
	p.Wait("the end without a stop", fmt.Sprintf("%s > %d && ", count, before)+lastOutput+`.innerText.includes("442") && `+kernel+`.status === "idle"`, time.Minute)
	for _, line := range p.Log() {
		if strings.Contains(line, "Canceled future for") { // what it had asked when the kernel was restarted
			continue
		}
		if strings.Contains(line, "Uncaught") || strings.Contains(strings.ToLower(line), "debug") {
			t.Errorf("the page reports: %s", line)
		}
	}
}

// pauseAndRestart stops a loop that has no breakpoint, restarts the kernel meanwhile, and stops at the breakpoint of before,
// in a cell that it leaves as the active one and that has run.
func pauseAndRestart(p *browser.Page) {
	runCell(p, "spins := 0\nfmt.Println(\"turns\")\nfor {\nspins++\n}")
	p.Wait("the loop", lastOutput+`.innerText.includes("turns")`, time.Minute) // busy alone may be of the debugger's requests
	run(p, "debugger:continue", "{}")                                          // is Pause while code runs
	p.Wait("the pause", atLine("spins++")+` && `+callStack("cell"), time.Minute)
	const source = sidebar + `.querySelector(".jp-DebuggerBreakpoint-source")`
	var before string // names the session
	p.Eval(source+`.innerText`, &before)
	p.Eval(`void `+widget+`.sessionContext.restartKernel()`, nil)
	p.Wait("the restart", `!`+highlight+` && `+kernel+`.status === "idle"`, time.Minute)
	p.Wait("the breakpoint in the new session", source+` && `+source+`.innerText !== `+browser.Quote(before), time.Minute)
	p.Eval(`(() => { `+notebook+`.activeCellIndex -= 1; })()`, nil)
	p.Click(notebook + `.activeCell.node.querySelector(".cm-content")`)
	p.Key("Enter", browser.Ctrl)
	p.Wait("the stop at it", atLine("sum += m")+` && `+variable("m", "3"), time.Minute)
	// The breakpoint is clicked away.
	var at struct{ X, Y float64 }
	p.Eval(`(() => { const r = `+highlight+`.getBoundingClientRect(), gutter = `+highlight+`.closest(".cm-editor").querySelector(".cm-breakpoint-gutter").getBoundingClientRect();
		return {X: gutter.x + gutter.width/2, Y: r.y + r.height/2}; })()`, &at)
	mouse(p, "mousePressed", at.X, at.Y)
	mouse(p, "mouseReleased", at.X, at.Y)
	p.Wait("no breakpoint in the panel", sidebar+`.querySelectorAll(".jp-DebuggerBreakpoint").length === 0`, time.Minute)
	run(p, "debugger:continue", "{}")
	p.Wait("the end of the cell", lastOutput+`.innerText.includes("442") && `+kernel+`.status === "idle"`, time.Minute)
}
