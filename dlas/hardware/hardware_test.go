package hardware

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/cpuid/v2"

	"github.com/godlas/godlas/dlas/ir"
)

func TestProbe(t *testing.T) {
	m := Probe()
	if m.Cores < 1 || m.Logical < m.Cores || m.Threads != m.Cores || m.Arch != runtime.GOARCH || m.CPU == "" {
		t.Errorf("implausible machine: %+v", m)
	}
	if len(m.ISAs) == 0 || m.ISAs[0] != ISAGo || m.ISA != m.ISAs[len(m.ISAs)-1] {
		t.Errorf("ISA %q of %q", m.ISA, m.ISAs)
	}
	m.ISAs[0] = "changed"
	if Probe().ISAs[0] != ISAGo {
		t.Error("a caller can change what Probe returns to others")
	}
}

func TestFingerprint(t *testing.T) {
	e := Fingerprint(Probe())
	if e.Go != runtime.Version() || e.GOMAXPROCS < 1 || e.OS != runtime.GOOS || e.Load < 0 || e.ClockMHz < 0 {
		t.Errorf("implausible environment: %+v", e)
	}
	if runtime.GOOS == "linux" && !strings.HasPrefix(e.Kernel, "Linux ") {
		t.Errorf("kernel %q", e.Kernel)
	}
}

func TestResolve(t *testing.T) {
	probe := Probe()
	arg := func(k, v string) ir.Arg { return ir.Arg{Key: k, Op: "=", Value: v} }
	m, err := Resolve(ir.Choice{Name: "cpu", Args: []ir.Arg{arg("isa", "go"), arg("threads", "1")}})
	if err != nil || m.ISA != "go" || m.Threads != 1 {
		t.Errorf("cpu(isa=go, threads=1): %+v, %v", m, err)
	}
	m, err = Resolve(ir.Choice{Name: "cpu", Args: []ir.Arg{arg("isa", "best"), arg("threads", "all")}})
	if err != nil || m.ISA != probe.ISA || m.Threads != probe.Cores {
		t.Errorf("cpu(isa=best, threads=all): %+v, %v", m, err)
	}
	for _, c := range []struct {
		choice ir.Choice
		want   string
	}{
		{ir.Choice{Name: "gpu"}, `L6 hardware: unknown hardware "gpu"; try cpu`},
		{ir.Choice{Name: "cpu", Value: []string{"2"}}, `L6 hardware: cpu takes named arguments only, but got "2"; try cpu(threads=2)`},
		{ir.Choice{Name: "cpu", Args: []ir.Arg{arg("thread", "2")}}, `L6 hardware: unknown argument "thread"; try threads, isa`},
		{ir.Choice{Name: "cpu", Args: []ir.Arg{{Key: "threads", Op: ">=", Value: "2"}}}, `L6 hardware: cpu: threads>=2 is a bound; try threads=2`},
		{ir.Choice{Name: "cpu", Args: []ir.Arg{arg("threads", "0")}}, "L6 hardware: threads=0 is not possible here; 1 to"},
		{ir.Choice{Name: "cpu", Args: []ir.Arg{arg("threads", "-3")}}, "L6 hardware: threads=-3 is not possible here; 1 to"},
		{ir.Choice{Name: "cpu", Args: []ir.Arg{arg("threads", "two")}}, "L6 hardware: threads=two is not possible here; 1 to"},
		{ir.Choice{Name: "cpu", Args: []ir.Arg{arg("threads", fmt.Sprint(probe.Logical+1))}}, "is not possible here; 1 to"},
		{ir.Choice{Name: "cpu", Args: []ir.Arg{arg("isa", otherArch())}}, " processors; this machine has go"},
		{ir.Choice{Name: "cpu", Args: []ir.Arg{arg("isa", "avx")}}, `L6 hardware: unknown isa "avx"; try`},
	} {
		_, err := Resolve(c.choice)
		var e *ir.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v; want %s", c.choice, err, c.want)
		}
	}
	for _, l := range levels() {
		m, err := Resolve(ir.Choice{Name: "cpu", Args: []ir.Arg{arg("isa", l.name)}})
		if has := slices.Contains(probe.ISAs, l.name); has != (err == nil) || has && m.ISA != l.name {
			t.Errorf("isa=%s where the machine has %v: %q, %v", l.name, probe.ISAs, m.ISA, err)
		}
	}
}

// otherArch is a level of processors that this is not.
func otherArch() string {
	if runtime.GOARCH == "arm64" {
		return ISAAVX2
	}
	return ISANEON
}

// TestLevels compares with what processors have by their makers' manuals.
func TestLevels(t *testing.T) {
	haswell := []cpuid.FeatureID{cpuid.AVX2, cpuid.FMA3, cpuid.F16C}
	skylakeX := append(slices.Clone(haswell), cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL)
	for _, c := range []struct {
		name, arch string
		assembly   bool
		has        []cpuid.FeatureID
		want       string
	}{
		{"Nehalem", "amd64", true, nil, "go"},
		{"Haswell", "amd64", true, haswell, "go avx2"},
		{"Haswell without assembly", "amd64", false, haswell, "go"},
		{"Alder Lake", "amd64", true, append(slices.Clone(haswell), cpuid.AVXVNNI), "go avx2 avxvnni"},
		{"Skylake-X", "amd64", true, skylakeX, "go avx2 avx512"},
		{"Cascade Lake", "amd64", true, append(slices.Clone(skylakeX), cpuid.AVX512VNNI), "go avx2 avx512 avx512vnni"},
		{"Sapphire Rapids", "amd64", true, append(slices.Clone(skylakeX), cpuid.AVX512VNNI, cpuid.AVXVNNI), "go avx2 avxvnni avx512 avx512vnni"},
		{"Neoverse", "arm64", true, nil, "go neon"},
		{"a part of AVX-512", "amd64", true, append(slices.Clone(haswell), cpuid.AVX512F), "go avx2"},
	} {
		got := levelsOf(c.arch, c.assembly, func(want ...cpuid.FeatureID) bool {
			for _, f := range want {
				if !slices.Contains(c.has, f) {
					return false
				}
			}
			return true
		})
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s has %v, not %s", c.name, got, c.want)
		}
	}
}
