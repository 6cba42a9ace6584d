package dlas

// Spec is one choice a layer: the same plain struct whichever of the four spellings built it. A field holds the
// grammar's text; Canonical fills the defaults in and fixes the spelling.
type Spec struct {
	Data      string `json:"data"`
	Model     string `json:"model"`
	Compress  string `json:"compress"`
	Primitive string `json:"primitive"`
	Schedule  string `json:"schedule"`
	Hardware  string `json:"hardware"`
}
