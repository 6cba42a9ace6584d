package dlas

import "fmt"

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
	for _, node := range t.r.Nodes {
		ms, share := "", ""
		if node.MS != nil {
			ms = millis(*node.MS)
		}
		if node.Roofline != nil {
			share = fmt.Sprintf("%.0f %%", 100**node.Roofline)
		}
		n.rows = append(n.rows, []string{node.Name, node.Op, node.Kernel, node.ISA, node.Schedule, ms, share, node.Bound, node.InsteadOf})
	}
	return n
}

// caption says what the table is of.
func (t *NodeTable) caption() string {
	return fmt.Sprintf("%d nodes of %s; roofline: the least time that this machine's peaks allow, over the node's time", len(t.r.Nodes), t.r.footer())
}

// String is the table as text.
func (t *NodeTable) String() string { return plain(t.caption()) + "\n" + t.table().text() }

// MimeBundle shows the table in a notebook.
func (t *NodeTable) MimeBundle() map[string]any {
	return bundle(`<div class="dlas-result"><p><small>`+escape(t.caption())+"</small></p>"+t.table().html()+"</div>", t.String())
}
