package dlas

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/internal/browser"
)

// harmful is a name that would run as a script where a page took it for HTML, and colour a terminal.
const harmful = "<img src=x onerror=\"window.harm=1\"><script>window.harm=1</script>\x1b[31m"

// TestNamesFromFiles opens in a browser what is shown of a network whose file is full of harmful names.
func TestNamesFromFiles(t *testing.T) {
	g, _, err := New().Model("resnet8").network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g.Name = harmful
	g.Classes = make([]string, 10)
	for i := range g.Classes {
		g.Classes[i] = fmt.Sprint(harmful, i)
	}
	made := map[string]string{}
	for _, n := range g.Nodes {
		for i, in := range n.In {
			if out, ok := made[in]; ok {
				n.In[i] = out
			}
		}
		made[n.Out[0]] = harmful + n.Out[0]
		n.Name, n.Out[0] = made[n.Out[0]], made[n.Out[0]]
	}
	g.Outputs[0] = made[g.Outputs[0]]
	path := filepath.Join(t.TempDir(), "network.onnx")
	if err := writeFile(path, func(w io.Writer) error { return model.WriteONNX(w, g, true) }); err != nil {
		t.Fatal(err)
	}
	r, err := New().Data("fashion-mnist(n=20)").Model(ir.QuoteName(path)).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var failed *ir.Error
	_, err = New().Data("fashion-mnist(n=20)").Model(ir.QuoteName(badOperator(t, path))).Run(t.Context())
	if !errors.As(err, &failed) {
		t.Fatalf("an unknown operator: %v", err)
	}
	if strings.ContainsRune(err.Error()+r.String(), 0x1b) {
		t.Error("a name reaches the terminal with its control characters")
	}

	page := "<!doctype html><meta charset=utf-8><div id=all>" + r.MimeBundle()["text/html"].(string) + "</div>"
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	p := browser.Start(t).Open(t, "file://"+filepath.ToSlash(file))
	p.Wait("the page", `document.readyState === "complete" && document.getElementById("all") !== null`, 20*time.Second)
	var seen struct {
		Harm   float64
		Images int
		Text   string
	}
	p.Eval(`({Harm: window.harm || 0, Images: document.querySelectorAll("img[onerror], #all script").length, Text: document.body.textContent})`, &seen)
	if seen.Harm != 0 || seen.Images != 0 {
		t.Errorf("names of a file have become part of the page: %+v", seen)
	}
	if !strings.Contains(seen.Text, `<img src=x onerror=`) {
		t.Errorf("the page does not show the names: %.300q", seen.Text)
	}
}

// badOperator is the file with an operator renamed.
func badOperator(t *testing.T, path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.onnx")
	if err := os.WriteFile(bad, []byte(strings.Replace(string(raw), "GlobalAveragePool", "<img onerr>\x1b[31m\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return bad
}
