package installtest

import (
	"os/exec"
	"strings"
	"testing"
)

// TestEngines holds the environment to the versions that figures are quoted for.
func TestEngines(t *testing.T) {
	e := Engines(t)
	out, err := exec.Command(e.Python, "-I", "-c",
		"import onnxruntime, onnx, openvino, ai_edge_litert.interpreter; print(onnxruntime.__version__, onnx.__version__, openvino.__version__)").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if v := strings.Fields(string(out)); len(v) < 3 || v[0] != "1.31.0" || v[1] != "1.19.1" || !strings.HasPrefix(v[2], "2026.4.0") {
		t.Errorf("the engines are %s", out)
	}
}
