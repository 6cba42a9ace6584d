package interp

import (
	"slices"

	"github.com/godlas/godlas/kernel/interp/internal/front"
)

// Named finds packages of libraries by their names, as a cell means them that uses a package without importing it. It holds
// nothing of a session.
type Named struct{ pkgs *front.Packages }

// NewNamed makes one for the packages of libraries. It is quick: what they hold is read when first asked for.
func NewNamed(libs ...Library) *Named {
	var data []string
	for _, l := range libs {
		data = append(data, l.Data)
	}
	return &Named{front.NewPackages(data)}
}

// Path is the import path that a name stands for where these members are selected from it; "" for none. Of several packages
// with the name it is the first that has all members, in the order of docs/cells.md.
func (n *Named) Path(name string, members []string) string {
	paths := n.pkgs.Preferred(name)
	for _, p := range paths {
		doc := n.pkgs.Doc(p)
		if !slices.ContainsFunc(members, func(m string) bool { return doc[m] == "" }) {
			return p
		}
	}
	if len(paths) == 0 {
		return ""
	}
	return paths[0]
}
