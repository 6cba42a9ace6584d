// Package trim gives back memory that only the start of a process has needed.
package trim

import (
	"runtime/debug"
	"time"
)

// settled is how long after its start a process is taken to be done with it.
const settled = 500 * time.Millisecond

// Later drops, once the start is over, what it has left in memory: the garbage, and the pages of the program's own file that
// hold what ran only then (initialisation of every package, tables read once), which are most of what a young process has.
// What is needed again is mapped again from the system's cache of the file.
func Later() {
	time.AfterFunc(settled, func() {
		debug.FreeOSMemory()
		pages()
	})
}
