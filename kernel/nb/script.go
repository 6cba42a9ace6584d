package nb

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Script is the notebook as a program of Go in the percent format, which jupytext, VS Code and others read back: each cell
// begins with "// %%", text and magics are comments. It has no outputs.
func (n *Notebook) Script() string {
	var b strings.Builder
	b.WriteString("// ---\n// jupyter:\n//   jupytext:\n//     text_representation:\n//       extension: .go\n//       format_name: percent\n//       format_version: '1.3'\n")
	if spec, ok := n.Metadata["kernelspec"].(map[string]any); ok {
		b.WriteString("//   kernelspec:\n")
		for _, key := range slices.Sorted(maps.Keys(spec)) {
			if s, ok := spec[key].(string); ok {
				quoted, _ := json.Marshal(s) // a string of JSON is one of YAML
				fmt.Fprintf(&b, "//     %s: %s\n", word(key), quoted)
			}
		}
	}
	b.WriteString("// ---\n")
	for _, c := range n.Cells {
		b.WriteString("\n// %%")
		switch c.Kind {
		case "markdown", "raw":
			b.WriteString(" [" + c.Kind + "]")
		}
		source := strings.TrimRight(c.Source, "\n")
		whole := c.Kind != "code" || ofOtherLanguage(source)
		if language, args, body, ok := inLanguage(source); ok && c.Kind == "code" {
			fmt.Fprintf(&b, " language=%q", language)
			if args != "" {
				quoted, _ := json.Marshal(args)
				fmt.Fprintf(&b, " magic_args=%s", quoted)
			}
			source = body
		}
		for _, key := range slices.Sorted(maps.Keys(c.Metadata)) {
			if slices.Contains(volatileCell, key) || key != word(key) {
				continue
			}
			if v, err := json.Marshal(c.Metadata[key]); err == nil && string(v) != "[]" && string(v) != "{}" {
				fmt.Fprintf(&b, " %s=%s", key, v)
			}
		}
		b.WriteString("\n")
		if source == "" {
			continue
		}
		for _, l := range strings.Split(source, "\n") {
			l = strings.TrimRight(l, "\r")
			switch {
			case whole && l == "":
				l = "//"
			case whole, isMagic(l), isMagic(uncomment(l)), strings.HasPrefix(l, "// %%"):
				l = "// " + l
			}
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}

// ofOtherLanguage says that a cell is not Go as a whole, by its first line.
func ofOtherLanguage(source string) bool {
	first, _, _ := strings.Cut(source, "\n")
	name, ok := strings.CutPrefix(first, "%%")
	return ok && isMagic(first) && !strings.HasPrefix(name, "time") && !strings.HasPrefix(name, "capture") && !strings.HasPrefix(name, "go")
}

// inLanguage takes apart a cell in a language that the percent format names beside the cell's mark, where jupytext looks
// for it, and not in a line of the cell.
func inLanguage(source string) (language, args, body string, ok bool) {
	first, body, _ := strings.Cut(source, "\n")
	name, found := strings.CutPrefix(first, "%%")
	language, args, _ = strings.Cut(name, " ")
	return language, strings.TrimSpace(args), body, found && slices.Contains([]string{"bash", "sh", "script", "html", "markdown", "latex", "svg"}, language)
}

// isMagic says that a line is a magic or a command of the shell.
func isMagic(l string) bool {
	rest := strings.TrimLeft(strings.TrimPrefix(l, "!"), "%*")
	return rest != l && rest != "" && ('a' <= rest[0] && rest[0] <= 'z' || 'A' <= rest[0] && rest[0] <= 'Z' || l[0] == '!')
}

func uncomment(l string) string {
	for strings.HasPrefix(l, "// ") {
		l = l[3:]
	}
	return l
}

// word is s without what could end a name.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return -1
	}, s)
}
