package hardware

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/godlas/godlas/dlas/ir"
)

// refine adds what Linux tells under /sys and /proc; whatever cannot be read stays as it is.
func refine(m *ir.Machine) {
	cpus := allowedCPUs()
	if len(cpus) == 0 {
		return
	}
	m.Logical = len(cpus)
	if n := physicalCores("/sys/devices/system/cpu", cpus); n > 0 {
		m.Cores = n
	}
	if q := cpuQuota("/sys/fs/cgroup", readFile("/proc/self/cgroup")); q > 0 {
		m.Cores = min(m.Cores, q)
	}
	l1d, l2, l3 := caches("/sys/devices/system/cpu", cpus[0])
	m.L1D, m.L2, m.L3 = either(l1d, m.L1D), either(l2, m.L2), either(l3, m.L3)
	m.Governor = readFile(cpuFile("/sys/devices/system/cpu", cpus[0], "cpufreq/scaling_governor"))
	if strings.HasPrefix(m.CPU, "unknown ") {
		if name := cpuinfo("model name"); name != "" {
			m.CPU = name
		}
	}
}

func either(a, b int) int {
	if a > 0 {
		return a
	}
	return b
}

// allowedCPUs are the numbers of the logical processors that this process may run on.
func allowedCPUs() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var cpus []int
	for i := range 8 * len(set) * 8 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus
}

// physicalCores counts the distinct cores behind the logical processors; 0 where the system does not tell.
func physicalCores(root string, cpus []int) int {
	cores := map[string]bool{}
	for _, c := range cpus {
		core := readFile(cpuFile(root, c, "topology/core_id"))
		if core == "" {
			return 0
		}
		cores[readFile(cpuFile(root, c, "topology/physical_package_id"))+":"+core] = true
	}
	return len(cores)
}

func cpuFile(root string, cpu int, name string) string {
	return filepath.Join(root, "cpu"+strconv.Itoa(cpu), name)
}

// cpuQuota is the number of processors' worth of time that control groups (version 2 or 1) leave this process, rounded
// up; 0 where there is no limit. Every ancestor's limit holds too.
func cpuQuota(root, membership string) int {
	least := 0
	note := func(quota, period string) {
		q, errQ := strconv.ParseFloat(quota, 64)
		p, errP := strconv.ParseFloat(period, 64)
		if errQ != nil || errP != nil || q <= 0 || p <= 0 {
			return
		}
		n := max(1, int((q+p-1)/p))
		if least == 0 || n < least {
			least = n
		}
	}
	for line := range strings.Lines(membership) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		// filepath.Clean of a rooted path cannot leave the root, whatever the kernel's text says.
		group := filepath.Clean("/" + parts[2])
		for {
			switch {
			case parts[1] == "":
				if f := strings.Fields(readFile(filepath.Join(root, group, "cpu.max"))); len(f) == 2 {
					note(f[0], f[1])
				}
			case hasController(parts[1], "cpu"):
				dir := filepath.Join(root, parts[1], group)
				note(readFile(filepath.Join(dir, "cpu.cfs_quota_us")), readFile(filepath.Join(dir, "cpu.cfs_period_us")))
			}
			if group == "/" {
				break
			}
			group = filepath.Dir(group)
		}
	}
	return least
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// caches are the data or unified caches that a processor sees, in bytes; 0 for a level that the system does not tell.
func caches(root string, cpu int) (l1d, l2, l3 int) {
	for i := range 8 {
		dir := cpuFile(root, cpu, "cache/index"+strconv.Itoa(i))
		if readFile(filepath.Join(dir, "type")) == "Instruction" {
			continue
		}
		size := parseSize(readFile(filepath.Join(dir, "size")))
		switch readFile(filepath.Join(dir, "level")) {
		case "1":
			l1d = size
		case "2":
			l2 = size
		case "3":
			l3 = size
		}
	}
	return l1d, l2, l3
}

func parseSize(s string) int {
	unit := 1
	switch {
	case strings.HasSuffix(s, "K"):
		unit = 1 << 10
	case strings.HasSuffix(s, "M"):
		unit = 1 << 20
	}
	n, err := strconv.Atoi(strings.TrimRight(s, "KM"))
	if err != nil {
		return 0
	}
	return n * unit
}

// now reads what changes from one moment to the next.
func now(e *Environment) {
	if cpus := allowedCPUs(); len(cpus) > 0 {
		if khz, err := strconv.ParseFloat(readFile(cpuFile("/sys/devices/system/cpu", cpus[0], "cpufreq/scaling_cur_freq")), 64); err == nil {
			e.ClockMHz = khz / 1000
		}
	}
	if e.ClockMHz == 0 {
		e.ClockMHz, _ = strconv.ParseFloat(cpuinfo("cpu MHz"), 64)
	}
	if f := strings.Fields(readFile("/proc/loadavg")); len(f) > 0 {
		e.Load, _ = strconv.ParseFloat(f[0], 64)
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		e.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
}

// cpuinfo is the first value of a key in /proc/cpuinfo.
func cpuinfo(key string) string {
	for line := range strings.Lines(readFile("/proc/cpuinfo")) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func readFile(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
