//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestLastPrints: what a cell has printed before its process ends is shown to the last line, once, however it ends.
func TestLastPrints(t *testing.T) {
	k, _ := kernelFor(t)
	var want strings.Builder
	for i := range 2000 {
		fmt.Fprintln(&want, "line", i)
	}
	for _, end := range []string{
		"p, _ := os.FindProcess(os.Getpid())\np.Kill()",
		"func deep(n int) int { return deep(n+1) + 1 }\ndeep(0)",
		"m := map[int]int{}\nfor range 8 { go func() { for { m[1]++ } }() }",
		"exec.Command(\"kill\", \"-ABRT\", strconv.Itoa(os.Getpid())).Run()",
		"os.Exit(3)",
	} {
		for _, many := range []int{1, 30, 2000} {
			code := fmt.Sprintf("for i := range %d { fmt.Println(\"line\", i) }\n%s\nselect {}", many, end)
			a, err := k.Run(t.Context(), code, nil)
			if err != nil || a.Status != "error" {
				t.Fatalf("%s: %+v %v", code, a, err)
			}
			text := want.String()[:strings.Index(want.String(), fmt.Sprintf("line %d\n", many-1))] + fmt.Sprintf("line %d\n", many-1)
			if !strings.HasPrefix(a.Printed, text) || strings.Count(a.Printed, "line 0\n") != 1 {
				t.Errorf("%d lines and then %s: %s; %d bytes, ends %q", many, end, a.Error, len(a.Printed), a.Printed[max(0, len(a.Printed)-40):])
			}
		}
	}
}
