package display

import (
	"fmt"
	"strings"
)

// Limits of how much of what an error wraps is shown.
const (
	maxWrapped = 16
	maxNested  = 8
)

// errorText is the message of an error, and below it what it wraps, with the types that errors.As would find.
func errorText(err error) string {
	var b strings.Builder
	b.WriteString(fmt.Sprintf("%v", err)) // by fmt, which survives a panic in Error
	left := maxWrapped
	wrapped(&b, err, 1, &left)
	return cut(b.String())
}

func wrapped(b *strings.Builder, err error, depth int, left *int) {
	var inside []error
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		inside = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		inside = e.Unwrap()
	}
	for _, e := range inside {
		if e == nil {
			continue
		}
		if *left--; *left < 0 || depth > maxNested {
			b.WriteString("\n" + strings.Repeat("  ", depth) + "…")
			*left = 0
			return
		}
		fmt.Fprintf(b, "\n%s%T: %s", strings.Repeat("  ", depth), e, oneLine(fmt.Sprintf("%v", e), 200))
		wrapped(b, e, depth+1, left)
		if *left == 0 {
			return
		}
	}
}
