package rt

import "unsafe"

const stubSize = 20

// stubsKnown reads the code of some stubs, to see that the assembler made them
// as long as we count: ADRP, ADD, two loads and a jump.
func stubsKnown() bool {
	for _, i := range []int{0, 1, stubs / 2, stubs - 1} {
		c := (*[5]uint32)(stubAddress(i))
		page := uintptr(unsafe.Pointer(c)) &^ 0xfff
		imm := int64(uint64(c[0]>>5&0x7ffff)<<45)>>43 | int64(c[0]>>29&3)
		target := page + uintptr(imm<<12) + uintptr(c[1]>>10&0xfff)
		if c[0]&0x9f00001f != 0x90000013 || c[1]&0xffc003ff != 0x91000273 || target != uintptr(unsafe.Pointer(&contexts[i])) ||
			c[2] != 0xf940027a || c[3] != 0xf9400354 || c[4] != 0xd61f0280 {
			return false
		}
	}
	return true
}

// loads returns the variables that the code at p loads first, if they are words.
func loads(p unsafe.Pointer) (vars []*unsafe.Pointer) {
	for i := range 64 {
		c := (*[2]uint32)(unsafe.Add(p, 4*i))
		if c[0]&0x9f000000 != 0x90000000 || c[1]&0xffc00000 != 0xf9400000 || c[0]&31 != c[1]>>5&31 { // ADRP, load
			continue
		}
		imm := int64(uint64(c[0]>>5&0x7ffff)<<45)>>43 | int64(c[0]>>29&3)
		page := uintptr(unsafe.Pointer(c)) &^ 0xfff
		vars = append(vars, variable(page+uintptr(imm<<12)+uintptr(c[1]>>10&0xfff)*8))
	}
	return vars
}
