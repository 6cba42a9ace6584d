package compiled

import (
	"context"
	"io"
	"os/exec"
)

// talk does not exist here: there are no pipes with names that a program of gonbui opens.
type talk struct{}

func newTalk(context.Context, *exec.Cmd, io.Writer, *input) (*talk, error) { return nil, nil }

func (*talk) started() {}
func (*talk) end()     {}
