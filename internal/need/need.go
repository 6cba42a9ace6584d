// Package need decides what a test does when something outside Go is absent: it skips with one clear line,
// unless the environment variable DLAS_REQUIRE (a comma-separated list) names the thing, in which case it fails.
package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Required reports whether DLAS_REQUIRE names what.
func Required(what string) bool {
	return slices.ContainsFunc(strings.Split(os.Getenv("DLAS_REQUIRE"), ","), func(s string) bool {
		return strings.TrimSpace(s) == what
	})
}

// Missing ends the test: a failure where what is required, else a skip that says why.
func Missing(t testing.TB, what, why string) {
	t.Helper()
	if Required(what) {
		t.Fatalf("DLAS_REQUIRE names %s, but %s", what, why)
	}
	t.Skipf("needs %s: %s", what, why)
}

// Program returns the path of the first of the named programs on PATH, or ends the test under the name what.
func Program(t testing.TB, what string, names ...string) string {
	t.Helper()
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	Missing(t, what, "none of "+strings.Join(names, ", ")+" is on PATH")
	return ""
}

// Data returns the path below DLAS_DATA, or ends the test where the folder or the path is absent.
func Data(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("DLAS_DATA")
	if root == "" {
		Missing(t, "data", "DLAS_DATA is not set")
	}
	p := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		Missing(t, "data", "there is no "+filepath.Join(elem...)+" in DLAS_DATA")
	}
	return p
}
