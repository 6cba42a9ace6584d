package system

import (
	"fmt"

	"github.com/godlas/godlas/dlas/ir"
)

// rival is a kernel with its estimated cycles: alone, and of the conversions that it has made.
type rival struct {
	kernel       *ir.Kernel // nil: none
	alone, moves float64
	cost         float64 // by which it was chosen: of both, with doubts
}

func (r rival) cycles() float64 { return r.alone + r.moves }

// name is what a user calls the kernel: what Winograd's is, its name says.
func (r rival) name() string {
	if r.kernel.Algorithm == "winograd" {
		return r.kernel.Algorithm
	}
	return r.kernel.Algorithm + " " + r.kernel.Format
}

func (r rival) skips() bool { return r.kernel.Format != "" && r.kernel.Format != "dense" }

// rivalsOf are the kernel chosen and the cheapest of those that skip zeros where it does not, or the other way round.
func rivalsOf(best int, all []rival) (two [2]rival) {
	two[0] = all[best]
	for _, r := range all {
		if r.skips() != two[0].skips() && (two[1].kernel == nil || r.cost < two[1].cost) {
			two[1] = r
		}
	}
	return two
}

// leastZeros is the share of zeros from which on a reader may wonder why they are skipped or not.
const leastZeros = 0.1

// why says of a bound draft with zeros among its weights why its kernel was chosen, where that was by estimates.
func (d *draft) why() string {
	chosen, other := d.rivals[0], d.rivals[1]
	zeros := 1 - float64(d.work.Nonzero)/float64(max(1, d.work.MACs))
	if zeros < leastZeros || other.kernel == nil || chosen.kernel.Name != d.kernel.Name {
		return ""
	}
	at := fmt.Sprintf("at %.0f %% zeros", 100*zeros)
	ratio := other.cycles() / max(1, chosen.cycles())
	if ratio < 1 {
		return fmt.Sprintf("%s is estimated only %.2fx faster than %s %s, less than estimates are sure of", other.name(), 1/ratio, chosen.name(), at)
	}
	digits := 1
	if ratio < 1.1 {
		digits = 2
	}
	// What decides may be the way into another layout and back.
	way := ""
	if other.alone < chosen.alone && other.moves > chosen.moves {
		way = " with its conversions"
	}
	return fmt.Sprintf("%s is estimated %.*fx faster than %s%s %s", chosen.name(), digits, ratio, other.name(), way, at)
}
