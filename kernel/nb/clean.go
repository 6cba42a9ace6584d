package nb

import "strings"

// volatile are the keys of metadata that change with a run or with who looks at the notebook, and say nothing of it.
var (
	volatileCell     = []string{"ExecuteTime", "collapsed", "execution", "papermill", "scrolled", "vscode"}
	volatileNotebook = []string{"papermill", "signature", "vscode", "widgets"}
)

// Keeps says that the notebook is one whose outputs belong to it, as its metadata say by "keep_output": true, which other
// tools read too.
func (n *Notebook) Keeps() bool {
	keep, _ := n.Metadata["keep_output"].(bool)
	return keep
}

// Clean takes out what a version control should not see: outputs, execution counts and metadata that a run leaves. Cells
// tagged keep-output keep theirs, without counts; a notebook that [Notebook.Keeps] its outputs keeps counts and the state
// of widgets with them. It reports whether anything was there.
func (n *Notebook) Clean() (changed bool) {
	whole := n.Keeps()
	for _, key := range volatileNotebook {
		if key != "widgets" || !whole {
			changed = remove(n.Metadata, key) || changed
		}
	}
	if info, ok := n.Metadata["language_info"].(map[string]any); ok {
		changed = remove(info, "version") || changed
	}
	for _, c := range n.Cells {
		for _, key := range volatileCell {
			changed = remove(c.Metadata, key) || changed
		}
		if j, ok := c.Metadata["jupyter"].(map[string]any); ok && remove(j, "outputs_hidden") {
			changed = true
			if len(j) == 0 {
				delete(c.Metadata, "jupyter")
			}
		}
		if whole {
			continue
		}
		if c.Count != 0 {
			c.Count, changed = 0, true
		}
		keep, _ := c.Metadata["keep_output"].(bool)
		if !keep && !c.Tagged("keep-output") && !c.Tagged("keep_output") && len(c.Outputs) > 0 {
			c.Outputs, changed = nil, true
		}
		for i := range c.Outputs {
			if c.Outputs[i].Count != 0 {
				c.Outputs[i].Count, changed = 0, true
			}
		}
	}
	return changed
}

func remove(m map[string]any, key string) bool {
	_, ok := m[key]
	delete(m, key)
	return ok
}

// tagged says that a cell has one of the tags, of which other tools have some of their own.
func (c *Cell) tagged(tags ...string) bool {
	for _, t := range tags {
		if c.Tagged(t) {
			return true
		}
	}
	return false
}

// languageOf is the language that a notebook says its cells are in, in lower case; "go" if it says none.
func (n *Notebook) languageOf() string {
	for _, at := range [][2]string{{"language_info", "name"}, {"kernelspec", "language"}} {
		if m, ok := n.Metadata[at[0]].(map[string]any); ok {
			if s, ok := m[at[1]].(string); ok && s != "" {
				return strings.ToLower(s)
			}
		}
	}
	return "go"
}
