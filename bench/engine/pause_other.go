//go:build !unix

package engine

import "errors"

func (p *process) pause() error {
	return errors.New("a process cannot be stopped and woken on this system")
}
func (p *process) resume() error { return nil }
