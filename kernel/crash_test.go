package kernel

import (
	"strings"
	"testing"
)

// TestCauseOfATornCrash: the session may have read the beginning of what the runtime writes before it was stopped.
func TestCauseOfATornCrash(t *testing.T) {
	whole := "runtime: goroutine stack exceeds 1000000000-byte limit\nruntime: sp=0x1196e4ace380 stack=[0x1196e4ace000]\nfatal error: stack overflow\n"
	_, torn, _ := strings.Cut(whole, "stack=[0x1196e4ace000]\n")
	for _, text := range []string{whole, torn} {
		if got := (Exit{Signal: "aborted"}).Cause(text); got != "stack overflow (a recursion without end?)" {
			t.Errorf("%q for %q", got, text)
		}
	}
}
