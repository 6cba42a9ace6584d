//go:build !linux

package engine

// cores is unknown where the kernel does not count it.
type cores struct{}

func watchCores() *cores { return nil }

func (*cores) known() bool { return false }

func (*cores) close() {}

func (*cores) begin() {}

func (*cores) taken() (delay, stole float64) { return 0, 0 }
