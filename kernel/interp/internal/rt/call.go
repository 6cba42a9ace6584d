package rt

import (
	"reflect"
	"unsafe"
)

// Compiled functions whose arguments and results all go in registers are called
// here as the compiler calls them, which takes a tenth of reflect's time. The
// registers of a call are filled from memory, and what comes back is written to
// memory, by lists of parts that are made once.

// Regs are the registers of a call. It must be on the stack: pointers are
// written to it by assembly, without write barriers.
type Regs struct {
	ints   [intRegs]uintptr
	floats [floatRegs]uint64
	ptrs   [intRegs]unsafe.Pointer
	// isPtr has a bit for each integer register that returns a pointer.
	isPtr uintptr
}

// Part says that a part of a value, Off bytes from some address, is in a register.
type Part struct {
	Off uintptr
	reg uint8
	how movement
}

type movement uint8

const (
	move1 movement = iota
	move2
	move4
	move8
	movePointer
	moveFloat4
	moveFloat8
)

// A Sequence gives registers to values, in the order of parameters or results.
type Sequence struct {
	Parts        []Part
	ints, floats int
	ptrs         uintptr
}

// Add gives registers to a value of type t that is off bytes from some address.
// It reports false if the value goes on the stack: such a function cannot be
// called here.
func (s *Sequence) Add(t reflect.Type, off uintptr) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return s.int(off, move1)
	case reflect.Int16, reflect.Uint16:
		return s.int(off, move2)
	case reflect.Int32, reflect.Uint32:
		return s.int(off, move4)
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return s.int(off, move8)
	case reflect.Float32:
		return s.float(off, moveFloat4)
	case reflect.Float64:
		return s.float(off, moveFloat8)
	case reflect.Complex64:
		return s.float(off, moveFloat4) && s.float(off+4, moveFloat4)
	case reflect.Complex128:
		return s.float(off, moveFloat8) && s.float(off+8, moveFloat8)
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func:
		return s.int(off, movePointer)
	case reflect.String:
		return s.int(off, movePointer) && s.int(off+wordSize, move8)
	case reflect.Slice:
		return s.int(off, movePointer) && s.int(off+wordSize, move8) && s.int(off+2*wordSize, move8)
	case reflect.Interface:
		return s.int(off, movePointer) && s.int(off+wordSize, movePointer)
	case reflect.Array:
		return t.Len() == 1 && s.Add(t.Elem(), off)
	case reflect.Struct:
		if t.NumField() == 0 || t.Size() == 0 {
			return false
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Name == "_" || f.Type.Size() == 0 || !s.Add(f.Type, off+f.Offset) {
				return false
			}
		}
		return true
	}
	return false
}

func (s *Sequence) int(off uintptr, how movement) bool {
	if s.ints == intRegs {
		return false
	}
	if how == movePointer {
		s.ptrs |= 1 << s.ints
	}
	s.Parts = append(s.Parts, Part{off, uint8(s.ints), how})
	s.ints++
	return true
}

func (s *Sequence) float(off uintptr, how movement) bool {
	if s.floats == floatRegs {
		return false
	}
	s.Parts = append(s.Parts, Part{off, uint8(s.floats), how})
	s.floats++
	return true
}

// Returns prepares r for results in the registers of s.
func (r *Regs) Returns(s *Sequence) { r.isPtr = s.ptrs }

// Load fills registers from memory at base.
func (r *Regs) Load(base unsafe.Pointer, parts []Part) {
	for i := range parts {
		m := &parts[i]
		p := unsafe.Add(base, m.Off)
		switch m.how {
		case move8, movePointer:
			r.ints[m.reg] = *(*uintptr)(p)
		case moveFloat8:
			r.floats[m.reg] = *(*uint64)(p)
		case move1:
			r.ints[m.reg] = uintptr(*(*uint8)(p))
		case move2:
			r.ints[m.reg] = uintptr(*(*uint16)(p))
		case move4:
			r.ints[m.reg] = uintptr(*(*uint32)(p))
		case moveFloat4:
			r.floats[m.reg] = uint64(*(*uint32)(p))
		}
	}
}

// Store writes registers to memory at base.
func (r *Regs) Store(base unsafe.Pointer, parts []Part) {
	for i := range parts {
		m := &parts[i]
		p := unsafe.Add(base, m.Off)
		switch m.how {
		case movePointer:
			*(*unsafe.Pointer)(p) = r.ptrs[m.reg]
		case move8:
			*(*uintptr)(p) = r.ints[m.reg]
		case moveFloat8:
			*(*uint64)(p) = r.floats[m.reg]
		case move1:
			*(*uint8)(p) = uint8(r.ints[m.reg])
		case move2:
			*(*uint16)(p) = uint16(r.ints[m.reg])
		case move4:
			*(*uint32)(p) = uint32(r.ints[m.reg])
		case moveFloat4:
			*(*uint32)(p) = uint32(r.floats[m.reg])
		}
	}
}

// CanCall reports whether Call works here.
func CanCall() bool { return callKnown }
