package magic

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"strings"

	"github.com/godlas/godlas/kernel/display"
)

const captureHelp = `keep the output of a cell back, in a variable or a file
%%capture NAME runs the cell below it and puts its output into a variable of type display.Captured: NAME.Stdout(),
NAME.Stderr(), NAME.Show(). %%capture FILE writes it to a file (one without . and / in its name is written ./FILE), %%capture alone drops it. As a
line, %capture FILE copies the output of the rest of its cell to a file and shows it too. -a appends to the file.`

// body shows the cell below a magic.
func body(show func(string) *display.Handle) func(context.Context, *Call) error {
	return func(_ context.Context, c *Call) error {
		switch {
		case c.Args != "":
			return fmt.Errorf("%%%%%s takes no argument; it shows the cell below it", c.Name)
		case strings.TrimSpace(c.Body) == "":
			return fmt.Errorf("%%%%%s: the cell below it is empty", c.Name)
		}
		show(c.Body)
		return nil
	}
}

func capture(ctx context.Context, c *Call) error {
	f, to, err := cutFlags(c.sign()+"capture", c.Args, "-a")
	if err != nil {
		return err
	}
	if !c.Whole {
		if to == "" {
			return errors.New("%capture: to which file? %capture FILE copies the output of the rest of the cell to it")
		}
		path, err := expand(to)
		if err != nil {
			return err
		}
		return c.Copy(path, f.has("-a"))
	}
	name := token.IsIdentifier(to)
	if name && f.has("-a") {
		return fmt.Errorf("%%%%capture: -a appends to a file; %s is a variable, and ./%s a file", to, to)
	}
	got, err := c.Capture(ctx, c.Body)
	var failed error
	switch {
	case name:
		if c.Set(to, got) != nil { // a session without package display for cells
			failed = c.Set(to, got.Text())
		}
	case to != "":
		failed = write(c, "%capture", to, []byte(got.Text()), f.has("-a"), true)
	}
	if err != nil {
		return err // the cell's own fault says more
	}
	return failed
}

// sign is what a call is written with before its name, less one %.
func (c *Call) sign() string {
	if c.Whole {
		return "%"
	}
	return ""
}
