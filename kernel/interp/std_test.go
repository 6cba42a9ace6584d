package interp_test

import (
	"testing"

	"github.com/godlas/godlas/kernel/interp"
)

func TestStd(t *testing.T) {
	if err := interp.Std().Check(); err != nil {
		t.Error(err)
	}
}

func TestSystem(t *testing.T) {
	if err := interp.System().Check(interp.Std()); err != nil {
		t.Error(err)
	}
}
