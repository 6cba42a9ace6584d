package dlas

import (
	"errors"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/internal/need"
)

// TestSearchesRefuse: what a search cannot be asked for is one line, before anything is measured.
func TestSearchesRefuse(t *testing.T) {
	says := func(err error, want string) {
		t.Helper()
		var e *ir.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	_, err := New().Sensitivity(t.Context(), "prune(0.5, drop=2)")
	says(err, "drop= is of an elbow, and a scan by layer has none; leave it out")
	need.Data(t, "cifar10")
	file := ir.QuoteName(need.Data(t, "weights", "mlperf-tiny", "pretrainedResnet_quant.tflite"))
	t.Setenv("DLAS_STORE", t.TempDir())
	_, err = New().Data("cifar10(n=8)").Model(file).Auto("accuracy>=-1pt", "n=8").Run(t.Context())
	says(err, "auto takes float networks, and ")
}
