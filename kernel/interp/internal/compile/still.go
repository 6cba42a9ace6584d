package compile

import "github.com/godlas/godlas/kernel/interp/internal/rt"

// Still runs f if no goroutine runs interpreted code, and lets none begin before
// f is done, so that f can read the values of cells: without it, to read a map
// that a cell writes would end the process. It reports whether it ran f.
//
// Mu is held: a goroutine that waits here holds no lock.
func (m *Machine) Still(f func()) bool {
	if rt.G() == 0 {
		return false // goroutines cannot be told apart, and so are not counted
	}
	for i := range m.gors {
		m.gors[i].mu.RLock()
	}
	defer func() {
		for i := range m.gors {
			m.gors[i].mu.RUnlock()
		}
	}()
	for i := range m.gors {
		if len(m.gors[i].m) > 0 {
			return false
		}
	}
	f()
	return true
}
