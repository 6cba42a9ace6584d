package main

import (
	"context"
	"fmt"

	"github.com/godlas/godlas/install"
)

func runLab(ctx context.Context, c *call) error {
	f := c.flags()
	o := install.LabOptions{Out: c.stdout}
	f.BoolVar(&o.NoBrowser, "no-browser", false, "print the address and open no browser")
	f.IntVar(&o.Port, "port", 0, "`number` of the port on 127.0.0.1; 0 is a free one")
	f.StringVar(&o.Dir, "dir", "", "`folder` for the notebooks")
	if _, err := f.parse(0, 0); err != nil {
		return err
	}
	if o.Port < 0 || o.Port > 65535 {
		return usageError(fmt.Sprintf("lab: port %d is not in 0..65535", o.Port))
	}
	return install.Lab(ctx, o)
}
