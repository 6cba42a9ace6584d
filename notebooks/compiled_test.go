package notebooks_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/godlas/godlas/internal/browser"
	"github.com/godlas/godlas/internal/need"
)

// enter puts a new last cell with this text into the notebook and runs it.
func enter(p *browser.Page, text string) {
	p.Eval(`(() => { const n = `+notebook+`; n.activeCellIndex = n.widgets.length - 1; })()`, nil)
	run(p, "notebook:insert-cell-below", "{}")
	run(p, "notebook:change-cell-to-code", "{}")
	p.Eval(notebook+`.activeCell.model.sharedModel.setSource(`+browser.Quote(text)+`)`, nil)
	p.Eval(`void window.jupyterapp.commands.execute("notebook:run-cell")`, nil)
}

// TestCompiledCellsInJupyterLab looks at programs of cells that plot, show and ask.
func TestCompiledCellsInJupyterLab(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the browser's pipe is a file descriptor, and that a program waits for input is seen on Linux")
	}
	need.Program(t, "go", "go")
	cache := os.Getenv("GOCACHE")
	if cache == "" { // the lab has a home of its own
		d, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(d, "go-build")
	}
	p, _ := openLab(t, "GOCACHE="+cache)
	emptyNotebook(p)
	idle := kernel + `.status === "idle" && ` + notebook + `.activeCell.model.executionCount`
	outputs := `JSON.stringify(` + notebook + `.activeCell.model.outputs.toJSON())`

	enter(p, "type City struct{ Name string; Heights []float64 }\ncities := []City{{\"Bern\", []float64{3, 5, 4, 8}}, {\"Rom\", []float64{1, 2, 6, 7}}}")
	p.Wait("the interpreted cell", idle, time.Minute)
	enter(p, `%%go
import "github.com/janpfeifer/gonb/gonbui"

// bars draws heights.
func bars(c City) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 200, 80))
	for i, h := range c.Heights {
		draw.Draw(m, image.Rect(10+45*i, 80-int(9*h), 45+45*i, 80), image.NewUniform(color.RGBA{40, 90, 160, 255}), image.Point{}, draw.Src)
	}
	return m
}

%%
for _, c := range cities {
	fmt.Println("drawing", c.Name)
	gonbui.DisplayHTMLF("<b>%s</b> has <i>%d</i> heights", html.EscapeString(c.Name), len(c.Heights))
	if err := gonbui.DisplayImage(bars(c)); err != nil {
		panic(err)
	}
}
for i := range 3 {
	gonbui.UpdateHTML("count", fmt.Sprintf("<code>step %d</code>", i))
}
gonbui.DisplayMarkdown("$e^{i\\pi}=-1$ and *so on*")
gonbui.DisplaySVG("<svg xmlns='http://www.w3.org/2000/svg' width='90' height='30'><circle cx='15' cy='15' r='12' fill='teal'/></svg>")
fmt.Print("Your name? ")
name := ""
fmt.Scanln(&name)
fmt.Println("hello,", name)`)
	box := `document.querySelector(".jp-Stdin-input")`
	p.Wait("the question", box, 3*time.Minute)
	p.Eval(box+`.focus()`, nil)
	p.Type("Ada")
	p.Key("Enter", 0)
	p.Wait("the answer", outputs+`.includes("hello, Ada")`, time.Minute)
	p.Wait("its end", idle, time.Minute)
	var got []string
	p.Eval(notebook+`.activeCell.model.outputs.toJSON().map(o => o.output_type === "stream" ? o.text : Object.keys(o.data).sort()[0])`, &got)
	p.Wait("the pictures", `(() => { const i = Array.from(`+notebook+`.activeCell.node.querySelectorAll("img")); return i.length >= 2 && i.every(e => e.complete && e.naturalWidth > 0); })()`, time.Minute)
	p.Wait("the update in its place", notebook+`.activeCell.node.textContent.includes("step 2") && !`+notebook+`.activeCell.node.textContent.includes("step 1")`, time.Minute)
	t.Logf("%q", got)
	enter(p, "%%go\nfunc mean(c City) float64 {\n\tsum := 0.0\n\tfor _, h := range c.Heights[:9] {\n\t\tsum += h\n\t}\n\treturn sum / float64(len(c.Heights))\n}\nfmt.Println(mean(cities[0]))")
	p.Wait("the panic", idle+` && `+outputs+`.includes("slice bounds out of range")`, time.Minute)
	enter(p, "%%test\nfunc TestCity(t *testing.T) {\n\tfor _, c := range cities {\n\t\tt.Run(c.Name, func(t *testing.T) {\n\t\t\tif c.Heights[0] != 3 {\n\t\t\t\tt.Errorf(\"begins with %g\", c.Heights[0])\n\t\t\t}\n\t\t})\n\t}\n}")
	p.Wait("the test", outputs+`.includes("TestCity fails")`, time.Minute)
	dir := os.Getenv("DLAS_PICTURES")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	p.Size(1000, 1900)
	settle(p)
	keep(t, p, filepath.Join(dir, "compiled.png"))
	for _, line := range p.Log() {
		t.Log(line)
	}
}
