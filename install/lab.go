package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/godlas/godlas/notebooks"
)

// LabOptions says how Lab runs; its zero value is what a newcomer gets.
type LabOptions struct {
	NoBrowser bool      // print the address and open nothing
	Port      int       // on 127.0.0.1; 0: 8888 or the next free one
	Dir       string    // the notebooks' folder; empty: godlas in the home folder
	Out       io.Writer // where the steps are shown; nil: nowhere
}

// Lab runs JupyterLab with the godlas kernel until ctx ends or its user shuts it down: it copies the running binary,
// makes or finds the environment, writes the kernelspec, lays out the notebooks and opens the quickstart. Each step
// is shown with the time it took. JupyterLab listens on 127.0.0.1 with a token of its own, keeps its settings apart
// from the user's other Jupyter, and is asked to stop, with its kernels, when ctx ends; then the error is nil.
func Lab(ctx context.Context, o LabOptions) error {
	if o.Out == nil {
		o.Out = io.Discard
	}
	out := o.Out
	if o.Port < 0 || o.Port > 65535 {
		return fmt.Errorf("port %d is not in 0..65535", o.Port)
	}
	if o.Port != 0 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", o.Port))
		if err != nil {
			return fmt.Errorf("port %d on 127.0.0.1 cannot be had; without --port a free one is taken", o.Port)
		}
		l.Close()
	}
	cache, err := CacheDir()
	if err != nil {
		return err
	}
	s := &steps{out: out}

	// A folder that cannot be had is found before anything is downloaded.
	s.begin()
	dir, kept, err := notebookDir(o.Dir)
	if err != nil {
		return err
	}
	s.done("notebooks", dir)
	for _, name := range kept {
		fmt.Fprintf(out, "  %s has changes of yours and is kept as it is\n", name)
	}

	s.begin()
	home := filepath.Join(cache, "jupyter")
	spec, err := withBinary(func(binary string) (string, error) {
		s.done("binary", binary)
		s.begin()
		return WriteKernelspec(filepath.Join(home, "data"), binary)
	})
	if err != nil {
		return err
	}
	s.done("kernelspec", spec)

	s.begin()
	env, err := MakeEnv(ctx, out)
	if err != nil {
		return err
	}
	s.done("JupyterLab", env.Dir)

	s.begin()
	srv, err := startServer(ctx, env, home, dir, o)
	if err != nil {
		explain(out, err)
		return err
	}
	defer srv.close()
	s.done("server", srv.page(notebooks.Quickstart))
	fmt.Fprintln(out, "Ctrl-C stops it.")
	return srv.wait(ctx, out)
}

// notebookDir lays out the notebooks in dir or, where that is empty, in the home folder.
func notebookDir(dir string) (abs string, kept []string, err error) {
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", nil, fmt.Errorf("%w; name a folder for the notebooks with --dir", err)
		}
		dir = filepath.Join(home, "godlas")
	}
	abs, err = filepath.Abs(dir)
	if err != nil {
		return "", nil, err
	}
	if exists(abs) && !isDir(abs) {
		return "", nil, fmt.Errorf("%s is not a folder", abs)
	}
	kept, err = layOut(notebooks.Files, abs)
	return abs, kept, err
}

// steps shows what was done, how long it took and where it is.
type steps struct {
	out   io.Writer
	start time.Time
}

func (s *steps) begin() { s.start = time.Now() }

func (s *steps) done(what, where string) {
	fmt.Fprintf(s.out, "%-11s %5.1f s  %s\n", what, time.Since(s.start).Seconds(), where)
}

// server is a JupyterLab that runs.
type server struct {
	cmd     *exec.Cmd
	runtime string // its own runtime folder: connection files, and the file that says its address
	log     string
	exited  chan struct{} // closed when the process has ended; err is its end
	err     error
	URL     string `json:"url"`
	Token   string `json:"token"`
}

// startServer starts JupyterLab and returns when it answers.
func startServer(ctx context.Context, env *Env, home, dir string, o LabOptions) (_ *server, err error) {
	config := filepath.Join(home, "config")
	if err := os.MkdirAll(config, 0o700); err != nil {
		return nil, err
	}
	rt, err := os.MkdirTemp("", "godlas-lab-")
	if err != nil {
		return nil, err
	}
	s := &server{runtime: rt, log: filepath.Join(rt, "server.log"), exited: make(chan struct{})}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // it holds the token
	if err != nil {
		return nil, err
	}
	defer log.Close()

	args := []string{
		"--ServerApp.ip=127.0.0.1",
		"--ServerApp.root_dir=" + dir,
		"--LabApp.default_url=/lab/tree/" + notebooks.Quickstart,
		"--LabApp.extension_manager=readonly",
		"--Application.log_level=WARN",
	}
	if o.Port != 0 {
		args = append(args, fmt.Sprintf("--ServerApp.port=%d", o.Port), "--ServerApp.port_retries=0")
	}
	if o.NoBrowser || !hasDisplay() {
		args = append(args, "--ServerApp.open_browser=False")
	}
	if isRoot() {
		args = append(args, "--ServerApp.allow_root=True")
	}
	// The server outlives ctx by the moment that its kernels need to stop; wait and close end it.
	s.cmd = env.Command(context.WithoutCancel(ctx), "jupyterlab", args...)
	s.cmd.Env = append(s.cmd.Env,
		"JUPYTER_CONFIG_DIR="+config,
		"JUPYTER_DATA_DIR="+filepath.Join(home, "data"),
		"JUPYTER_RUNTIME_DIR="+rt,
	)
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	return s, s.ready(ctx)
}

// hasDisplay reports whether there is a desktop to open a browser on: Python would else take a text browser, here in
// the terminal.
func hasDisplay() bool {
	return runtime.GOOS == "windows" || runtime.GOOS == "darwin" ||
		os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" || os.Getenv("BROWSER") != ""
}

// ready waits until the server has said its address and answers there.
func (s *server) ready(ctx context.Context) error {
	deadline := time.After(2 * time.Minute)
	for {
		if s.find() && s.request(ctx, http.MethodGet, "api/status") == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.exited:
			return &failure{"JupyterLab ended at once; the last lines of its log are above", s.tail()}
		case <-deadline:
			return &failure{"JupyterLab does not answer; the last lines of its log are above", s.tail()}
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// find reads the server's address and token, which it writes into its runtime folder when it listens.
func (s *server) find() bool {
	files, _ := filepath.Glob(filepath.Join(s.runtime, "jpserver-*.json"))
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && json.Unmarshal(b, s) == nil && s.URL != "" {
			return true
		}
	}
	return false
}

// page returns the address of a notebook, with the token.
func (s *server) page(notebook string) string {
	return strings.TrimSuffix(s.URL, "/") + "/lab/tree/" + notebook + "?token=" + s.Token
}

// request asks the server's API for something and wants no more than success.
func (s *server) request(ctx context.Context, method, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.URL, "/")+"/"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "token "+s.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// wait returns when the server has ended, which it asks for when ctx ends.
func (s *server) wait(ctx context.Context, out io.Writer) error {
	select {
	case <-s.exited:
		if s.err != nil {
			fmt.Fprintln(out, s.tail())
			return fmt.Errorf("JupyterLab ended: %w; the last lines of its log are above", s.err)
		}
		return nil
	case <-ctx.Done():
	}
	start := time.Now()
	if err := s.request(context.WithoutCancel(ctx), http.MethodPost, "api/shutdown"); err == nil {
		select {
		case <-s.exited:
		case <-time.After(20 * time.Second):
		}
	}
	s.close()
	fmt.Fprintf(out, "stopped in %.1f s\n", time.Since(start).Seconds())
	return nil
}

// close ends the server if it still runs and removes what it kept in its runtime folder.
func (s *server) close() {
	if s.cmd != nil && s.cmd.Process != nil {
		select {
		case <-s.exited:
		default:
			s.cmd.Cancel()
			<-s.exited
		}
	}
	os.RemoveAll(s.runtime)
}

// tail returns the last lines of the server's log.
func (s *server) tail() string {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return lastLines(string(b), 12)
}
