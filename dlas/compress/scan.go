package compress

import (
	"slices"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// ScanLevels are the levels at which a scan looks at a pass, the gentlest first; nil for a pass without a level.
func ScanLevels(name string) []string {
	switch name {
	case "prune", "blocks", "punch":
		return []string{"0", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "0.95", "0.98"}
	case "channels":
		return []string{"0", "0.05", "0.1", "0.15", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"}
	case "pattern": // 4 of 9 are left out at least
		return []string{"0.45", "0.5", "0.55", "0.6", "0.65", "0.7", "0.75", "0.8", "0.9"}
	case "palette":
		return []string{"8", "7", "6", "5", "4", "3", "2", "1"}
	case "lowrank":
		return []string{"1", "0.99", "0.97", "0.95", "0.9", "0.85", "0.8", "0.7", "0.6", "0.5"}
	}
	return nil
}

// Gentler orders levels of a pass: negative where a compresses less than b. Fractions rise, bits and energy fall.
func Gentler(name string, a, b float64) int {
	switch {
	case a == b:
		return 0
	case (a < b) == (name == "palette" || name == "lowrank"):
		return 1
	}
	return -1
}

// scanned are the arguments that a scan reads beside a pass' own: prune(elbow, drop=2, n=500).
var scanned = []string{"drop", "n"}

// SplitScan takes a scan's arguments out of a choice.
func SplitScan(c ir.Choice) (plain ir.Choice, scan []ir.Arg) {
	plain = c
	plain.Args = nil
	for _, a := range c.Args {
		if slices.Contains(scanned, a.Key) {
			scan = append(scan, a)
		} else {
			plain.Args = append(plain.Args, a)
		}
	}
	return plain, scan
}

// IsElbow reports whether a choice's level is to be found by a scan.
func IsElbow(c ir.Choice) bool { return slices.Contains(c.Value, Elbow) }

// checkElbow is Check for a level that is to be found: all else must be right.
func checkElbow(p pass, c ir.Choice) error {
	levels := ScanLevels(c.Name)
	if len(levels) == 0 {
		return &ir.Error{Layer: ir.Compress, What: c.Name + " has no level, and so no elbow", Try: "those that have are prune, channels, blocks, punch, pattern, palette, lowrank"}
	}
	plain, scan := SplitScan(c)
	for _, a := range scan {
		if v, err := strconv.ParseFloat(a.Value, 64); err != nil || a.Op != "=" || a.Key == "drop" && !(v >= 0 && v <= 100) || a.Key == "n" && (v < 1 || v != float64(int(v))) {
			return &ir.Error{Layer: ir.Compress, What: c.String() + ": " + a.Key + a.Op + a.Value + " is no number of " + map[string]string{"drop": "points", "n": "images"}[a.Key], Try: "write " + c.Name + "(elbow, drop=2, n=1000)"}
		}
	}
	if len(plain.Value) > 1 && slices.ContainsFunc(plain.Value, func(v string) bool { return v != Elbow && IsLevel(v) }) {
		return &ir.Error{Layer: ir.Compress, What: c.String() + " has two levels", Try: "alternatives are written elbow|0.5"}
	}
	return p.check(At(plain, levels[len(levels)/2]))
}

// autoOrder says what is wrong with the place of auto among passes.
func autoOrder(cs []ir.Choice) error {
	for i, c := range cs {
		if c.Name == AutoName && i < len(cs)-1 {
			var words []string // all in their order, auto last; it tries int8 by itself
			for j, other := range cs {
				if other.Name != AutoName && (j < i || other.Name != "int8") {
					words = append(words, other.String())
				}
			}
			return &ir.Error{Layer: ir.Compress, What: "auto decides what follows, so " + cs[i+1].String() + " cannot come after it", Try: "write " + strings.Join(append(words, c.String()), " ")}
		}
	}
	return nil
}
