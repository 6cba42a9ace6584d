// Command neon writes the NEON loops of package asm: the tile of dense products and the depthwise window. avo knows no
// arm64, and Go's assembler no multiplication by an element, so this program writes text and encodes those instructions
// itself. The assembler finds the structs' fields by itself (go_asm.h).
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// text is the file as written so far.
var text strings.Builder

func put(format string, args ...any) { fmt.Fprintf(&text, "\t"+format+"\n", args...) }

func label(format string, args ...any) { fmt.Fprintf(&text, "\n"+format+":\n", args...) }

func begin(name, doc, param string) {
	fmt.Fprintf(&text, "\n// func %s(%s)\n// %s\nTEXT ·%s(SB), NOSPLIT, $0-8\n", name, param, doc, name)
	put("MOVD %s+0(FP), R0", strings.Fields(param)[0])
}

// Instructions on four floats, by the encodings of the Arm Architecture Reference Manual (C7.2).
const (
	fadd = 0x4e20d400
	fmax = 0x4e20f400
	fmin = 0x4ea0f400
	fmla = 0x4e20cc00
	mlae = 0x4f801000 // FMLA by element
)

func three(op uint32, name string, m, n, d int) {
	put("WORD $0x%08x // %s V%d.4S, V%d.4S, V%d.4S", op|uint32(m)<<16|uint32(n)<<5|uint32(d), name, d, n, m)
}

// element is d += n * m[i].
func element(m, i, n, d int) {
	op := uint32(mlae) | uint32(i&1)<<21 | uint32(m>>4)<<20 | uint32(m&15)<<16 | uint32(i>>1)<<11 | uint32(n)<<5 | uint32(d)
	put("WORD $0x%08x // FMLA V%d.4S, V%d.4S, V%d.S[%d]", op, d, n, m, i)
}

// four are four registers from v on.
func four(v int) string { return fmt.Sprintf("[V%d.S4, V%d.S4, V%d.S4, V%d.S4]", v, v+1, v+2, v+3) }

// tile writes the tile of so many rows of one block. Sums are V0 to V19, weights V24 to V27; a row's input is in one of
// the others, four elements of its depth at a time.
func tile(rows int) {
	x := [5]int{20, 21, 22, 23, 28}
	name := fmt.Sprintf("tileNEON%d", rows)
	begin(name, fmt.Sprintf("is the loop of Tile for %d rows of one block.", rows), "t *Tile")
	for r := range rows {
		put("MOVD (Tile_At+%d)(R0), R%d", 8*r, 19+r)
	}
	put("MOVD Tile_Tiles(R0), R1")
	put("MOVD ZR, R2") // how far the tile's input, output and residual are
	put("MOVD ZR, R3")
	put("MOVD ZR, R4")
	label("tile")
	put("MOVD Tile_Bias(R0), R5")
	put("VLD1 (R5), %s", four(0))
	for r := 1; r < rows; r++ {
		for j := range 4 {
			put("VMOV V%d.B16, V%d.B16", j, 4*r+j)
		}
	}
	put("MOVD Tile_Res(R0), R5")
	put("CBZ R5, sums")
	put("ADD R4, R5")
	for r := range rows {
		put("MOVD (Tile_ResAt+%d)(R0), R6", 8*r)
		put("ADD R5, R6")
		put("VLD1 (R6), %s", four(24))
		for j := range 4 {
			three(fadd, "FADD", 24+j, 4*r+j, 4*r+j)
		}
	}
	label("sums")
	put("MOVD Tile_In(R0), R7")
	put("ADD R2, R7")
	put("MOVD Tile_W(R0), R8")
	put("MOVD Tile_Blocks(R0), R9")
	label("block")
	put("MOVD Tile_Depth(R0), R10")
	put("CMP $1, R9")
	put("BNE depth")
	put("MOVD Tile_LastDepth(R0), R10")
	label("depth")
	put("MOVD Tile_KH(R0), R11")
	put("MOVD R7, R12")
	label("kh")
	put("MOVD Tile_KW(R0), R13")
	put("MOVD R12, R14")
	label("kw")
	put("MOVD R14, R15")
	put("MOVD R10, R16")
	label("four")
	put("SUBS $4, R16")
	put("BLT few")
	for r := range rows {
		put("ADD R%d, R15, R6", 19+r)
		put("VLD1 (R6), [V%d.S4]", x[r])
	}
	for i := range 4 {
		put("VLD1.P 64(R8), %s", four(24))
		for r := range rows {
			for j := range 4 {
				element(x[r], i, 24+j, 4*r+j)
			}
		}
	}
	put("ADD $16, R15")
	put("B four")
	label("few")
	put("ADDS $4, R16")
	put("BEQ next")
	label("one")
	for r := range rows {
		put("ADD R%d, R15, R6", 19+r)
		put("FMOVS (R6), F%d", x[r])
	}
	put("VLD1.P 64(R8), %s", four(24))
	for r := range rows {
		for j := range 4 {
			element(x[r], 0, 24+j, 4*r+j)
		}
	}
	put("ADD $4, R15")
	put("SUBS $1, R16")
	put("BNE one")
	label("next")
	step := func(field, at, count, again string) {
		put("MOVD Tile_%s(R0), R6", field)
		put("ADD R6, %s", at)
		put("SUBS $1, %s", count)
		put("BNE %s", again)
	}
	step("InTap", "R14", "R13", "kw")
	step("InRow", "R12", "R11", "kh")
	step("InBlock", "R7", "R9", "block")
	clampLoad("Tile")
	put("MOVD Tile_Out(R0), R5")
	put("ADD R3, R5")
	for r := range rows {
		put("MOVD (Tile_To+%d)(R0), R6", 8*r)
		put("ADD R5, R6")
		clamp(4 * r)
		put("VST1 %s, (R6)", four(4*r))
	}
	for _, f := range [][2]string{{"InTile", "R2"}, {"OutTile", "R3"}, {"ResTile", "R4"}} {
		put("MOVD Tile_%s(R0), R6", f[0])
		put("ADD R6, %s", f[1])
	}
	put("SUBS $1, R1")
	put("BNE tile")
	put("RET")
}

func clampLoad(record string) {
	put("MOVWU %s_Lo(R0), R6", record)
	put("VDUP R6, V24.S4")
	put("MOVWU %s_Hi(R0), R6", record)
	put("VDUP R6, V25.S4")
}

// clamp limits four registers; a NaN stays one.
func clamp(v int) {
	for j := range 4 {
		three(fmax, "FMAX", 24, v+j, v+j)
		three(fmin, "FMIN", 25, v+j, v+j)
	}
}

// window writes the depthwise loop for groups of so many pixels. Sums are V0 to V15, weights V16 to V19, a pixel V20 to
// V23.
func window(pixels int) {
	begin(fmt.Sprintf("windowDepthwiseNEON%d", pixels), fmt.Sprintf("is the loop of Window with weights, %d pixels at a time.", pixels), "w *Window")
	for i, f := range []string{"In", "Out", "W", "Bias", "Planes"} {
		put("MOVD Window_%s(R0), R%d", f, 1+i)
	}
	put("MOVD Window_Stride(R0), R20")
	put("MOVD Window_WStep(R0), R21")
	put("MOVD Window_HStep(R0), R22")
	put("MOVD $%d, R23", pixels)
	put("MUL R20, R23")
	clampLoad("Window")
	label("plane")
	put("MOVD Window_Rows(R0), R6")
	put("MOVD R1, R7")
	put("MOVD R2, R8")
	label("row")
	put("MOVD R7, R9")
	put("MOVD R8, R10")
	add := func(op, field, to string) {
		put("MOVD Window_%s(R0), R24", field)
		put("%s R24, %s", op, to)
	}
	add("ADD", "InRow", "R7")
	add("ADD", "OutRow", "R8")
	put("CMP $1, R6")
	put("BNE inner")
	add("SUB", "InRowBack", "R9")
	add("SUB", "OutRowBack", "R10")
	label("inner")
	put("MOVD Window_Groups(R0), R11")
	label("group")
	put("CMP $1, R11")
	put("BNE full")
	add("SUB", "InBack", "R9")
	add("SUB", "OutBack", "R10")
	label("full")
	for i := range pixels {
		put("VLD1 (R4), %s", four(4*i))
	}
	put("MOVD R3, R12")
	put("MOVD Window_KH(R0), R13")
	put("MOVD R9, R14")
	label("kh")
	put("MOVD Window_KW(R0), R15")
	put("MOVD R14, R16")
	label("kw")
	put("VLD1.P 64(R12), %s", four(16))
	put("MOVD R16, R19")
	for i := range pixels {
		put("VLD1 (R19), %s", four(20))
		if i+1 < pixels {
			put("ADD R20, R19")
		}
		for j := range 4 {
			three(fmla, "FMLA", 16+j, 20+j, 4*i+j)
		}
	}
	put("ADD R21, R16")
	put("SUBS $1, R15")
	put("BNE kw")
	put("ADD R22, R14")
	put("SUBS $1, R13")
	put("BNE kh")
	for i := range pixels {
		clamp(4 * i)
		put("VST1.P %s, 64(R10)", four(4*i))
	}
	put("ADD R23, R9")
	put("SUBS $1, R11")
	put("BNE group")
	put("SUBS $1, R6")
	put("BNE row")
	add("ADD", "InPlane", "R1")
	add("ADD", "OutPlane", "R2")
	add("ADD", "WPlane", "R3")
	put("ADD $64, R4")
	put("SUBS $1, R5")
	put("BNE plane")
	put("RET")
}

func main() {
	out := flag.String("out", "", "the file to write")
	flag.Parse()
	text.WriteString("// Code generated by _generate/neon. DO NOT EDIT.\n\n//go:build arm64 && !noasm\n\n#include \"go_asm.h\"\n#include \"textflag.h\"\n")
	for rows := 1; rows <= 5; rows++ {
		tile(rows)
	}
	window(1)
	window(4)
	if err := os.WriteFile(*out, []byte(text.String()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
