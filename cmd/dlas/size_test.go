package main

import "testing"

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"4GiB": 4 << 30, "1.5 GB": 1_500_000_000, "512MiB": 512 << 20, "512mb": 512_000_000, "1000000": 1_000_000, "64kB": 64_000, "7B": 7,
		"none": -1, " 2TiB ": 2 << 40,
	} {
		if got, err := parseSize(s); got != want || err != nil {
			t.Errorf("%q: %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "GiB", "4 GiBB", "-1GB", "0", "nan", "inf", "1e30TB", "4G iB", "4GiB5"} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("%q is %d", s, got)
		}
	}
}
