//go:build !noasm

package asm

func winoInVector(l ISA, m int, a *WinoMap) {
	switch {
	case l == AVX512 && m == 4:
		wino4in512(a)
	case l == AVX512:
		wino2in512(a)
	case m == 4:
		wino4in256(a)
	default:
		wino2in256(a)
	}
}

func winoOutVector(l ISA, m int, a *WinoMap) {
	switch {
	case l == AVX512 && m == 4:
		wino4out512(a)
	case l == AVX512:
		wino2out512(a)
	case m == 4:
		wino4out256(a)
	default:
		wino2out256(a)
	}
}

func winoColumnsVector(l ISA, a *WinoColumns) {
	if l == AVX512 {
		winocolumns512(a)
	} else {
		winocolumns256(a)
	}
}

func winoMulVector(l ISA, rows, width int, a *WinoMul) {
	switch {
	case l == AVX2:
		switch rows {
		case 1:
			winomul1x16y(a)
		case 2:
			winomul2x16y(a)
		case 3:
			winomul3x16y(a)
		case 4:
			winomul4x16y(a)
		case 5:
			winomul5x16y(a)
		case 6:
			winomul6x16y(a)
		}
	case width == 16:
		switch rows {
		case 1:
			winomul1x16(a)
		case 2:
			winomul2x16(a)
		case 3:
			winomul3x16(a)
		case 4:
			winomul4x16(a)
		case 5:
			winomul5x16(a)
		case 6:
			winomul6x16(a)
		case 7:
			winomul7x16(a)
		case 8:
			winomul8x16(a)
		case 9:
			winomul9x16(a)
		case 10:
			winomul10x16(a)
		case 11:
			winomul11x16(a)
		case 12:
			winomul12x16(a)
		case 13:
			winomul13x16(a)
		case 14:
			winomul14x16(a)
		}
	default:
		switch rows {
		case 1:
			winomul1x32(a)
		case 2:
			winomul2x32(a)
		case 3:
			winomul3x32(a)
		case 4:
			winomul4x32(a)
		case 5:
			winomul5x32(a)
		case 6:
			winomul6x32(a)
		case 7:
			winomul7x32(a)
		case 8:
			winomul8x32(a)
		case 9:
			winomul9x32(a)
		case 10:
			winomul10x32(a)
		case 11:
			winomul11x32(a)
		case 12:
			winomul12x32(a)
		case 13:
			winomul13x32(a)
		case 14:
			winomul14x32(a)
		}
	}
}
