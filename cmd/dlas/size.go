package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size adds a flag for a number of bytes; none is -1, and 0 that it is not given.
func (f *flags) size(name, usage string) *int64 {
	v := new(int64)
	f.Func(name, usage, func(s string) (err error) {
		*v, err = parseSize(s)
		return err
	})
	return v
}

// units of a size, the long names before those that they end with.
var units = []struct {
	name  string
	bytes float64
}{
	{"tib", 1 << 40},
	{"gib", 1 << 30},
	{"mib", 1 << 20},
	{"kib", 1 << 10},
	{"tb", 1e12},
	{"gb", 1e9},
	{"mb", 1e6},
	{"kb", 1e3},
	{"b", 1},
	{"", 1},
}

// parseSize reads a number of bytes such as 4GiB, 1.5 GB, 512MiB, 1000000 or none.
func parseSize(s string) (int64, error) {
	text := strings.ToLower(strings.TrimSpace(s))
	if text == "none" {
		return -1, nil
	}
	for _, u := range units {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(n) {
			break
		}
		switch n *= u.bytes; {
		case n < 1:
			return 0, fmt.Errorf("%q is less than a byte", s)
		case n >= 1<<60:
			return 0, fmt.Errorf("%q is more than any machine has", s)
		}
		return int64(n), nil
	}
	return 0, fmt.Errorf("%q is no size: write a number and GiB, MiB, GB or MB, such as 4GiB", s)
}
