// Command modules runs what its packages do with a module each; the test of the interpreter compares.
package main

import (
	"os"

	"modules.test/btree"
	"modules.test/cmp"
	"modules.test/cobra"
	"modules.test/gjson"
	"modules.test/goldmark"
	"modules.test/goquery"
	"modules.test/lo"
	"modules.test/mux"
	"modules.test/participle"
	"modules.test/pflag"
	"modules.test/testify"
	"modules.test/toml"
	"modules.test/uuid"
	"modules.test/yaml"
)

func main() {
	map[string]func(){
		"btree":      btree.Main,
		"cmp":        cmp.Main,
		"cobra":      cobra.Main,
		"gjson":      gjson.Main,
		"goldmark":   goldmark.Main,
		"goquery":    goquery.Main,
		"lo":         lo.Main,
		"mux":        mux.Main,
		"participle": participle.Main,
		"pflag":      pflag.Main,
		"testify":    testify.Main,
		"toml":       toml.Main,
		"uuid":       uuid.Main,
		"yaml":       yaml.Main,
	}[os.Args[1]]()
}
