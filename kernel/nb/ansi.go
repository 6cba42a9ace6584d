package nb

import (
	"strconv"
	"strings"
)

// styled is a piece of a terminal's text with its look.
type styled struct {
	text             string
	bold, dim, under bool
	colour, ground   int // 1 to 16, those of a terminal from black to bright white; 0 is the page's
}

// ansi cuts a text at its escape sequences: those of colours become looks, all others are left out.
func ansi(s string) (out []styled) {
	var now styled
	for s != "" {
		i := strings.IndexByte(s, 0x1b)
		if i < 0 {
			i = len(s)
		}
		if i > 0 {
			now.text = s[:i]
			out = append(out, now)
		}
		if s = s[i:]; s == "" {
			break
		}
		args, final, n := escape(s)
		if final == 'm' {
			now.sgr(args)
		}
		s = s[n:]
	}
	return out
}

// escape is the sequence that s begins with: its arguments and last byte, if it is one with arguments, and its length.
func escape(s string) (args string, final byte, n int) {
	if len(s) < 2 {
		return "", 0, len(s)
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return s[2:i], s[i], i + 1
			}
			if s[i] < 0x20 || s[i] > 0x3f {
				return "", 0, i
			}
		}
		return "", 0, len(s)
	case ']', 'P', '_', '^', 'X': // text up to a bell or ESC backslash
		for i := 2; i < len(s); i++ {
			if s[i] == 7 {
				return "", 0, i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return "", 0, i + 2
			}
		}
		return "", 0, len(s)
	}
	return "", 0, 2
}

// sgr is what ESC [ args m does.
func (t *styled) sgr(args string) {
	codes := strings.Split(args, ";")
	for i := 0; i < len(codes); i++ {
		n, _ := strconv.Atoi(codes[i]) // none is 0
		switch {
		case n == 0:
			*t = styled{}
		case n == 1:
			t.bold = true
		case n == 2:
			t.dim = true
		case n == 4:
			t.under = true
		case n == 22:
			t.bold, t.dim = false, false
		case n == 24:
			t.under = false
		case n >= 30 && n < 38:
			t.colour = n - 29
		case n == 39:
			t.colour = 0
		case n >= 40 && n < 48:
			t.ground = n - 39
		case n == 49:
			t.ground = 0
		case n >= 90 && n < 98:
			t.colour = n - 81
		case n >= 100 && n < 108:
			t.ground = n - 91
		case n == 38 || n == 48: // one of 256, or any: only the first 16 are the page's
			if i+2 < len(codes) && codes[i+1] == "5" {
				if c, err := strconv.Atoi(codes[i+2]); err == nil && c >= 0 && c < 16 {
					if n == 38 {
						t.colour = c + 1
					} else {
						t.ground = c + 1
					}
				}
				i += 2
			} else {
				i += 4
			}
		}
	}
}
