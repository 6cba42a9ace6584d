package install

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

//go:generate go run logo/draw.go

//go:embed logo/logo-32x32.png logo/logo-64x64.png logo/logo-svg.svg
var logos embed.FS

// kernelspec is the file kernel.json, as jupyter_client reads it.
type kernelspec struct {
	Argv          []string       `json:"argv"`
	DisplayName   string         `json:"display_name"`
	Language      string         `json:"language"`
	InterruptMode string         `json:"interrupt_mode"`
	Protocol      string         `json:"kernel_protocol_version"`
	Metadata      map[string]any `json:"metadata"`
}

// WriteKernelspec installs a kernelspec that starts binary, an absolute path, below a Jupyter data folder such as
// PREFIX/share/jupyter, and returns the folder that it wrote. One that is there already is replaced file by file,
// kernel.json last, so that Jupyter always finds a whole one.
func WriteKernelspec(data, binary string) (string, error) {
	if !filepath.IsAbs(binary) {
		return "", fmt.Errorf("a kernelspec needs the binary's absolute path, not %s", binary)
	}
	dir := filepath.Join(data, "kernels", Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	entries, err := logos.ReadDir("logo")
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		b, err := logos.ReadFile("logo/" + e.Name())
		if err != nil {
			return "", err
		}
		if err := writeFile(filepath.Join(dir, e.Name()), b, 0o644); err != nil {
			return "", err
		}
	}
	spec, err := json.MarshalIndent(kernelspec{
		Argv:          []string{binary, "kernel", "--connection-file", "{connection_file}"},
		DisplayName:   "Go (godlas)",
		Language:      "go",
		InterruptMode: "message",
		// 5.5 and above announce the handshake by registration file, which this kernel has not.
		Protocol: "5.4",
		Metadata: map[string]any{"debugger": false},
	}, "", "  ")
	if err != nil {
		return "", err
	}
	return dir, writeFile(filepath.Join(dir, "kernel.json"), append(spec, '\n'), 0o644)
}

// Install copies the running binary into the cache and installs a kernelspec for it: below PREFIX/share/jupyter, or
// for the user where prefix is empty. It returns the kernelspec's folder.
func Install(prefix string) (string, error) {
	data, err := dataDir(prefix)
	if err != nil {
		return "", err
	}
	binary, err := Binary()
	if err != nil {
		return "", err
	}
	return WriteKernelspec(data, binary)
}

// Uninstall removes the kernelspec that Install made and returns its folder. A missing one is an fs.ErrNotExist. A
// folder of the name whose kernel.json starts something else is left alone. What lies in the cache stays.
func Uninstall(prefix string) (string, error) {
	data, err := dataDir(prefix)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(data, "kernels", Name)
	b, err := os.ReadFile(filepath.Join(dir, "kernel.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return dir, fmt.Errorf("no kernelspec %s in %s: %w", Name, filepath.Dir(dir), fs.ErrNotExist)
	}
	if err != nil {
		return dir, err
	}
	var spec kernelspec
	if json.Unmarshal(b, &spec) != nil || len(spec.Argv) < 2 || spec.Argv[1] != "kernel" || spec.Language != "go" {
		return dir, fmt.Errorf("the kernelspec in %s is not godlas's; left alone", dir)
	}
	return dir, os.RemoveAll(dir)
}

// dataDir returns the Jupyter data folder below a prefix, or the user's own, as jupyter_core finds it.
func dataDir(prefix string) (string, error) {
	if prefix != "" {
		abs, err := filepath.Abs(prefix)
		return filepath.Join(abs, "share", "jupyter"), err
	}
	if d := os.Getenv("JUPYTER_DATA_DIR"); d != "" {
		return d, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Jupyter"), nil
	case "windows":
		roaming, err := os.UserConfigDir()
		return filepath.Join(roaming, "jupyter"), err
	}
	if x := os.Getenv("XDG_DATA_HOME"); x != "" {
		return filepath.Join(x, "jupyter"), nil
	}
	return filepath.Join(home, ".local", "share", "jupyter"), nil
}
