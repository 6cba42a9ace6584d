package model

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// FileOption describes what may be said of a network's file: model FILE(mean=[.485 .456 .406], ...).
func FileOption() ir.Option {
	return ir.Option{
		Name: "FILE",
		Help: "A network's file, .onnx, .tflite or .dlas (what export writes), or .safetensors with the weights of one of the networks above: model ./net.onnx(mean=[.485 .456 .406], std=[.229 .224 .225]). Each channel of a pixel (0..255) becomes (pixel*scale - mean) / std. " +
			"What neither the arguments nor the file say is assumed, and the card shows it.",
		Params: []ir.Param{
			{Key: "mean", Help: "a number, or one for each channel of the input in its order"},
			{Key: "std", Help: "a number above 0, or one for each channel"},
			{Key: "scale", Help: "what pixels are multiplied by first: a number such as 1/255; not given, 1/255 where mean and std are at most 2, else 1"},
			{Key: "layout", Help: "nchw: channels first; nhwc: channels last; not given, what the input's shape says", Values: []string{"nchw", "nhwc"}},
			{Key: "order", Help: "of the channels", Default: "rgb", Values: []string{"rgb", "bgr"}},
			{Key: "resize", Help: "pixels that a picture's short side is scaled to (bilinear with antialiasing, as torchvision's Resize) before the middle of the input's size is cut out; not given, 8/7 of the input's side"},
			{Key: "classes", Help: "a file with the name of a class on each line"},
			{Key: "head", Help: "the file of a network that goes on where this one ends, for those that are published in two: it takes what this one gives, of the same type and shape and, where that is integers, of the same scale and zero point"},
		},
	}
}

// checkFile finds what is wrong with the choice of a network's file without opening it.
func checkFile(c ir.Choice) error {
	name := ir.QuoteName(c.Name)
	if len(c.Value) > 0 {
		return &ir.Error{Layer: ir.Model, What: name + " takes named arguments only, but got " + strconv.Quote(c.Value[0]), Try: "mean=, std=, scale=, layout=, order=, resize=, classes=, head="}
	}
	var keys []string
	params := map[string]ir.Param{}
	for _, p := range FileOption().Params {
		keys = append(keys, p.Key)
		params[p.Key] = p
	}
	for _, a := range c.Args {
		p, ok := params[a.Key]
		if !ok {
			return ir.Unknown(ir.Model, "argument of "+name, a.Key, keys)
		}
		if a.Op != "=" {
			return ir.Errorf(ir.Model, "argument %s of %s is set with =, not %s", a.Key, name, a.Op)
		}
		if len(p.Values) > 0 && !slices.Contains(p.Values, a.Value) {
			return ir.Unknown(ir.Model, a.Key+" of "+name, a.Value, p.Values)
		}
		var err error
		switch a.Key {
		case "mean", "std":
			_, err = vector(a.Key, a.Value)
		case "scale":
			_, err = ratio(a.Value)
		case "resize":
			if v, bad := strconv.Atoi(a.Value); bad != nil || v < 1 || v > 1<<12 {
				err = fmt.Errorf("resize=%s is not a number of pixels from 1 to %d", a.Value, 1<<12)
			}
		}
		if err != nil {
			return &ir.Error{Layer: ir.Model, What: name + ": " + err.Error()}
		}
	}
	return nil
}

// vector reads a number or a list of them in brackets.
func vector(key, text string) ([]float64, error) {
	var out []float64
	for _, w := range strings.Fields(strings.Trim(text, "[]")) {
		v, err := strconv.ParseFloat(w, 64)
		if err != nil || !(v > -1e9 && v < 1e9) || key == "std" && v <= 0 {
			return nil, fmt.Errorf("%s=%s is not a number or a list such as [.485 .456 .406]", key, text)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s=%s has no numbers", key, text)
	}
	return out, nil
}

// ratio reads a positive number, which may be written 1/255.
func ratio(text string) (float64, error) {
	over, frac := strings.CutPrefix(text, "1/")
	v, err := strconv.ParseFloat(over, 64)
	if err != nil || !(v > 0 && v < 1e9) {
		return 0, fmt.Errorf("scale=%s is not a number above 0, such as 1/255", text)
	}
	if frac {
		v = 1 / v
	}
	return v, nil
}

// givenLayout is the layout that the arguments say; empty: none.
func givenLayout(c ir.Choice) string { return c.Arg("layout", "") }

// preprocess decides what is done to pixels before the input of a network's file: what the arguments say, else what the
// file says, else what is usual. It returns a line for the card that tells which.
func preprocess(c ir.Choice, f *File, r Request) (ir.Preprocess, string, error) {
	g := f.Graph
	p, from := g.Prep, "as the file says"
	in := g.Input().Shape
	p.NHWC = givenLayout(c) == "nhwc" || givenLayout(c) == "" && len(in) == 4 && in[3] == r.C && in[1] != r.C
	channels := r.C
	// The arguments replace each its part; what is left is the file's, or assumed.
	var given []string
	for _, key := range []string{"mean", "std", "scale"} {
		if c.Arg(key, "") != "" {
			given = append(given, key)
		}
	}
	if !f.PrepKnown && len(given) == 0 && f.Format != TFLite {
		d := defaultPrep(r)
		d.NHWC = p.NHWC
		p, from = d, "assumed, since the file does not say: the values that ImageNet's networks in PyTorch use"
		if r.C != 3 {
			from = "assumed, since the file does not say"
		}
	} else if !f.PrepKnown && len(given) == 0 {
		from = "assumed, since the file does not say: TensorFlow Lite networks take pixels as they are"
	}
	if len(given) > 0 {
		from = "as given"
		if !f.PrepKnown {
			p.Mean, p.Std, p.Scale = nil, nil, 0
		} else if len(given) < 3 {
			from = "as given, the rest as the file says"
		}
		for key, to := range map[string]*[]float64{"mean": &p.Mean, "std": &p.Std} {
			text := c.Arg(key, "")
			if text == "" {
				continue
			}
			v, err := vector(key, text)
			if err != nil {
				return p, "", err
			}
			if len(v) == 1 {
				v = slices.Repeat(v, channels)
			}
			if len(v) != channels {
				return p, "", fmt.Errorf("%s has %d numbers, and the images have %d channels", key, len(v), channels)
			}
			*to = v
		}
		if text := c.Arg("scale", ""); text != "" {
			v, err := ratio(text)
			if err != nil {
				return p, "", err
			}
			p.Scale = v
		} else if p.Scale == 0 {
			p.Scale = 1
			if largest(p.Mean) <= 2 && largest(p.Std) <= 2 {
				p.Scale = 1. / 255
			}
			from += ", scale by their size"
		}
	}
	switch c.Arg("order", "") {
	case "bgr":
		p.BGR = true
	case "rgb":
		p.BGR = false
	}
	if p.BGR && channels != 3 {
		return p, "", fmt.Errorf("order=bgr is for three channels, and the images have %d", channels)
	}
	h, w := sides(in, p.NHWC)
	if text := c.Arg("resize", ""); text != "" {
		p.Resize, _ = strconv.Atoi(text)
		if p.Resize < h || p.Resize < w {
			return p, "", fmt.Errorf("resize=%d leaves less than the %dx%d pixels of the input", p.Resize, h, w)
		}
	}
	return p, "preprocessing: " + describe(p) + " (" + from + ")", nil
}

// sides are the height and width of an input of four axes.
func sides(in ir.Shape, nhwc bool) (h, w int) {
	if len(in) != 4 {
		return 0, 0
	}
	if nhwc {
		return in[1], in[2]
	}
	return in[2], in[3]
}

func largest(v []float64) float64 {
	top := 0.0
	for _, x := range v {
		top = max(top, x, -x)
	}
	return top
}

// describe says a preprocessing in words.
func describe(p ir.Preprocess) string {
	text := "pixel"
	switch {
	case p.Scale == 0 || p.Scale == 1:
	case p.Scale == 1./255:
		text += "/255"
	default:
		text += "*" + short(p.Scale)
	}
	if len(p.Mean) > 0 {
		text += ", mean " + list(p.Mean)
	}
	if len(p.Std) > 0 {
		text += ", std " + list(p.Std)
	}
	order, layout := "rgb", "nchw"
	if p.BGR {
		order = "bgr"
	}
	if p.NHWC {
		layout = "nhwc"
	}
	return text + ", order " + order + ", layout " + layout
}

func list(v []float64) string {
	same := true
	words := make([]string, len(v))
	for i, x := range v {
		words[i], same = short(x), same && x == v[0]
	}
	if same {
		return words[0]
	}
	return "[" + strings.Join(words, " ") + "]"
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

const maxNames = 16 << 20 // bytes of a file of class names

// readClasses reads a file with the name of a class on each line, which may have its number before it.
func readClasses(path string, outputs int) ([]string, error) {
	fail := func(err error) ([]string, error) {
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, fmt.Errorf("classes=%s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	if st, err := file.Stat(); err != nil || !st.Mode().IsRegular() {
		return fail(errors.New("is not a file"))
	}
	b, err := io.ReadAll(io.LimitReader(file, maxNames+1))
	if err != nil {
		return fail(err)
	}
	if len(b) > maxNames {
		return fail(fmt.Errorf("holds more than %d MiB", maxNames>>20))
	}
	var names []string
	numbered := true
	for line := range strings.Lines(string(bytes.TrimPrefix(b, []byte("\ufeff")))) {
		if line = strings.TrimSpace(line); line != "" {
			first, _, _ := strings.Cut(line, " ")
			n, err := strconv.Atoi(strings.TrimRight(first, ":,\t"))
			numbered = numbered && err == nil && n == len(names) && first != line
			names = append(names, line)
		}
	}
	if numbered {
		for i, n := range names {
			_, rest, _ := strings.Cut(n, " ")
			names[i] = strings.TrimSpace(rest)
		}
	}
	if len(names) != outputs {
		return fail(fmt.Errorf("names %d classes, and the network has %d outputs", len(names), outputs))
	}
	return names, nil
}
