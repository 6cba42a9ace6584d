//go:build !(amd64 || arm64) || noasm

package hardware

// hasAssembly tells whether this build has kernels in assembly for its processor family.
const hasAssembly = false
