package trim

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// file is how many kB of files the process has in memory.
func file(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	m := regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(b)
	if err != nil || m == nil {
		t.Skip("the system does not say what is in memory")
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// TestPages: the program's pages leave memory, and what is needed of them comes back.
func TestPages(t *testing.T) {
	before := file(t)
	pages()
	after := file(t)
	if before-after < 512 { // the race detector's memory stays, so it is not a part of the whole
		t.Errorf("%d kB of files became %d kB", before, after)
	}
	if s := strings.Repeat(fmt.Sprintf("%v %x", []int{1, 2}, "ab"), 2); s != "[1 2] 6162[1 2] 6162" {
		t.Error(s)
	}
}
