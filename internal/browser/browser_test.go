package browser

import (
	"bytes"
	"image/png"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestPage(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<body style="background:#c00000"><button onclick="document.title = 'pressed'">x</button>
<input id="in" onkeydown="if (event.key === 'Tab') document.title += ' tab'"><script>setTimeout(() => { throw new Error("loose") })</script>`))
	}))
	defer srv.Close()
	p := Start(t).Open(t, srv.URL)
	p.Wait("the button", `document.querySelector("button")`, 20*time.Second)
	p.Click(`document.querySelector("button")`)
	p.Wait("the click", `document.title === "pressed"`, 5*time.Second)
	p.Click(`document.getElementById("in")`)
	p.Type("güt")
	p.Key("Tab", 0)
	var got string
	p.Eval(`Promise.resolve(document.getElementById("in").value + document.title)`, &got)
	if got != "gütpressed tab" {
		t.Errorf("got %q", got)
	}
	if log := p.Log(); len(log) != 1 {
		t.Errorf("the page's error was not noted: %q", log)
	}
	img, err := png.Decode(bytes.NewReader(p.Picture()))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, _, _ := img.At(2, 2).RGBA(); r>>8 != 0xc0 || g != 0 {
		t.Errorf("the picture is of something else: %v", img.At(2, 2))
	}
}
