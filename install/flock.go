package install

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// lockFile takes the lock at path, which is exclusive across processes and goes with the process that holds it.
// While another holds it, waiting is called once and the wait ends with ctx. The returned function gives it back.
// The file itself stays: removing it would let two holders lock two files of one name.
func lockFile(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for said := false; ; {
		ok, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		if ok {
			return func() { f.Close() }, nil
		}
		if !said && waiting != nil {
			said = true
			waiting()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
