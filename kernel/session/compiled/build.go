package compiled

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/godlas/godlas/kernel/internal/lazy"
	"github.com/godlas/godlas/kernel/internal/modules"
	"github.com/godlas/godlas/kernel/interp"
	"github.com/godlas/godlas/kernel/session/magic"
)

// folder is the name of the package in whose place the program of a cell stands: a folder of the notebook's that does not
// exist. Being there it may import what the notebook's module has, internal packages included.
const folder = "dlas_cell"

// builder makes programs for the notebook of a folder.
type builder struct {
	dir     string // of the notebook
	cache   cache
	mu      sync.Mutex
	version string // of the go command, once it is known
}

// target is what is built.
type target struct {
	program
	test    bool
	flags   []string  // for go build
	running string    // name of the cell that is built
	notes   io.Writer // what the go command says of a program that it has built
}

// build returns the path of the built program.
func (b *builder) build(ctx context.Context, t target) (string, error) {
	if err := b.ready(ctx); err != nil {
		return "", err
	}
	m, err := b.module(t.imports)
	if err != nil {
		return "", err
	}
	key := b.key(t, m)
	if m.fixed {
		if bin, ok := b.cache.find(key); ok {
			return bin, nil
		}
	}
	src, err := os.MkdirTemp(b.cache.dir, buildPrefix())
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(src)
	pkg := "./" + folder
	var overlay map[string]map[string]string
	if slices.ContainsFunc(t.flags, func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "cover") }) {
		// the tool that counts what is covered reads files where they seem to be: they are in a module of their own then
		if err := m.move(src); err != nil {
			return "", err
		}
		pkg = "."
	} else {
		overlay = map[string]map[string]string{"Replace": {}}
	}
	for name, text := range map[string]string{"main.go": t.main, "main_test.go": t.testText()} {
		if text == "" {
			continue
		}
		p := filepath.Join(src, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			return "", err
		}
		if overlay != nil {
			overlay["Replace"][filepath.Join(m.dir, folder, name)] = p
		}
	}
	args := []string{"build"}
	if t.test {
		args = []string{"test", "-c", "-vet=off"}
	}
	args = append(args, "-trimpath", "-buildvcs=false")
	if !slices.ContainsFunc(t.flags, func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "ldflags") }) {
		args = append(args, "-ldflags=-s -w") // what only a debugger reads takes a third of the time
	}
	if m.alternative != "" {
		if args = append(args, "-mod=mod"); overlay != nil {
			args = append(args, "-modfile="+m.alternative)
		}
		defer os.Remove(m.alternative)
		defer os.Remove(strings.TrimSuffix(m.alternative, ".mod") + ".sum")
	}
	out := filepath.Join(src, "program"+exe())
	args = append(args, t.flags...)
	if overlay != nil {
		o, err := json.Marshal(overlay)
		if err != nil {
			return "", err
		}
		list := filepath.Join(src, "overlay.json")
		if err := os.WriteFile(list, o, 0o600); err != nil {
			return "", err
		}
		args = append(args, "-overlay="+list)
	}
	args = append(args, "-o="+out, pkg)
	cmd, err := modules.Workspace{Dir: m.dir}.BuildCommand(ctx, args...)
	if err != nil {
		return "", err
	}
	cmd.Env = append(cmd.Env, "GOTMPDIR="+src) // killed with the session, it leaves its files where the next one removes them
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = magic.RunCommand(cmd, nil)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return "", explainBuild(said.String(), t.running)
	case err != nil:
		return "", fmt.Errorf("go build: %w", err)
	}
	if _, err := os.Stat(out); err != nil {
		return "", fmt.Errorf("go %s made no program: %s", args[0], strings.TrimSpace(said.String()))
	}
	_, _ = t.notes.Write(said.Bytes()) // of -gcflags=-m, say
	return b.cache.put(key, out)
}

// ready finds the go command and makes the folder for programs, the first time.
func (b *builder) ready(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := exec.LookPath("go"); err != nil || b.version == "" {
		v, err := modules.Version(ctx)
		if err != nil {
			return err
		}
		b.version = v
	}
	return b.cache.open()
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

func (t target) testText() string {
	if !t.test {
		return ""
	}
	return t.program.test
}

// module is where a program is built.
type module struct {
	dir         string // the go command's
	alternative string // a go.mod to use in place of the one there
	sum         []byte // of what of it has a say in the program
	fixed       bool   // nothing but the text has: no folder of sources that can change
}

// standinPath is that of GoNB's module, of which this kernel has a part of its own: the package gonbui over the same pipe.
const standinPath = "github.com/janpfeifer/gonb"

// module finds the module of the notebook, or makes one where there is none.
func (b *builder) module(imports []string) (*module, error) {
	for _, p := range imports {
		if why := Refused(p); why != "" {
			return nil, errors.New(why)
		}
		if p == "C" {
			return nil, errors.New(`import "C": programs of cells are built without C (CGO_ENABLED=0)`)
		}
	}
	needsStandin := slices.ContainsFunc(imports, func(p string) bool { return p == standinPath || strings.HasPrefix(p, standinPath+"/") })
	w := modules.Workspace{Dir: b.dir}
	f := w.File()
	m := &module{fixed: true}
	if f == nil {
		m.dir = b.cache.module()
		return m, b.cache.makeModule(goLine(b.version))
	}
	m.dir = b.dir
	text, err := os.ReadFile(f.Path)
	if err != nil {
		return nil, err
	}
	sums, _ := os.ReadFile(strings.TrimSuffix(f.Path, ".mod") + ".sum")
	h := sha256.New()
	h.Write(text)
	h.Write(sums)
	m.sum = h.Sum(nil)
	for _, p := range imports {
		if f.Module != "" && (p == f.Module || strings.HasPrefix(p, f.Module+"/")) {
			m.fixed = false
		}
	}
	if localReplace().Match(text) || os.Getenv("GOWORK") != "" {
		m.fixed = false
	}
	if _, has := f.Requirement(standinPath); needsStandin && !has && f.Module != standinPath {
		standin, err := b.cache.standin(goLine(b.version))
		if err != nil {
			return nil, err
		}
		alternative, err := os.CreateTemp(b.cache.dir, "go-*.mod")
		if err != nil {
			return nil, err
		}
		defer alternative.Close()
		m.alternative = alternative.Name()
		fmt.Fprintf(alternative, "%s\n\nrequire %s v0.0.0\n\nreplace %s => %s\n", text, standinPath, standinPath, strconv.Quote(standin))
		if err := os.WriteFile(strings.TrimSuffix(m.alternative, ".mod")+".sum", sums, 0o600); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// move makes a module like m in another folder, which has all that m's go.mod names but not m's own packages.
func (m *module) move(dir string) error {
	from := filepath.Join(m.dir, "go.mod")
	if m.alternative != "" {
		from = m.alternative
	} else if p := (modules.Workspace{Dir: m.dir}).ModFile(); p != "" {
		from = p
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	root := filepath.Dir((modules.Workspace{Dir: m.dir}).ModFile())
	text = relativeReplace().ReplaceAllFunc(text, func(b []byte) []byte {
		at := bytes.LastIndexAny(b, " \t>") + 1
		return append(b[:at:at], strconv.Quote(filepath.Join(root, string(b[at:])))...)
	})
	sums, _ := os.ReadFile(strings.TrimSuffix(from, ".mod") + ".sum")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), text, 0o600); err != nil {
		return err
	}
	m.dir = dir
	return os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600)
}

var relativeReplace = lazy.Regexp(`=>\s*\.\.?/[^\s"]*`)

// localReplace is a replacement by a folder.
var localReplace = lazy.Regexp(`=>\s*"?(\.{0,2}/|[A-Za-z]:\\)`)

// goLine is the version for a go.mod: of go1.26.8, 1.26.
func goLine(version string) string {
	if m := release().FindStringSubmatch(version); m != nil {
		return m[1]
	}
	return "1.23" // a development version has all that a cell may use
}

var release = lazy.Regexp(`^go(\d+\.\d+)`)

// key names a program by all that has a say in it.
func (b *builder) key(t target, m *module) string {
	h := sha256.New()
	for _, s := range append([]string{"1", b.version, runtime.GOOS, runtime.GOARCH, os.Getenv("GOAMD64"), os.Getenv("GOEXPERIMENT"), strconv.FormatBool(t.test), t.main, t.program.test, m.dir}, t.flags...) {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	h.Write(m.sum)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

var (
	said     = lazy.Regexp(`^(?:.*[/\\])?(cell\[[^\]]*\]|main(?:_test)?\.go):(\d+)(?::(\d+))?: (.*)$`)
	noModule = lazy.Regexp(`(?:no required module provides package|cannot find module providing package|package) ([^\s;:]+)`)
)

// explainBuild makes of what go build says errors of the cells.
func explainBuild(text, running string) error {
	e := &interp.CompileError{}
	var rest []string
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		m := said().FindStringSubmatch(l)
		switch {
		case m != nil:
			d := interp.Diagnostic{Cell: m[1], Msg: message(m[4])}
			d.Line, _ = strconv.Atoi(m[2])
			d.Col, _ = strconv.Atoi(m[3])
			if strings.HasSuffix(d.Cell, ".go") { // what this package wrote, at no place of a cell's
				d.Cell, d.Line, d.Col = running, 1, 1
			}
			d.Col = max(d.Col, 1)
			e.Diags = append(e.Diags, d)
		case strings.HasPrefix(l, "#") || strings.TrimSpace(l) == "" || strings.HasPrefix(l, "\tgo get "):
		case strings.HasPrefix(l, "\t") && len(e.Diags) > 0: // goes on
			e.Diags[len(e.Diags)-1].Msg += " " + strings.TrimSpace(l)
		case strings.HasSuffix(l, "too many errors"):
		default:
			rest = append(rest, l)
		}
	}
	if len(e.Diags) > 0 {
		return e
	}
	msg := strings.Join(rest, "\n")
	if m := noModule().FindStringSubmatch(msg); m != nil {
		return modules.Explain(m[1], msg)
	}
	return fmt.Errorf("go build: %s", strings.TrimSpace(msg))
}

// ofSession is why a program does not have a package that cells have.
const ofSession = " is of the session, where interpreted cells run: a program shows things by " + standinPath + "/gonbui"

// message is an error of the compiler or of the go command in the words of the interpreter's.
func message(msg string) string {
	if name, ok := strings.CutPrefix(msg, "undefined: "); ok && slices.Contains([]string{"display", "dlas", "plotting", "widget"}, name) {
		return msg + "; package " + name + ofSession
	}
	if strings.Contains(msg, "no required module provides package") || strings.Contains(msg, "missing go.sum entry") ||
		strings.Contains(msg, "cannot find module") || strings.Contains(msg, "module lookup disabled") {
		if m := noModule().FindStringSubmatch(msg); m != nil {
			if strings.HasPrefix(m[1], "github.com/godlas/godlas/") {
				return "package " + m[1] + ofSession
			}
			return modules.Explain(m[1], msg).Error()
		}
	}
	if p, rest, ok := strings.Cut(msg, " is not in std"); ok {
		return p + " is not in the standard library" + strings.SplitN(rest, " (", 2)[0]
	}
	return msg
}
