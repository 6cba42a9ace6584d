package cells

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/kernel/session/magic"
	"github.com/godlas/godlas/plotting"
)

// complete answers what could stand at the end of what was typed after %dlas, or in the last line of a %%dlas cell.
func (n *notebook) complete(c magic.Completing) ([]magic.Match, int) {
	text := c.Text[strings.LastIndexByte(c.Text, '\n')+1:]
	text = strings.TrimLeft(text, " \t")
	name, rest, typed := strings.Cut(text, " ")
	var found []string
	replace := 0
	if v, ok := findVerb(name); typed && ok {
		if last := rest[strings.LastIndexByte(rest, ' ')+1:]; strings.HasPrefix(last, "-") {
			found, replace = lastWord(rest, flagNames())
		} else if v.complete != nil {
			found, replace = v.complete(rest)
		}
	} else if !typed {
		names := verbNames()
		if strings.HasPrefix(name, "-") {
			names = []string{"--go", "--spec"}
		}
		found, replace = lastWord(text, names)
	}
	matches := make([]magic.Match, len(found))
	for i, f := range found {
		matches[i] = magic.Match{Text: f}
	}
	return matches, replace
}

// explain says what a word after %dlas means: a verb, a layer, a choice.
func explain(word string) (string, bool) {
	if text, err := dlas.Help(word); err == nil {
		return text, true
	}
	if v, ok := findVerb(word); ok && v.name != "" {
		return strings.TrimSpace("%dlas "+v.name+" "+v.args) + "\n\n" + v.help, true
	}
	return "", false
}

// lastWord returns those of the words that begin like the last word of text.
func lastWord(text string, words []string) ([]string, int) {
	last := text[strings.LastIndexAny(text, " (,|=")+1:]
	var found []string
	for _, w := range words {
		if strings.HasPrefix(w, last) {
			found = append(found, w)
		}
	}
	return found, len(last)
}

func words(ws ...string) func(string) ([]string, int) {
	return func(text string) ([]string, int) { return lastWord(text, ws) }
}

// completeChoice completes the text of a layer: names of choices, inside brackets their arguments, after = values.
func completeChoice(l ir.Layer, text string) ([]string, int) {
	open, depth := -1, 0
	for i := len(text) - 1; i >= 0 && open < 0; i-- {
		switch text[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth < 0 {
				open = i
			}
		}
	}
	if open < 0 {
		return lastWord(text, optionNames(l))
	}
	call := text[strings.LastIndexAny(text[:open], " (|")+1 : open]
	if call == "" { // a bracket of alternatives
		return lastWord(text, optionNames(l))
	}
	i := slices.IndexFunc(dlas.Options(l), func(o ir.Option) bool { return o.Name == call })
	if i < 0 {
		return nil, 0
	}
	params := dlas.Options(l)[i].Params
	arg := strings.TrimLeft(text[open+1:][strings.LastIndexByte(text[open+1:], ',')+1:], " ")
	if key, _, ok := strings.Cut(arg, "="); ok {
		for _, p := range params {
			if p.Key == key {
				return lastWord(text, slices.Concat(p.Values, p.Examples))
			}
		}
		return nil, 0
	}
	var names []string
	for _, p := range params {
		if p.Key != "" {
			names = append(names, p.Key+"=")
		} else {
			names = append(append(names, p.Values...), p.Examples...)
		}
	}
	return lastWord(text, names)
}

func optionNames(l ir.Layer) []string {
	var names []string
	for _, o := range dlas.Options(l) {
		names = append(names, o.Name)
	}
	return names
}

func completeResults(text string) ([]string, int) { return lastWord(text, resultNames()) }

func completePlot(text string) ([]string, int) {
	if !strings.Contains(text, " ") {
		return lastWord(text, kindNames())
	}
	last := text[strings.LastIndexByte(text, ' ')+1:]
	key, _, ok := strings.Cut(last, "=")
	switch {
	case !ok:
		return lastWord(text, append([]string{"x=", "y=", "colour=", "panel=", "width=", "font="}, resultNames()...))
	case key == "x" || key == "y":
		var names []string
		for _, m := range plotting.Metrics() {
			names = append(names, m.Name)
		}
		return lastWord(text, names)
	case key == "colour" || key == "panel":
		var names []string
		for _, l := range ir.Layers() {
			names = append(names, string(l))
		}
		return lastWord(text, names)
	}
	return nil, 0
}

// mostFiles bounds how many names of a folder are offered.
const mostFiles = 200

// completeFiles offers the files that begin like the last word.
func completeFiles(text string) ([]string, int) {
	last := strings.TrimPrefix(text[strings.LastIndexByte(text, ' ')+1:], `"`)
	dir, base := filepath.Split(last)
	open := dir
	if open == "" {
		open = "."
	}
	f, err := os.Open(open)
	if err != nil {
		return nil, 0
	}
	defer f.Close()
	entries, _ := f.ReadDir(mostFiles) // what could be read of the folder is offered
	var found []string
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, base) && (base != "" || !strings.HasPrefix(name, ".")) {
			if e.IsDir() {
				name += "/"
			}
			found = append(found, dir+name)
		}
	}
	slices.Sort(found)
	return found, len(last)
}
