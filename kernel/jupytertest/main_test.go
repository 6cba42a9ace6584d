package jupytertest

import (
	"testing"

	"github.com/godlas/godlas/install/installtest"
)

func TestMain(m *testing.M) { installtest.Main(m) }
