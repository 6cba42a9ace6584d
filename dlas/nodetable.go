package dlas

import (
	"fmt"
	"slices"
)

// NodeTable is the nodes of a result as a table: what each runs, with which schedule, and how near that comes to what
// this machine allows.
type NodeTable struct{ r *Result }

// NodeTable is the nodes of the result, in the order in which they run.
func (r *Result) NodeTable() *NodeTable { return &NodeTable{r} }

func (t *NodeTable) table() table {
	n := table{
		style: []string{"font-family:monospace", "", "font-family:monospace", "", "", "", "", "", ""},
		head:  []string{"node", "operator", "kernel", "ISA", "schedule", "time", "roofline", "bound by", "instead of"},
		right: []bool{false, false, false, false, false, true, true, false, false},
	}
	why := slices.ContainsFunc(t.r.Nodes, func(n Node) bool { return n.Why != "" })
	if why {
		n.style, n.head, n.right = append(n.style, ""), append(n.head, "why"), append(n.right, false)
	}
	if !t.r.hasRoofline() {
		n.head, n.right = slices.Delete(n.head, 6, 8), slices.Delete(n.right, 6, 8)
	}
	for _, node := range t.r.Nodes {
		ms, share := "", ""
		if node.MS != nil {
			ms = millis(*node.MS)
		}
		if node.Roofline != nil {
			share = fmt.Sprintf("%.0f %%", 100**node.Roofline)
		}
		row := []string{node.Name, node.Op, node.Kernel, node.ISA, node.Schedule, ms}
		if t.r.hasRoofline() {
			row = append(row, share, node.Bound)
		}
		if row = append(row, node.InsteadOf); why {
			row = append(row, node.Why)
		}
		n.rows = append(n.rows, row)
	}
	return n
}

// hasRoofline says whether any node has a share of it.
func (r *Result) hasRoofline() bool {
	return slices.ContainsFunc(r.Nodes, func(n Node) bool { return n.Roofline != nil })
}

// caption says what the table is of.
func (t *NodeTable) caption() string {
	text := "roofline: the least time that this machine's peaks allow, over the node's time"
	if !t.r.hasRoofline() {
		text = "no roofline: no peak was measured of the instruction set " + t.r.Environment.ISA
	}
	return fmt.Sprintf("%d nodes of %s; %s", len(t.r.Nodes), t.r.footer(), text)
}

// String is the table as text.
func (t *NodeTable) String() string { return plain(t.caption()) + "\n" + t.table().text() }

// MimeBundle shows the table in a notebook.
func (t *NodeTable) MimeBundle() map[string]any {
	return bundle(`<div class="dlas-result"><p><small>`+escape(t.caption())+"</small></p>"+t.table().html()+"</div>", t.String())
}
