package rt

import "unsafe"

const stubSize = 13

// stubsKnown reads the code of some stubs, to see that the assembler made them
// as long as we count.
func stubsKnown() bool {
	for _, i := range []int{0, 1, stubs / 2, stubs - 1} {
		c := (*[stubSize]byte)(stubAddress(i))
		target := stubBase() + uintptr(i)*stubSize + 7 + uintptr(int32(uint32(c[3])|uint32(c[4])<<8|uint32(c[5])<<16|uint32(c[6])<<24))
		if c[0] != 0x48 || c[1] != 0x8b || c[2] != 0x15 || target != uintptr(unsafe.Pointer(&contexts[i])) ||
			[6]byte(c[7:]) != [6]byte{0x4c, 0x8b, 0x22, 0x41, 0xff, 0xe4} {
			return false
		}
	}
	return true
}

// loads returns the variables that the code at p loads first, if they are words.
func loads(p unsafe.Pointer) (vars []*unsafe.Pointer) {
	for i := range uintptr(256) {
		c := (*[7]byte)(unsafe.Add(p, i))
		if c[0] == 0x48 && c[1] == 0x8b && c[2]&0xc7 == 0x05 { // MOVQ var(SB), reg
			rel := int32(uint32(c[3]) | uint32(c[4])<<8 | uint32(c[5])<<16 | uint32(c[6])<<24)
			vars = append(vars, variable(uintptr(p)+i+7+uintptr(rel)))
		}
	}
	return vars
}
