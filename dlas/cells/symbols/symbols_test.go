package symbols_test

import (
	"testing"

	"github.com/godlas/godlas/dlas/cells/symbols"
	"github.com/godlas/godlas/kernel/interp"
)

func TestLibraries(t *testing.T) {
	all := append(symbols.Libraries(), interp.Std())
	for i, l := range symbols.Libraries() {
		if err := l.Check(append(all[:i:i], all[i+1:]...)...); err != nil {
			t.Errorf("%s: %v", l.Name, err)
		}
	}
}
