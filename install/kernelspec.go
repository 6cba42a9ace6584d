package install

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:generate go run logo/draw.go

//go:embed logo/logo-32x32.png logo/logo-64x64.png logo/logo-svg.svg
var logos embed.FS

// Kernelspec says what kernel.json is to hold. Its zero value is what `dlas install` writes when nothing is said.
type Kernelspec struct {
	Name        string            // of its folder, what notebooks and `jupyter kernelspec list` call it; "" is godlas
	DisplayName string            // what people read; "" is Go (godlas)
	Env         map[string]string // for the kernel's process; Jupyter replaces ${NAME} in a value by what it has itself
	Args        []string          // of `dlas kernel`, before the connection file
}

// kernelspec is the file kernel.json, as jupyter_client reads it.
type kernelspec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"`
	Protocol      string            `json:"kernel_protocol_version"`
	Env           map[string]string `json:"env,omitempty"`
	Metadata      map[string]any    `json:"metadata"`
}

// ours reports whether it starts a dlas binary as a kernel, whatever it is called.
func (k kernelspec) ours() bool {
	if len(k.Argv) < 2 || k.Argv[1] != "kernel" || k.Language != "go" {
		return false
	}
	_, marked := k.Metadata[Name]
	program := k.Argv[0][strings.LastIndexAny(k.Argv[0], `/\`)+1:]
	return marked || strings.TrimSuffix(program, ".exe") == "dlas"
}

// readKernelspec reads kernel.json of a kernelspec's folder.
func readKernelspec(dir string) (kernelspec, error) {
	path := filepath.Join(dir, "kernel.json")
	if fi, err := os.Stat(path); err == nil && fi.Size() > 1<<20 {
		return kernelspec{}, fmt.Errorf("%s has %d bytes, which no kernelspec has", path, fi.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return kernelspec{}, err
	}
	var k kernelspec
	if err := json.Unmarshal(b, &k); err != nil {
		return kernelspec{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// checkName returns a kernelspec's name as Jupyter looks it up, "" standing for godlas.
func checkName(name string) (string, error) {
	if name == "" {
		return Name, nil
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r) {
			return "", fmt.Errorf("%q is no name for a kernelspec: it may have letters, digits, full stops, hyphens and underscores", name)
		}
	}
	if strings.Trim(name, ".") == "" || len(name) > 200 {
		return "", fmt.Errorf("%q is no name for a kernelspec", name)
	}
	return strings.ToLower(name), nil
}

// WriteKernelspec writes the kernelspec that starts binary, with nothing special, below a Jupyter data folder.
func WriteKernelspec(data, binary string) (string, error) { return Kernelspec{}.Write(data, binary) }

// Write installs the kernelspec that starts binary, an absolute path, below a Jupyter data folder such as
// PREFIX/share/jupyter, and returns the folder that it wrote. It appears whole; one of ours that is there already is
// replaced file by file, kernel.json last, so that Jupyter always finds a whole one. One of somebody else is an error.
func (k Kernelspec) Write(data, binary string) (string, error) {
	if !filepath.IsAbs(binary) {
		return "", fmt.Errorf("a kernelspec needs the binary's absolute path, not %s", binary)
	}
	name, err := checkName(k.Name)
	if err != nil {
		return "", err
	}
	for key := range k.Env {
		if key == "" || strings.ContainsAny(key, "=\x00") {
			return "", fmt.Errorf("%q is no name of an environment variable", key)
		}
	}
	display := k.DisplayName
	if display == "" {
		display = "Go (godlas)"
	}
	spec, err := json.MarshalIndent(kernelspec{
		Argv:          append(append([]string{binary, "kernel"}, k.Args...), "--connection-file", "{connection_file}"),
		DisplayName:   display,
		Language:      "go",
		InterruptMode: "message",
		// 5.6 and above announce the handshake by registration file, which this kernel has not.
		Protocol: "5.5",
		Env:      k.Env,
		Metadata: map[string]any{"debugger": true, "supported_encryption": []string{"curve"}, Name: map[string]any{}},
	}, "", "  ")
	if err != nil {
		return "", err
	}

	dir := filepath.Join(data, "kernels", name)
	switch old, err := readKernelspec(dir); {
	case err == nil && !old.ours():
		return "", fmt.Errorf("the kernelspec %s in %s is another kernel's; choose another --name", name, dir)
	case err == nil:
		return dir, writeSpec(dir, spec)
	case isDir(dir): // its kernel.json is missing or damaged
		return dir, writeSpec(dir, spec)
	}
	if exists(dir) {
		return "", fmt.Errorf("%s is a file, where the folder of the kernelspec belongs; remove it", dir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	// Beside kernels, not in it: Jupyter lists every folder there.
	tmp, err := os.MkdirTemp(data, ".kernelspec-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	if err := writeSpec(tmp, spec); err != nil {
		return "", err
	}
	if err := renameRetry(tmp, dir); err != nil && isDir(dir) { // another process was faster
		return dir, writeSpec(dir, spec)
	} else if err != nil {
		return "", err
	}
	return dir, nil
}

// quartoCells are the cells that Quarto 1.5 and newer reads from a kernelspec's folder and runs before and after a
// document. That there is one to clean up tells it to keep the kernel for the next rendering, which then starts afresh.
// See quarto.org/docs/advanced/jupyter/kernel-execution.html.
var quartoCells = map[string]string{
	"quarto_setup_cell":   "// Quarto runs this cell before those of a document.\n",
	"quarto_cleanup_cell": "%reset\n",
}

// writeSpec puts the files of a kernelspec into a folder.
func writeSpec(dir string, spec []byte) error {
	entries, err := logos.ReadDir("logo")
	if err != nil {
		return err
	}
	for _, e := range entries {
		b, err := logos.ReadFile("logo/" + e.Name())
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(dir, e.Name()), b, 0o644); err != nil {
			return err
		}
	}
	for name, text := range quartoCells {
		if err := writeFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return writeFile(filepath.Join(dir, "kernel.json"), append(spec, '\n'), 0o644)
}

// Install copies the running binary into the cache and installs a kernelspec for it in a place of Jupyter's. Copies
// that nothing uses any more are removed, but for the newest few. It returns the kernelspec's folder.
func Install(place Place, k Kernelspec) (string, error) {
	data, err := place.data()
	if err != nil {
		return "", err
	}
	return withBinary(func(binary string) (string, error) { return k.Write(data, binary) })
}

// Uninstall removes the kernelspec that Install made and returns its folder; name "" is godlas. A missing one is an
// fs.ErrNotExist. A folder of the name whose kernel.json starts something else is left alone. Of the cache, only
// copies of the binary that nothing uses any more go.
func Uninstall(place Place, name string) (string, error) {
	data, err := place.data()
	if err != nil {
		return "", err
	}
	if name, err = checkName(name); err != nil {
		return "", err
	}
	dir := filepath.Join(data, "kernels", name)
	spec, err := readKernelspec(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return dir, &missing{fmt.Sprintf("no kernelspec %s in %s", name, filepath.Dir(dir))}
	}
	if err != nil {
		return dir, fmt.Errorf("%w; left alone", err)
	}
	if !spec.ours() {
		return dir, fmt.Errorf("the kernelspec in %s is not godlas's; left alone", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return dir, err
	}
	return dir, forget(dir)
}

// missing is an fs.ErrNotExist in words of our own.
type missing struct{ what string }

func (m *missing) Error() string { return m.what }
func (m *missing) Unwrap() error { return fs.ErrNotExist }
