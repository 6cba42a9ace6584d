// Package hardware is DLAS's sixth layer: what the machine under the program is and how much of it a program may use.
package hardware

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/cpuid/v2"

	"github.com/godlas/godlas/dlas/ir"
)

// Options describes the choices of this layer.
func Options() []ir.Option {
	return []ir.Option{{
		Name:   "cpu",
		Help:   "Runs on this machine's processor. isa is the highest instruction set that kernels may use, threads the number of worker threads of a program.",
		Source: "the processor's CPUID and the operating system's count of cores, affinity and CPU quota",
		Params: []ir.Param{
			{Key: "isa", Help: isaHelp(), Default: "best", Values: append([]string{"best"}, Probe().ISAs...)},
			{Key: "threads", Help: "worker threads, 1 to the logical processors; all: the physical cores within affinity and CPU quota", Default: "all", Values: []string{"all"}},
		},
	}}
}

// Probe says what this machine is; ISA and Threads are the defaults of cpu(): the highest level, all physical cores.
// It reads the machine once a process.
func Probe() ir.Machine {
	m := probed()
	m.ISAs = slices.Clone(m.ISAs)
	return m
}

var probed = sync.OnceValue(func() ir.Machine {
	c := &cpuid.CPU
	m := ir.Machine{
		Vendor: c.VendorString, CPU: strings.TrimSpace(c.BrandName), Arch: runtime.GOARCH,
		L1D: max(0, c.Cache.L1D), L2: max(0, c.Cache.L2), L3: max(0, c.Cache.L3),
	}
	if m.CPU == "" {
		m.CPU = "unknown " + runtime.GOARCH + " processor"
	}
	m.ISAs = levelsOf(runtime.GOARCH, hasAssembly, func(f ...cpuid.FeatureID) bool { return c.Supports(f...) })
	m.ISA = m.ISAs[len(m.ISAs)-1]
	m.Logical = runtime.NumCPU() // within affinity where the system has it
	m.Cores = m.Logical
	if c.ThreadsPerCore > 1 {
		m.Cores = max(1, m.Logical/c.ThreadsPerCore)
	}
	refine(&m)
	m.Cores = max(1, min(m.Cores, m.Logical))
	m.Threads = m.Cores
	return m
})

// Resolve turns a choice such as cpu(isa=avx2, threads=2) into the machine that a program may use, or says in one line
// why this machine cannot.
func Resolve(c ir.Choice) (ir.Machine, error) {
	m := Probe()
	if c.Name != "cpu" {
		return m, ir.Unknown(ir.Hardware, "hardware", c.Name, []string{"cpu"})
	}
	if len(c.Value) > 0 {
		return m, &ir.Error{Layer: ir.Hardware, What: fmt.Sprintf("cpu takes named arguments only, but got %q", c.Value[0]), Try: "try cpu(threads=" + c.Value[0] + ")"}
	}
	for _, a := range c.Args {
		if a.Op != "=" {
			return m, &ir.Error{Layer: ir.Hardware, What: fmt.Sprintf("cpu: %s%s%s is a bound", a.Key, a.Op, a.Value), Try: fmt.Sprintf("try %s=%s", a.Key, a.Value)}
		}
		var err error
		switch a.Key {
		case "isa":
			m.ISA, err = resolveISA(a.Value, m)
		case "threads":
			m.Threads, err = resolveThreads(a.Value, m)
		default:
			err = ir.Unknown(ir.Hardware, "argument", a.Key, []string{"isa", "threads"})
		}
		if err != nil {
			return m, err
		}
	}
	return m, nil
}

func resolveThreads(v string, m ir.Machine) (int, error) {
	if v == "all" {
		return m.Cores, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > m.Logical {
		return 0, &ir.Error{
			Layer: ir.Hardware, What: fmt.Sprintf("threads=%s is not possible here", v),
			Try: fmt.Sprintf("1 to %d, or all (%d physical cores)", m.Logical, m.Cores),
		}
	}
	return n, nil
}
