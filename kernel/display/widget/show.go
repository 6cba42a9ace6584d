package widget

import (
	"fmt"
	"strings"

	"github.com/godlas/godlas/kernel/display"
	"github.com/godlas/godlas/kernel/internal/comms"
)

const viewType = "application/vnd.jupyter.widget-view+json"

// MimeBundle is the widget in the page, and as text where there is none. As the last expression of a cell, or given to
// display.Show, a widget shows itself by it.
func (m *Model) MimeBundle() map[string]any {
	m.prepare()
	d := map[string]any{"text/plain": m.String()}
	m.mu.Lock()
	closed := m.closed
	m.mu.Unlock()
	if closed {
		d["text/plain"] = m.class.name + " (closed)"
		return d
	}
	if comms.TheHost() != nil {
		m.open()
		m.flush()
		d[viewType] = map[string]any{"version_major": 2, "version_minor": 0, "model_id": m.id}
	}
	return d
}

// prepare does what is to be done before m and what is in it is shown.
func (m *Model) prepare() {
	if m.shows != nil {
		m.shows()
	}
	m.mu.Lock()
	children, _ := m.state["children"].([]*Model)
	m.mu.Unlock()
	for _, c := range children {
		c.prepare()
	}
}

// Show shows the widget here and now.
func (m *Model) Show() { display.Show(m) }

// String is the widget as text.
func (m *Model) String() string {
	if m.text != nil {
		return m.text()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var parts []string
	if s, _ := m.state["description"].(string); s != "" {
		parts = append(parts, s)
	}
	switch labels, ok := m.state["_options_labels"].([]string); {
	case ok:
		var chosen []string
		switch i := m.state["index"].(type) {
		case int:
			chosen = append(chosen, labels[i])
		case []int:
			for _, i := range i {
				chosen = append(chosen, labels[i])
			}
		}
		if len(labels) == 0 {
			parts = append(parts, "no options")
		} else {
			parts = append(parts, fmt.Sprintf("%s of %s", strings.Join(chosen, ", "), strings.Join(labels, ", ")))
		}
	default:
		switch v := m.state["value"].(type) {
		case nil:
		case []byte:
			parts = append(parts, fmt.Sprintf("%v, %d bytes", m.state["format"], len(v)))
		case string:
			if m.class.name == "Password" {
				v = strings.Repeat("•", min(len(v), 8))
			}
			parts = append(parts, fmt.Sprintf("%q", v))
		default:
			s := fmt.Sprint(v)
			if lo, hi := m.state["min"], m.state["max"]; hi != nil {
				s += fmt.Sprintf(" of %v to %v", lo, hi)
			}
			parts = append(parts, s)
		}
	}
	return m.class.name + "(" + strings.Join(parts, ": ") + ")"
}
