package install

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Binary copies the running program into the user's cache under the hash of its content and returns the copy's path.
// A kernelspec points there, because the binary of `go run` is deleted when the command ends, and one that the user
// builds anew must not change under a kernel that runs. A copy that is there already is kept.
func Binary() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	open := exe
	if runtime.GOOS == "linux" {
		// The name may by now belong to another build; this link is the program that runs.
		open = "/proc/self/exe"
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	return copyBinary(open, filepath.Base(exe), filepath.Join(cache, "bin"))
}

// copyBinary copies the program at src to dir/HASH/dlas and returns that path.
func copyBinary(src, base, dir string) (string, error) {
	in, err := os.Open(src)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := sha256.New()
	size, err := io.Copy(h, in)
	if err != nil {
		return "", err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	name := "dlas"
	if filepath.Ext(base) == ".exe" {
		name += ".exe"
	}
	dir = filepath.Join(dir, sum[:16])
	dst := filepath.Join(dir, name)
	if fi, err := os.Stat(dst); err == nil && fi.Size() == size {
		now := time.Now()
		os.Chtimes(dst, now, now) // the newest copies are kept longest
		return dst, nil
	}

	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	h.Reset()
	if _, err := io.Copy(io.MultiWriter(tmp, h), in); err != nil {
		return "", err
	}
	if hex.EncodeToString(h.Sum(nil)) != sum {
		return "", fmt.Errorf("%s changed while it was copied; try again", src)
	}
	if err := tmp.Chmod(0o755); err != nil {
		return "", err
	}
	if err := tmp.Close(); err != nil {
		return "", err
	}
	if err := os.Rename(tmp.Name(), dst); err != nil {
		// Windows refuses to replace a program that runs: then somebody else's copy of the same bytes is there.
		if fi, serr := os.Stat(dst); serr == nil && fi.Size() == size {
			return dst, nil
		}
		return "", err
	}
	return dst, nil
}
