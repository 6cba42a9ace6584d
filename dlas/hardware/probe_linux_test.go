package hardware

import (
	"os"
	"path/filepath"
	"testing"
)

// tree writes files below a fresh folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCPUQuota(t *testing.T) {
	v2 := tree(t, map[string]string{"cpu.max": "max 100000", "a/cpu.max": "150000 100000", "a/b/cpu.max": "400000 100000"})
	v1 := tree(t, map[string]string{
		"cpu,cpuacct/x/cpu.cfs_quota_us": "300000", "cpu,cpuacct/x/cpu.cfs_period_us": "100000",
		"cpu,cpuacct/cpu.cfs_quota_us": "-1", "cpu,cpuacct/cpu.cfs_period_us": "100000",
	})
	for _, c := range []struct {
		root, membership string
		want             int
	}{
		{v2, "0::/", 0},
		{v2, "0::/a/b", 2}, // the parent's 1.5, rounded up
		{v2, "0::/../../a", 2},
		{v2, "0::/not/there", 0},
		{v1, "4:memory:/m\n1:cpu,cpuacct:/x", 3},
		{v1, "1:cpu,cpuacct:/y", 0},
		{v1, "nonsense", 0},
	} {
		if got := cpuQuota(c.root, c.membership); got != c.want {
			t.Errorf("quota of %q is %d, want %d", c.membership, got, c.want)
		}
	}
}

func TestTopology(t *testing.T) {
	root := tree(t, map[string]string{
		"cpu0/topology/core_id": "0", "cpu0/topology/physical_package_id": "0",
		"cpu1/topology/core_id": "0", "cpu1/topology/physical_package_id": "0",
		"cpu2/topology/core_id": "0", "cpu2/topology/physical_package_id": "1",
		"cpu0/cache/index0/level": "1", "cpu0/cache/index0/type": "Data", "cpu0/cache/index0/size": "48K",
		"cpu0/cache/index1/level": "1", "cpu0/cache/index1/type": "Instruction", "cpu0/cache/index1/size": "32K",
		"cpu0/cache/index2/level": "2", "cpu0/cache/index2/type": "Unified", "cpu0/cache/index2/size": "2M",
		"cpu0/cache/index3/level": "3", "cpu0/cache/index3/type": "Unified", "cpu0/cache/index3/size": "oops",
	})
	for _, c := range []struct {
		cpus []int
		want int
	}{{[]int{0, 1}, 1}, {[]int{0, 1, 2}, 2}, {[]int{2}, 1}, {[]int{0, 7}, 0}} {
		if got := physicalCores(root, c.cpus); got != c.want {
			t.Errorf("cores of %v: %d, want %d", c.cpus, got, c.want)
		}
	}
	if a, b, c := caches(root, 0); a != 48<<10 || b != 2<<20 || c != 0 {
		t.Errorf("caches %d %d %d", a, b, c)
	}
}
