package nb

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

// widgetStates are the widgets that a run has made, by their comm, in the form in which nbclient and JupyterLab keep them in
// a notebook (jupyter-widgets/ipywidgets, packages/schema/v2): with them the notebook shows its widgets without a kernel.
type widgetStates map[string]*widgetState

type widgetState struct {
	Name    any            `json:"model_name"`
	Module  any            `json:"model_module"`
	Version any            `json:"model_module_version"`
	State   map[string]any `json:"state"`
	Buffers []widgetBuffer `json:"buffers,omitempty"`
}

// widgetBuffer is a part of a state that is bytes.
type widgetBuffer struct {
	Encoding string `json:"encoding"`
	Path     []any  `json:"path"`
	Data     string `json:"data"`
}

// take reads a message of a comm.
func (w widgetStates) take(f pipe.Frame) error {
	c, err := pipe.Decode[pipe.Comm](f)
	if err != nil {
		return err
	}
	var d struct {
		Method string
		State  map[string]any
		Paths  [][]any `json:"buffer_paths"`
	}
	dec := json.NewDecoder(bytes.NewReader(c.Data))
	dec.UseNumber()
	isState := len(c.Data) > 0 && dec.Decode(&d) == nil && d.State != nil
	m := w[c.ID]
	switch {
	case f.Kind == pipe.KindCommOpen && c.Target == "jupyter.widget" && isState:
		m = &widgetState{Name: d.State["_model_name"], Module: d.State["_model_module"], Version: d.State["_model_module_version"], State: map[string]any{}}
		w[c.ID] = m
	case f.Kind == pipe.KindCommClose:
		delete(w, c.ID)
		return nil
	case m == nil || d.Method != "update" || !isState:
		return nil
	}
	for k, v := range d.State {
		m.State[k] = v
	}
	for i, path := range d.Paths {
		if i < len(f.Buffers) {
			m.put(widgetBuffer{"base64", path, base64.StdEncoding.EncodeToString(f.Buffers[i])})
		}
	}
	return nil
}

func (m *widgetState) put(b widgetBuffer) {
	for i := range m.Buffers {
		if reflect.DeepEqual(m.Buffers[i].Path, b.Path) {
			m.Buffers[i] = b
			return
		}
	}
	m.Buffers = append(m.Buffers, b)
}

// store puts the states into a notebook's metadata, in place of those of an earlier run.
func (w widgetStates) store(metadata map[string]any) {
	delete(metadata, "widgets")
	if len(w) > 0 {
		metadata["widgets"] = map[string]any{
			"application/vnd.jupyter.widget-state+json": map[string]any{"version_major": 2, "version_minor": 0, "state": w},
		}
	}
}
