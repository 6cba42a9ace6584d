package need

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
)

// ended is a test that keeps how it was ended.
type ended struct {
	testing.TB
	how, why string
}

func (e *ended) Helper() {}

func (e *ended) end(how, format string, args ...any) {
	e.how, e.why = how, fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (e *ended) Skipf(format string, args ...any)  { e.end("skipped", format, args...) }
func (e *ended) Fatalf(format string, args ...any) { e.end("failed", format, args...) }

// how runs a test and returns how it ended; empty: it went on.
func how(test func(testing.TB)) (string, string) {
	e := &ended{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(e)
	}()
	<-done
	return e.how, e.why
}

// TestAbsent: what is absent skips a test, and fails it where DLAS_REQUIRE names it.
func TestAbsent(t *testing.T) {
	data := t.TempDir()
	for _, c := range []struct{ require, data, how, why string }{
		{"", "", "skipped", "needs data: DLAS_DATA is not set"},
		{"go, python", "", "skipped", "needs data: DLAS_DATA is not set"},
		{"database", data, "skipped", "needs data: there is no " + filepath.Join("a", "b") + " in DLAS_DATA"},
		{"go, data", data, "failed", "DLAS_REQUIRE names data, but there is no " + filepath.Join("a", "b") + " in DLAS_DATA"},
	} {
		t.Setenv("DLAS_REQUIRE", c.require)
		t.Setenv("DLAS_DATA", c.data)
		if got, why := how(func(tb testing.TB) { Data(tb, "a", "b") }); got != c.how || why != c.why {
			t.Errorf("%+v: %s, %q", c, got, why)
		}
	}
	t.Setenv("DLAS_REQUIRE", "tool")
	if got, _ := how(func(tb testing.TB) { Program(tb, "tool", "no-program-has-this-name") }); got != "failed" {
		t.Errorf("a program that is required and absent: %q", got)
	}
	t.Setenv("DLAS_DATA", filepath.Dir(data))
	if got, why := how(func(tb testing.TB) { Data(tb, filepath.Base(data)) }); got != "" {
		t.Errorf("what is there: %s, %q", got, why)
	}
}
