// Package lazy puts off what would make every process start later.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp returns a regular expression that is compiled when first asked for.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
