//go:build linux

package pipe

import (
	"strings"
	"testing"
)

func TestSlate(t *testing.T) {
	for _, tc := range []struct {
		name     string
		write    func(*Slate)
		received uint64
		want     string
	}{
		{"nothing", func(*Slate) {}, 0, ""},
		{"text", func(s *Slate) { s.Begin(3, 7, "stderr"); s.Add([]byte("a")); s.Add([]byte("b")) }, 3, "7 stderr ab"},
		{"its frame has arrived", func(s *Slate) { s.Begin(3, 7, "stdout"); s.Add([]byte("a")) }, 4, ""},
		{"wiped", func(s *Slate) { s.Begin(3, 7, "stdout"); s.Add([]byte("a")); s.Wipe() }, 3, ""},
		{"anew", func(s *Slate) {
			s.Begin(0, 1, "stderr")
			s.Add([]byte("a"))
			s.Begin(1, 2, "stdout")
			s.Add([]byte("b"))
		}, 1, "2 stdout b"},
		{"too much", func(s *Slate) { s.Begin(0, 1, "stdout"); s.Add([]byte(strings.Repeat("x", 1<<20))); s.Add([]byte("y")) }, 0, "1 stdout " + strings.Repeat("x", slateSize-slateHead)},
		{"spoiled by a cell", func(s *Slate) {
			for i := range s.mem {
				s.mem[i] = 0xff
			}
		}, 0, ""},
	} {
		front, f, err := NewSlate()
		if err != nil {
			t.Fatal(err)
		}
		session := OpenSlate(int(f.Fd()))
		if session == nil {
			t.Fatal("it cannot be opened")
		}
		tc.write(session)
		parent, name, text := front.Take(tc.received)
		got := ""
		if text != "" {
			got = string(rune('0'+parent)) + " " + name + " " + text
		}
		if got != tc.want {
			t.Errorf("%s: %.60q, want %.60q", tc.name, got, tc.want)
		}
		if _, _, text := front.Take(tc.received); text != "" {
			t.Errorf("%s: taken twice", tc.name)
		}
	}
	if OpenSlate(0) != nil {
		t.Error("any file is a slate")
	}
	var none *Slate
	none.Begin(0, 0, "")
	none.Add([]byte("a"))
	none.Wipe()
	if _, _, text := none.Take(0); text != "" {
		t.Error(text)
	}
}
