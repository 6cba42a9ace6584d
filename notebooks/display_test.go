package notebooks_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/browser"
)

// harmful is a text that runs a script wherever a page takes it for HTML.
const harmful = `<img src=x onerror="window.harm=(window.harm||0)+1"><script>window.harm=1e6</script>`

// looks are cells whose results have a look of their own, and what the page must show of each, as text and as elements.
var looks = []struct{ source, text, elements string }{
	{`type City struct { Name string; Height float64; People int; Seen time.Time }
cities := []City{{"Bern", 540.5, 134591, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, {"Rom", 21, 2755309, time.Time{}}}
cities`, "2 rows × 4 columns", "table tbody tr"},
	{"many := make([]City, 1000)\nmany", "1000 rows × 4 columns", "table tbody tr"},
	{"mat.NewDense(3, 3, []float64{1, 0.5, -2, 1e-3, 4, 5, 6, 7, 8})", "3 rows × 3 columns", "table tbody tr"},
	{`map[string][]int{"a": {1, 2}, "b": {3}}`, "2 rows × 2 columns", "table tbody tr"},
	{"m := image.NewRGBA(image.Rect(0, 0, 4000, 1000))\nfor i := range m.Pix { m.Pix[i] = uint8(i/4000) | 0x80 }\nm", "", "img"},
	{"%%latex\n\\int_0^1 x^2\\,dx = \\frac13", "", "mjx-container, .MathJax"},
	{"%%markdown\n# Title\n- *item*", "Title", "h1, li em"},
	{`%%svg
<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"><rect width="60" height="30" fill="teal"/></svg>`, "", "img, svg"},
	{`display.VegaLite(` + "`" + `{"data":{"values":[{"x":1,"y":2},{"x":2,"y":3}]},"mark":"bar","encoding":{"x":{"field":"x","type":"ordinal"},"y":{"field":"y","type":"quantitative"}}}` + "`" + `)`, "", "canvas, svg, .vega-embed"},
	{`display.JSON(map[string]any{"a": []int{1, 2}})`, "", ".jp-RenderedJSON, pre"},
	{"%%javascript\nwindow.ran = 7", "", ""},
	{"p := display.Progress(200)\nfor range 200 { p.Add(1); time.Sleep(2 * time.Millisecond) }\np.Done()", "200/200", "pre"},
	{"q := display.Progress(10)\nq.Add(4)", "4/10", "pre"}, // drawn at the end of its cell
	{`fmt.Errorf("open: %w", os.ErrNotExist)`, "*errors.errorString: file does not exist", "pre"},
	{"for i := range 4 {\n\tdisplay.Clear(true)\n\tdisplay.Markdown(fmt.Sprint(\"step \", i))\n}", "step 3", "p"},
	{"%whos", "cities", "pre"},
}

// TestLooksInJupyterLab sees what values look like in both themes, and that no text of a value becomes a part of the page.
func TestLooksInJupyterLab(t *testing.T) {
	p, _ := openLab(t)
	emptyNotebook(p)
	idle := kernel + `.status === "idle" && ` + notebook + `.activeCell.model.executionCount`

	for _, c := range looks {
		enter(p, c.source)
		p.Wait("the cell "+c.source, idle, time.Minute)
		if c.text != "" {
			p.Wait(c.text+" below "+c.source, shown(c.text), 20*time.Second)
		}
		if c.elements != "" {
			p.Wait(c.elements+" below "+c.source, lastOutput+`.querySelector(`+browser.Quote(c.elements)+`)`, 20*time.Second)
		}
	}
	var ran int
	p.Eval(`window.ran`, &ran)
	if ran != 7 {
		t.Errorf("the script has left %d", ran)
	}
	var outputs int
	p.Eval(notebook+`.widgets.filter(w => w.model.sharedModel.source.startsWith("p := ")).map(w => w.outputArea.model.length)[0]`, &outputs)
	if outputs != 1 {
		t.Errorf("the progress line is %d outputs", outputs)
	}

	goText, err := json.Marshal(harmful) // which Go reads too
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{
		"bad := %s\n[]struct{ A string; E error; M map[string]string }{{bad, errors.New(bad), map[string]string{bad: bad}}}",
		"map[string]any{bad: []string{bad}}",
		"[]map[string]int{{bad: 1}}",
		"[][]any{{bad, nil}}",
		"errors.New(bad)",
		"fmt.Errorf(\"%%w, %%w\", errors.New(bad), errors.New(bad))",
		"panic(bad)",
		"bad",
		"struct{ A string }{bad}",
		"display.JSON(map[string]string{bad: bad})",
		"p2 := display.Progress(1)\np2.Label(bad)\np2.Done()",
		"type Own struct{}\nfunc (Own) MimeBundle() map[string]any { return map[string]any{\"text/html\": \"<i>own</i>\", \"image/png\": bad, bad: 1} }\nOwn{}",
		"%%whos",
		"display.LaTeX(bad)",
	} {
		if strings.HasPrefix(source, "bad :=") {
			source = fmt.Sprintf(source, goText)
		} else {
			source = strings.ReplaceAll(source, "%%", "%")
		}
		enter(p, source)
		p.Wait("the cell "+source, idle, time.Minute)
		p.Wait("the text below "+source, lastOutput+`.textContent.length > 0`, 20*time.Second)
	}
	settle(p)
	var harm struct {
		Done   float64
		Images int
	}
	p.Eval(`({Done: window.harm || 0, Images: document.querySelectorAll("img[onerror]").length})`, &harm)
	if harm.Done != 0 || harm.Images != 0 {
		t.Errorf("text of values has run as a script: %+v", harm)
	}

	dir := os.Getenv("DLAS_PICTURES")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	run(p, "application:toggle-left-area", "{}")
	for _, theme := range []string{"Light", "Dark"} {
		run(p, "apputils:change-theme", `{theme: "JupyterLab `+theme+`"}`)
		p.Wait("the theme", `document.body.dataset.jpThemeName === "JupyterLab `+theme+`"`, 30*time.Second)
		p.Size(1100, 6500)
		settle(p)
		// Text and its ground differ in both themes.
		var contrast float64
		p.Eval(`(() => {
			const lum = c => { const [r, g, b] = c.match(/[\d.]+/g).map(Number); return (0.2126*r + 0.7152*g + 0.0722*b) / 255; };
			const solid = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$|transparent/.test(c)) return c; } return "rgb(255,255,255)"; };
			return Math.min(...Array.from(document.querySelectorAll(".jp-OutputArea-output td, .jp-OutputArea-output th")).filter(e => e.innerText.trim()).map(e =>
				Math.abs(lum(getComputedStyle(e).color) - lum(solid(e)))));
		})()`, &contrast)
		if contrast < 0.4 {
			t.Errorf("%s theme: text of a table differs from its ground by %.2f of the range", theme, contrast)
		}
		keep(t, p, filepath.Join(dir, "looks-"+strings.ToLower(theme)+".png"))
	}
	for _, line := range p.Log() {
		if strings.Contains(line, "Uncaught") {
			t.Errorf("the page reports: %s", line)
		}
	}
}
