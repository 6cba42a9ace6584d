package nb

import (
	"encoding/json"
	"testing"

	"github.com/godlas/godlas/kernel/internal/pipe"
)

func TestWidgetStates(t *testing.T) {
	w := widgetStates{}
	take := func(kind pipe.Kind, id, data string, buffers ...string) {
		t.Helper()
		body, _ := json.Marshal(pipe.Comm{ID: id, Target: "jupyter.widget", Data: json.RawMessage(data)})
		f := pipe.Frame{Kind: kind, Body: body}
		for _, b := range buffers {
			f.Buffers = append(f.Buffers, []byte(b))
		}
		if err := w.take(f); err != nil {
			t.Error(err)
		}
	}
	metadata := map[string]any{"widgets": "of an earlier run"}
	w.store(metadata)
	if _, ok := metadata["widgets"]; ok {
		t.Error("states of an earlier run stay")
	}
	take(pipe.KindCommOpen, "a", `{"state":{"_model_name":"ImageModel","_model_module":"m","_model_module_version":"2.0.0","width":"1"},"buffer_paths":[["value"]]}`, "one")
	take(pipe.KindCommOpen, "b", `{"state":{"_model_name":"B","value":12345678901234567890}}`)
	take(pipe.KindCommMsg, "a", `{"method":"update","state":{"width":"2"},"buffer_paths":[["value"]]}`, "two")
	take(pipe.KindCommMsg, "a", `{"method":"echo_update","state":{"width":"3"}}`)
	take(pipe.KindCommMsg, "a", `{"method":"custom","content":{}}`)
	take(pipe.KindCommMsg, "nobody", `{"method":"update","state":{"width":"2"}}`)
	take(pipe.KindCommOpen, "c", `{"state":{"_model_name":"C"}}`)
	take(pipe.KindCommClose, "c", `{}`)
	w.store(metadata)
	got, err := json.Marshal(metadata["widgets"])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"application/vnd.jupyter.widget-state+json":{"state":{` +
		`"a":{"model_name":"ImageModel","model_module":"m","model_module_version":"2.0.0","state":{"_model_module":"m","_model_module_version":"2.0.0","_model_name":"ImageModel","width":"2"},"buffers":[{"encoding":"base64","path":["value"],"data":"dHdv"}]},` +
		`"b":{"model_name":"B","model_module":null,"model_module_version":null,"state":{"_model_name":"B","value":12345678901234567890}}` +
		`},"version_major":2,"version_minor":0}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
