package dlas

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math"
	"slices"
	"strconv"

	"github.com/godlas/godlas/dlas/ir"
)

// Prediction is what a network says of one image: its five likeliest classes, likeliest first.
type Prediction struct {
	Image ir.Image
	Names []string
	Probs []float64 // softmax of the logits
	Label string    // the true class, where it is known
}

// Predict runs the result's network on one image: an int is an index into its data set, a string the path of a PNG or
// JPEG file, or an image.Image or ir.Image. It is the notebook's form: it follows the cell's interrupt and panics with
// an *ir.Error. PredictImage is the form for a program.
func (r *Result) Predict(img any) *Prediction {
	p, err := r.predict(cellContext(), img)
	if err != nil {
		panic(asError(err))
	}
	return p
}

// PredictImage runs the result's network on one image of its data set's shape.
func (r *Result) PredictImage(ctx context.Context, img ir.Image) (*Prediction, error) {
	return r.predict(ctx, img)
}

func (r *Result) predict(ctx context.Context, img any) (*Prediction, error) {
	p, err := r.program(ctx)
	if err != nil {
		return nil, err
	}
	out := &Prediction{}
	switch v := img.(type) {
	case int:
		if v < 0 || v >= p.set.Len() {
			return nil, &ir.Error{Layer: ir.Data, What: fmt.Sprintf("there is no image %d", v), Try: fmt.Sprintf("0 to %d", p.set.Len()-1)}
		}
		if out.Image, err = p.set.Image(v); err != nil {
			return nil, err
		}
		if l, ok := p.set.Label(v); ok {
			out.Label = className(p.set.Classes, l)
		}
	case string:
		m, err := ReadPicture(v)
		if err != nil {
			return nil, err
		}
		out.Image = p.image(m)
	case image.Image:
		if v.Bounds().Empty() {
			return nil, ir.Errorf(ir.Data, "the picture has no pixels")
		}
		out.Image = p.image(v)
	case ir.Image:
		if s := p.set.Shape; v.C != s[0] || v.H != s[1] || v.W != s[2] || len(v.Pix) != s.Elems() {
			return nil, ir.Errorf(ir.Data, "the image is %dx%dx%d with %d values, the network was run on %s", v.C, v.H, v.W, len(v.Pix), s)
		}
		out.Image = v
	default:
		return nil, &ir.Error{Layer: ir.Data, What: fmt.Sprintf("cannot predict a %T", img), Try: "an index, the path of a picture, an image.Image or an ir.Image"}
	}
	logits, err := p.one(ctx, out.Image)
	if err != nil {
		return nil, err
	}
	probs := softmax(logits)
	order := make([]int, len(probs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case probs[a] > probs[b]:
			return -1
		case probs[a] < probs[b]:
			return 1
		}
		return 0
	})
	for _, c := range order[:min(5, len(order))] {
		out.Names = append(out.Names, className(p.classes(), c))
		out.Probs = append(out.Probs, probs[c])
	}
	return out, nil
}

// image makes of a picture one like those of the set: the same way where they come from pictures, else scaled to the
// set's pixels.
func (r *runner) image(m image.Image) ir.Image {
	if r.set.Pictures() {
		return r.set.FitPicture(m)
	}
	return toImage(m, r.set.Shape)
}

func className(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "class " + strconv.Itoa(i)
}

func softmax(logits []float32) []float64 {
	top := math.Inf(-1)
	for _, v := range logits {
		top = max(top, float64(v))
	}
	sum := 0.0
	p := make([]float64, len(logits))
	for i, v := range logits {
		p[i] = math.Exp(float64(v) - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func (p *Prediction) table() table {
	t := table{right: []bool{false, true, false}, style: []string{"", "", "white-space:nowrap"}}
	for i, n := range p.Names {
		t.rows = append(t.rows, []string{n, strconv.FormatFloat(100*p.Probs[i], 'f', 1, 64) + " %", barOf(p.Probs[i])})
	}
	return t
}

// String is the five names with their probabilities.
func (p *Prediction) String() string {
	s := p.table().text()
	if p.Label != "" {
		s += "true class: " + plain(p.Label) + "\n"
	}
	return s
}

// MimeBundle shows the picture beside the five names.
func (p *Prediction) MimeBundle() map[string]any {
	scale := max(1, 128/max(p.Image.H, p.Image.W, 1))
	png := base64.StdEncoding.EncodeToString(pngOf(Picture(p.Image, scale)))
	h := `<div class="dlas-prediction" style="display:flex;gap:16px;align-items:center"><img alt="the picture" style="image-rendering:pixelated" src="data:image/png;base64,` +
		png + `"/><div>` + p.table().html()
	if p.Label != "" {
		h += "<p><small>true class: " + escape(p.Label) + "</small></p>"
	}
	return bundle(h+"</div></div>", p.String())
}

// pathless drops the path that a file error repeats.
func pathless(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
