//go:build !linux

package model

import "errors"

func makePipe(string) error { return errors.ErrUnsupported }
