// Package notebooks holds the notebooks that godlas comes with, so that one binary can lay them out for a newcomer.
package notebooks

import "embed"

// Files holds every notebook of this folder by its file name.
//
//go:embed *.ipynb
var Files embed.FS

// Quickstart is the notebook to open first.
const Quickstart = "00-quickstart.ipynb"
