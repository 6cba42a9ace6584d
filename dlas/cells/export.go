package cells

import (
	"context"
	"fmt"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// export writes the current stack's network into a file.
func export(ctx context.Context, u *use) error {
	path := strings.Trim(u.words, `"`)
	if path == "" {
		return &ir.Error{What: "export wants the name of a file", Try: "write %dlas export network.onnx, or network.dlas"}
	}
	st := dlas.FromSpec(u.spec)
	if u.asGo {
		return u.goText(st.GoExport(path))
	}
	notes, err := st.ExportNotes(ctx, path)
	if err != nil {
		return err
	}
	text, err := dlas.Exported(path)
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintln(u.stdout, "note: "+n)
	}
	_, err = fmt.Fprintln(u.stdout, text)
	return err
}
