package hardware

import (
	"runtime"

	"github.com/godlas/godlas/dlas/ir"
)

// Environment is what a time depends on beside the program. Governor, ClockMHz, Load and Kernel are as of the call, and
// empty or 0 where this system does not tell them.
type Environment struct {
	Machine    ir.Machine
	OS         string // GOOS
	Kernel     string // the operating system's kernel and its release
	Go         string // version of Go that built this program
	GOMAXPROCS int
	Governor   string  // of the clock: performance, powersave, ...
	ClockMHz   float64 // of one core now
	Load       float64 // average number of running processes over the last minute
}

// Fingerprint reads the environment of a program that uses the machine m.
func Fingerprint(m ir.Machine) Environment {
	e := Environment{
		Machine: m, OS: runtime.GOOS, Go: runtime.Version(), GOMAXPROCS: runtime.GOMAXPROCS(0), Governor: m.Governor,
	}
	now(&e)
	return e
}
