package magic

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// completeFiles completes arguments that are one path, blanks and all.
func completeFiles(c Completing) ([]Match, int) {
	path := strings.TrimPrefix(c.Text, `"`)
	return files(path, func(s string) string { return s }), len(path)
}

// completeAfterFlags completes arguments that are one path behind flags.
func completeAfterFlags(c Completing) ([]Match, int) {
	if c.Body {
		return nil, 0
	}
	text := c.Text
	for strings.HasPrefix(text, "-") {
		word, rest, ok := strings.Cut(text, " ")
		if !ok {
			return nil, 0
		}
		if word == "-r" {
			_, rest, _ = strings.Cut(strings.TrimLeft(rest, " "), " ")
		}
		text = strings.TrimLeft(rest, " ")
	}
	return completeFiles(Completing{Text: text})
}

// completeSave completes the first word that is no flag as a path, and a later one as a name too.
func completeSave(c Completing) ([]Match, int) {
	words := 0
	before := c.Text[:strings.LastIndexAny(c.Text, " \t")+1]
	for _, w := range strings.Fields(before) {
		if !strings.HasPrefix(w, "-") {
			words++
		}
	}
	if words > 0 {
		if found, n := completeNames(c); len(found) > 0 {
			return found, n
		}
	}
	return Files(c.Text)
}

// completeScript completes the last line of a script.
func completeScript(c Completing) ([]Match, int) {
	if !c.Body {
		return nil, 0
	}
	return Command(c.Text[strings.LastIndexByte(c.Text, '\n')+1:])
}

// mostFiles bounds how many entries of a folder are read.
const mostFiles = 5000

// Command completes a command line of the shell: its first word, and that after |, ; and &, as a program, others as paths.
func Command(text string) (matches []Match, replace int) {
	word, _ := lastWord(text)
	before := strings.TrimRight(text[:len(text)-len(word)], " \t")
	first := before == "" || strings.ContainsAny(before[len(before)-1:], "|;&(")
	if first && word != "" && !strings.ContainsAny(word, `/\`) {
		if matches = programs(word); len(matches) > 0 {
			return matches, len(word)
		}
	}
	return Files(text)
}

// programs lists what begins with a word in the folders of PATH.
func programs(word string) (matches []Match) {
	seen := map[string]bool{}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		f, err := os.Open(dir)
		if err != nil {
			continue
		}
		names, _ := f.Readdirnames(mostFiles)
		f.Close()
		for _, n := range names {
			if !strings.HasPrefix(n, word) || seen[n] {
				continue
			}
			seen[n] = true
			st, err := os.Stat(filepath.Join(dir, n))
			if err == nil && !st.IsDir() && (st.Mode()&0o111 != 0 || runtime.GOOS == "windows") {
				matches = append(matches, Match{Text: n, Type: "function"})
			}
		}
	}
	slices.SortFunc(matches, func(a, b Match) int { return strings.Compare(a.Text, b.Text) })
	return matches
}

// special are the characters that a shell wants a backslash before.
const special = " \t\"'\\$&;|<>()*?[]{}!#`~="

// lastWord is the last word of a command line as it is written, and whether it is in quotes.
func lastWord(text string) (word string, quoted bool) {
	from := 0
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quote != '\'' && runtime.GOOS != "windows":
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote, from = c, i+1
		case strings.IndexByte(" \t<>|;&=", c) >= 0:
			from = i + 1
		}
	}
	return text[min(from, len(text)):], quote != 0
}

// Files completes the last word of text as a path.
func Files(text string) (matches []Match, replace int) {
	written, quoted := lastWord(text)
	word := written
	if runtime.GOOS != "windows" && !quoted {
		var b strings.Builder
		for i := 0; i < len(word); i++ {
			if word[i] == '\\' && i+1 < len(word) {
				i++
			}
			b.WriteByte(word[i])
		}
		word = b.String()
	}
	escape := escaped
	if quoted || runtime.GOOS == "windows" {
		escape = func(s string) string { return s }
	}
	return files(word, escape), len(written)
}

// files lists the entries of a folder that a path names and begins the name of.
func files(path string, escape func(string) string) (matches []Match) {
	dir, base := filepath.Split(path)
	where, err := expand(dir)
	if err != nil {
		return nil
	}
	if dir == "" {
		where = "."
	}
	f, err := os.Open(where)
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, _ := f.ReadDir(mostFiles) // what could be read of it is offered
	for _, e := range entries {
		n := e.Name()
		if !strings.HasPrefix(n, base) || strings.HasPrefix(n, ".") && !strings.HasPrefix(base, ".") || strings.ContainsAny(n, "\n\r") {
			continue
		}
		kind := "file"
		if st, err := os.Stat(filepath.Join(where, n)); err == nil && st.IsDir() {
			n, kind = n+"/", "folder"
		}
		matches = append(matches, Match{Text: escape(dir + n), Type: kind})
	}
	slices.SortFunc(matches, func(a, b Match) int { return strings.Compare(a.Text, b.Text) })
	return matches
}

// escaped writes a path for the shell; ~ at its beginning stays.
func escaped(path string) string {
	var b strings.Builder
	for i, r := range path {
		if strings.ContainsRune(special, r) && !(r == '~' && i == 0) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
