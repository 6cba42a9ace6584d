package plotting

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"html"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/encoding/charmap"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// pngDPI draws two dots to a CSS pixel, for sharp text on today's screens.
const pngDPI = 192

// canvas is what a drawing is made on and then written from.
type canvas interface {
	vg.CanvasSizer
	io.WriterTo
}

// render draws on a canvas. What gonum says by a panic (a value at or below
// zero on a logarithmic axis, say) is an error here.
func (f *Figure) render(c canvas) (data []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			data, err = nil, fmt.Errorf("the figure cannot be drawn: %v", p)
		}
	}()
	f.Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

var fontFamily = regexp.MustCompile(`font-family:(Liberation (Sans|Serif|Mono))\b`)

// fallback are fonts of the same widths for where Liberation is not installed.
var fallback = map[string]string{
	"Sans": "Arial,Helvetica,sans-serif", "Serif": "'Times New Roman',Times,serif", "Mono": "'Courier New',Courier,monospace",
}

// SVG draws the figure as SVG.
func (f *Figure) SVG() ([]byte, error) {
	data, err := f.render(vgsvg.New(f.Width, f.Height))
	if err != nil {
		return nil, err
	}
	s := fontFamily.ReplaceAllStringFunc(string(data), func(m string) string {
		g := fontFamily.FindStringSubmatch(m)
		return "font-family:'" + g[1] + "'," + fallback[g[2]]
	})
	// The pictures inside are PNG, whatever vgsvg calls them.
	s = strings.ReplaceAll(s, "data:image/jpg;base64,", "data:image/png;base64,")
	// They fill their rectangles; without this one keeps its own shape, in the middle of it.
	s = strings.ReplaceAll(s, "<image ", `<image preserveAspectRatio="none" `)
	start := strings.Index(s, "<svg")
	if start < 0 {
		return []byte(s), nil
	}
	end := start + strings.IndexByte(s[start:], '>') + 1
	return []byte(s[:end] + f.svgHead() + s[end:]), nil
}

// svgHead is title, description and metadata in SVG.
func (f *Figure) svgHead() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n<title>%s</title>\n<desc>%s</desc>\n", html.EscapeString(clean(f.Kind)), html.EscapeString(clean(f.Caption)))
	if len(f.Meta) > 0 {
		b.WriteString("<metadata>\n")
		for _, p := range f.Meta {
			fmt.Fprintf(&b, "%s: %s\n", html.EscapeString(clean(p.Name)), html.EscapeString(clean(p.Value)))
		}
		b.WriteString("</metadata>")
	}
	return b.String()
}

// PNG draws the figure as PNG, at 192 dots an inch.
func (f *Figure) PNG() ([]byte, error) {
	c := palettePNG{vgimg.NewWith(vgimg.UseWH(f.Width, f.Height), vgimg.UseDPI(pngDPI))}
	data, err := f.render(c)
	if err != nil {
		return nil, err
	}
	// The metadata goes between the header, which has a fixed size, and the
	// picture: the resolution in dots a metre, then the texts.
	const header = 8 + 25
	if len(data) < header {
		return nil, fmt.Errorf("a PNG of %d bytes", len(data))
	}
	out := bytes.NewBuffer(append([]byte{}, data[:header]...))
	phys := binary.BigEndian.AppendUint32(nil, pngDPM)
	phys = binary.BigEndian.AppendUint32(phys, pngDPM)
	pngChunk(out, "pHYs", append(phys, 1))
	for _, p := range f.properties() {
		pngChunk(out, "iTXt", []byte(p.Name+"\x00\x00\x00\x00\x00"+p.Value))
	}
	out.Write(data[header:])
	return out.Bytes(), nil
}

const pngDPM = 7559 // 192 dots an inch in dots a metre

func pngChunk(b *bytes.Buffer, name string, data []byte) {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b.Write(head)
	body := append([]byte(name), data...)
	b.Write(body)
	b.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
}

// properties are title, description and metadata.
func (f *Figure) properties() []Property {
	ps := []Property{{"Title", clean(f.Kind)}}
	if f.Caption != "" {
		ps = append(ps, Property{"Description", clean(f.Caption)})
	}
	for _, p := range f.Meta {
		// A keyword of PNG has at most 79 bytes, and these are ours.
		ps = append(ps, Property{clean(p.Name), clean(p.Value)})
	}
	return ps
}

var (
	sortPDF  = sync.OnceFunc(func() { fpdf.SetDefaultCatalogSort(true) })
	pdfDates = regexp.MustCompile(`(/(?:CreationDate|ModDate) \(D:)\d{14}\)`)
	pdfSize  = regexp.MustCompile(`/Size (\d+)`)
	pdfRoot  = regexp.MustCompile(`/Root (\d+ \d+ R)`)
	pdfInfo  = regexp.MustCompile(`/Info (\d+) \d+ R`)
	pdfXref  = regexp.MustCompile(`startxref\s+(\d+)\s+%%EOF\s*$`)
)

// pdfCanvas is a canvas of vgpdf that encodes text as its fonts expect, which
// vgpdf leaves out: anything but ASCII would show as other characters.
type pdfCanvas struct {
	*vgpdf.Canvas
	widths map[int]bool // of the images drawn
}

// FillString implements vg.Canvas.
func (c pdfCanvas) FillString(f font.Face, at vg.Point, text string) {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		x, ok := charmap.Windows1252.EncodeRune(r)
		if !ok {
			x = '?'
		}
		b = append(b, x)
	}
	c.Canvas.FillString(f, at, string(b))
}

// PDF draws the figure as PDF, with its fonts inside.
func (f *Figure) PDF() ([]byte, error) {
	// Without this fpdf writes its fonts in the random order of a map.
	sortPDF()
	data, err := f.render(pdfCanvas{vgpdf.New(f.Width, f.Height), map[int]bool{}})
	if err != nil {
		return nil, err
	}
	data = pdfDates.ReplaceAll(data, []byte("${1}19700101000000)"))
	return f.pdfUpdate(data)
}

// pdfUpdate appends the metadata by an incremental update (ISO 32000-1, 7.5.6):
// vgpdf keeps the document that could be told them to itself.
func (f *Figure) pdfUpdate(data []byte) ([]byte, error) {
	trailer := data[max(0, len(data)-1024):]
	find := func(re *regexp.Regexp) string {
		m := re.FindAllSubmatch(trailer, -1)
		if m == nil {
			return ""
		}
		return string(m[len(m)-1][1])
	}
	size, root, info, prev := find(pdfSize), find(pdfRoot), find(pdfInfo), find(pdfXref)
	if size == "" || root == "" || info == "" || prev == "" {
		return nil, fmt.Errorf("the PDF has no trailer to update")
	}
	var keywords []string
	for _, p := range f.Meta {
		keywords = append(keywords, p.Name+": "+p.Value)
	}
	b := bytes.NewBuffer(data)
	if !bytes.HasSuffix(data, []byte("\n")) {
		b.WriteByte('\n')
	}
	at := b.Len()
	fmt.Fprintf(b, "%s 0 obj\n<< /Title %s /Subject %s /Keywords %s /Creator (godlas) >>\nendobj\n",
		info, pdfString(f.Kind), pdfString(f.Caption), pdfString(strings.Join(keywords, "; ")))
	xref := b.Len()
	fmt.Fprintf(b, "xref\n%s 1\n%010d 00000 n \n", info, at)
	fmt.Fprintf(b, "trailer\n<< /Size %s /Root %s /Info %s 0 R /Prev %s >>\nstartxref\n%d\n%%%%EOF\n", size, root, info, prev, xref)
	return b.Bytes(), nil
}

// pdfString writes a text string as hexadecimal UTF-16, which needs no escapes.
func pdfString(s string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, r := range clean(s) {
		// clean leaves nothing beyond the first plane.
		h := strings.ToUpper(strconv.FormatUint(uint64(r), 16))
		b.WriteString("0000"[:4-len(h)] + h)
	}
	return b.String() + ">"
}

func base64String(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
