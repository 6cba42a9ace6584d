package notebooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/notebooks"
)

// TestCourseInJupyterLab runs every notebook but the quickstart, which has a test of its own, in one JupyterLab, and
// keeps what the page shows of each.
func TestCourseInJupyterLab(t *testing.T) {
	p, _ := openLab(t)
	dir := os.Getenv("DLAS_PICTURES")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	run(p, "application:toggle-left-area", "{}")
	for _, name := range names(t) {
		if name == notebooks.Quickstart {
			continue
		}
		begin := time.Now()
		run(p, "docmanager:open", fmt.Sprintf("{path: %q}", name))
		p.Wait(name, widget+`.context?.path === "`+name+`" && `+notebook+`.model.cells.length > 1`, time.Minute)
		p.Wait("its kernel", kernel+`?.status === "idle"`, 2*time.Minute)
		run(p, "notebook:clear-all-cell-outputs", "{}") // of one that comes with outputs
		p.Eval(`void window.jupyterapp.commands.execute("notebook:run-all-cells")`, nil)
		if n := runAll(t, p); n.pictures == 0 {
			t.Errorf("%s draws nothing", name)
		}
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
		// Pictures are drawn, nothing sticks out of the page, and no cell shows its output raw.
		var wrong []string
		p.Eval(`(() => { const bad = []; for (const w of `+notebook+`.widgets) {
			const node = w.outputArea?.node; if (!node) continue;
			for (const i of node.querySelectorAll("img")) if (!i.complete || !i.naturalWidth) bad.push("a picture that is not drawn");
			if (node.scrollWidth > node.clientWidth + 2) bad.push("output " + node.scrollWidth + " wide in " + node.clientWidth + ": " + node.textContent.slice(0, 80));
			if (node.querySelector(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")) bad.push("stderr: " + node.textContent.slice(0, 80));
		} return bad; })()`, &wrong)
		for _, w := range wrong {
			t.Errorf("%s shows %s", name, w)
		}
		keep(t, p, filepath.Join(dir, strings.TrimSuffix(name, ".ipynb")+".png"))
		t.Logf("%s: %v, a page %d high", name, time.Since(begin).Round(time.Second), height)
		p.Size(1280, 1000)
	}
	for _, line := range p.Log() {
		if strings.Contains(line, "Uncaught") || strings.Contains(line, "rendermime") {
			t.Errorf("the page reports: %s", line)
		}
	}
}
