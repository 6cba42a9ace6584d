package installtest

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The hosts must run beside the very JupyterLab that users get.
func TestHostsLock(t *testing.T) {
	lab, err := os.ReadFile("../lock/lab.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lab)) {
		if strings.Contains(line, "==") && !bytes.Contains(hostsLock, []byte("\n"+line)) && !bytes.HasPrefix(hostsLock, []byte(line)) {
			t.Errorf("hosts.txt has not lab.txt's %s", strings.TrimSpace(line))
		}
	}
	if bytes.Contains(hostsLock, []byte("://")) {
		t.Error("an address is in the lock file")
	}
}

func TestHosts(t *testing.T) {
	cmd := Hosts(t).Command(t.Context(), "jupyter_console", "--version")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(hostsLock, []byte("jupyter-console=="+strings.TrimSpace(string(out)))) {
		t.Errorf("%v: %s", err, out)
	}
}
