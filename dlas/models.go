package dlas

import (
	"strings"

	"github.com/godlas/godlas/dlas/data"
	"github.com/godlas/godlas/dlas/model"
)

// ModelList is the networks there are, as a table.
type ModelList []model.Entry

// Models lists the networks there are with their parameters, multiply-accumulates and bytes at the size of picture that
// they were published for, and where trained weights of each are. It reads and draws none of the weights.
func Models() (ModelList, error) {
	env := data.EnvFromOS()
	return model.Survey(model.Env{Dir: env.Dir, Cache: env.Cache})
}

func (l ModelList) table() table {
	t := table{
		head:  []string{"model", "picture", "classes", "parameters", "MACs", "weights", "trained weights"},
		right: []bool{false, true, true, true, true, true, false},
		style: []string{"font-family:monospace;white-space:nowrap", "", "", "", "", "", "overflow-wrap:anywhere"}, // paths break where they must
	}
	for _, e := range l {
		where := e.Weights
		if where == "" {
			where = "none: random, seeded"
		}
		t.rows = append(t.rows, []string{
			e.Name, e.Input.String(), thousands(int64(e.Classes)), thousands(e.Params), scaled(e.MACs, ""), bytesText(e.Bytes), where,
		})
	}
	return t
}

// modelNote says what the table leaves out.
const modelNote = "resnet18, mobilenetv1, mobilenetv2 and vgg16 are the cifar- form where pictures are at most 64 pixels wide, else the imagenet- form " +
	"(on fashion-mnist mobilenetv2 is the narrow one). MACs are those of one picture of that size; weights are f32 as saved. " +
	"A file is a network too: model FILE.onnx, FILE.tflite, FILE.dlas."

// String is the table as text.
func (l ModelList) String() string { return l.table().text() + "\n" + modelNote + "\n" }

// MimeBundle shows the table in a notebook.
func (l ModelList) MimeBundle() map[string]any {
	var b strings.Builder
	b.WriteString(`<div class="dlas-models">` + l.table().html() + "<p><small>" + escape(modelNote) + "</small></p></div>")
	return bundle(b.String(), l.String())
}
