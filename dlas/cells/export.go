package cells

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// export writes the current stack's network as an ONNX file.
func export(ctx context.Context, u *use) error {
	path := strings.Trim(u.words, `"`)
	if path == "" {
		return &ir.Error{What: "export wants the name of a file", Try: "write %dlas export network.onnx"}
	}
	st := dlas.FromSpec(u.spec)
	if u.asGo {
		return u.goText(st.GoExport(path))
	}
	if err := st.Export(ctx, path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return &ir.Error{What: "cannot read " + path, Err: err}
	}
	_, err = fmt.Fprintf(u.stdout, "%s: %.1f MB, ONNX\n", path, float64(info.Size())/1e6)
	return err
}
