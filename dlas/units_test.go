package dlas

import "testing"

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{millis(0.0004123), "0.412 us"},
		{millis(0.0512), "51.2 us"},
		{millis(0.4126), "0.413 ms"},
		{millis(12.345), "12.3 ms"},
		{millis(1234), "1.23 s"},
		{millis(0), "0 ms"},
		{millis(9.9996), "10.0 ms"},
		{millisRange(0.238, 0.241), "0.238 to 0.241 ms"},
		{millisRange(0.0512, 0.241), "51.2 us to 0.241 ms"},
		{bytesText(999), "999 B"},
		{bytesText(312_345), "312 kB"},
		{bytesText(1_250_000), "1.25 MB"},
		{scaled(40_810_000, ""), "40.8 M"},
		{scaled(77, ""), "77"},
		{thousands(0), "0"},
		{thousands(999), "999"},
		{thousands(1000), "1,000"},
		{thousands(272474), "272,474"},
		{thousands(-1234567), "-1,234,567"},
		{percent(0.9173), "91.73 %"},
		{barOf(0), ""},
		{barOf(1), "██████████"},
		{barOf(0.05), "▌"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	tab := table{head: []string{"a", "b"}, right: []bool{false, true}, rows: [][]string{{"x", "1"}, {"<i>\x1b[31m", "22"}}}
	if got, want := tab.text(), "a         b\nx         1\n<i>[31m  22\n"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if got, want := escape("<img onerror=\"x\">\u202e\n"), "&lt;img onerror=&#34;x&#34;&gt;"; got != want {
		t.Errorf("escaped %q, want %q", got, want)
	}
}
