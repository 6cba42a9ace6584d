package compress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

// rule says that a pass makes no sense after others.
type rule struct {
	pass  []string
	after []string
	why   string // what would happen; {this} stands for the pass, {before} for the one before it
	try   string // how to write it
}

var zeroing = []string{"prune", "blocks", "punch", "pattern"}

// rules are few: whatever keeps the zeros and the values that were made before it may follow.
func rules() []rule {
	float := slices.Concat(zeroing, []string{"channels", "palette", "lowrank", "ternary", "recalibrate"})
	return []rule{
		{float, []string{"int8"}, "{this} changes float weights, and those of {before} are integers", "{this} {before}"},
		{[]string{"fp16", "bf16"}, []string{"int8"}, "{this} rounds float weights, and those of {before} are integers, which are smaller", "{before}"},
		{[]string{AutoName}, []string{"int8"}, "auto looks for zeros among float weights, and tries int8 after them by itself", "{this}"},
		{[]string{"int8"}, []string{"int8"}, "the weights are integers after the first int8", "{this}"},
		{[]string{"int8"}, []string{"fp16", "bf16"}, "integers take the place of what {before} has rounded", "{this}"},
		{[]string{"lowrank"}, zeroing, "lowrank would fill the zeros of {before}: a product of two small matrices has none", "{this} {before}"},
		{[]string{"lowrank"}, []string{"palette", "ternary"}, "lowrank makes new weights, and nothing would be left of {before}", "{this} {before}"},
		{zeroing, []string{"palette", "ternary"}, "after {before} many weights are equal, and {this} would choose among them by their place; zero would be one value more, too", "{this} {before}"},
		{[]string{"ternary"}, []string{"palette"}, "nothing would be left of {before}", "{this}"},
		{[]string{"fp16"}, []string{"bf16"}, "what {before} has rounded off does not come back", "one of the two"},
		{[]string{"bf16"}, []string{"fp16"}, "both are types of the same two bytes", "one of the two"},
	}
}

// CheckOrder says of passes that are applied in order which one makes no sense where it stands, why, and what does.
func CheckOrder(cs []ir.Choice) error {
	if err := autoOrder(cs); err != nil {
		return err
	}
	for i, c := range cs {
		for _, before := range cs[:i] {
			for _, r := range rules() {
				if !slices.Contains(r.pass, c.Name) || !slices.Contains(r.after, before.Name) {
					continue
				}
				fill := strings.NewReplacer("{this}", c.String(), "{before}", before.String()).Replace
				return &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("%s after %s: %s", c, before, fill(r.why)), Try: "write " + fill(r.try)}
			}
		}
	}
	return nil
}
