package hardware

import (
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"github.com/godlas/godlas/dlas/ir"
)

// ISA levels of kernels, least first. A program that may use one may use those before it too, where the machine has
// them: a processor with AVX-512 need not have AVX-VNNI.
const (
	ISAGo         = "go"         // plain loops in Go; every machine has it
	ISANEON       = "neon"       // arm64: 128-bit vectors
	ISAAVX2       = "avx2"       // amd64: AVX2 with FMA and half-precision conversion, 256-bit vectors
	ISAAVXVNNI    = "avxvnni"    // avx2 with the 8-bit dot products of AVX-VNNI
	ISAAVX512     = "avx512"     // AVX-512 F, BW, DQ and VL, 512-bit vectors
	ISAAVX512VNNI = "avx512vnni" // avx512 with its 8-bit dot products
)

// level is an ISA level: the processors that have it and what it is in words.
type level struct {
	name  string
	arch  string // empty: every one
	needs []cpuid.FeatureID
	words string
}

func levels() []level {
	avx2 := []cpuid.FeatureID{cpuid.AVX2, cpuid.FMA3, cpuid.F16C}
	avx512 := append(slices.Clone(avx2), cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL)
	return []level{
		{name: ISAGo, words: "plain loops in Go"},
		{name: ISANEON, arch: "arm64", words: "128-bit vectors of arm64"},
		{name: ISAAVX2, arch: "amd64", needs: avx2, words: "AVX2 with FMA, 256-bit vectors"},
		{name: ISAAVXVNNI, arch: "amd64", needs: append(slices.Clone(avx2), cpuid.AVXVNNI), words: "avx2 and the 8-bit dot products of AVX-VNNI"},
		{name: ISAAVX512, arch: "amd64", needs: avx512, words: "AVX-512 (F, BW, DQ, VL), 512-bit vectors"},
		{name: ISAAVX512VNNI, arch: "amd64", needs: append(slices.Clone(avx512), cpuid.AVX512VNNI), words: "avx512 and its 8-bit dot products (VNNI)"},
	}
}

// levelsOf are the names of the levels that a processor of that family has, least first.
func levelsOf(arch string, assembly bool, has func(...cpuid.FeatureID) bool) []string {
	var names []string
	for _, l := range levels() {
		if l.arch == "" || assembly && l.arch == arch && has(l.needs...) {
			names = append(names, l.name)
		}
	}
	return names
}

// isaHelp is the paragraph on isa=.
func isaHelp() string {
	var words []string
	for _, l := range levels() {
		words = append(words, l.name+": "+l.words)
	}
	return "the highest instruction set that kernels may use. " + strings.Join(words, "; ") + "; best: the highest that this machine has"
}

func resolveISA(v string, m ir.Machine) (string, error) {
	if v == "best" {
		return m.ISAs[len(m.ISAs)-1], nil
	}
	if slices.Contains(m.ISAs, v) {
		return v, nil
	}
	there := "this machine has " + strings.Join(m.ISAs, ", ")
	var names []string
	for _, l := range levels() {
		names = append(names, l.name)
		if l.name != v {
			continue
		}
		switch {
		case l.arch != runtime.GOARCH:
			return "", &ir.Error{Layer: ir.Hardware, What: "isa=" + v + " is of " + l.arch + " processors", Try: there}
		case !hasAssembly:
			return "", &ir.Error{Layer: ir.Hardware, What: "isa=" + v + " is not in this build, which has no assembly", Try: there}
		}
		return "", &ir.Error{Layer: ir.Hardware, What: "this machine has no " + v + " (" + l.words + ")", Try: there}
	}
	return "", ir.Unknown(ir.Hardware, "isa", v, append([]string{"best"}, names...))
}
