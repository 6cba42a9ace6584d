#include "textflag.h"

// One stub: five instructions. R26 is the closure register.
#define S(i) \
	MOVD $·contexts+(8*(i))(SB), R19; \
	MOVD (R19), R26; \
	MOVD (R26), R20; \
	JMP (R20)

#define S8(i) S(i); S(i+1); S(i+2); S(i+3); S(i+4); S(i+5); S(i+6); S(i+7)
#define S64(i) S8(i); S8(i+8); S8(i+16); S8(i+24); S8(i+32); S8(i+40); S8(i+48); S8(i+56)
#define S512(i) S64(i); S64(i+64); S64(i+128); S64(i+192); S64(i+256); S64(i+320); S64(i+384); S64(i+448)
#define S4096(i) S512(i); S512(i+512); S512(i+1024); S512(i+1536); S512(i+2048); S512(i+2560); S512(i+3072); S512(i+3584)

TEXT ·stubTable(SB),NOSPLIT|NOFRAME,$0-0
	S4096(0)
	S4096(4096)
	S4096(8192)
	S4096(12288)
	S4096(16384)
	S4096(20480)
	S4096(24576)
	S4096(28672)
	RET

// func G() uintptr
TEXT ·G(SB),NOSPLIT,$0-8
	MOVD g, R0
	MOVD R0, ret+0(FP)
	RET

// func stubBase() uintptr
TEXT ·stubBase(SB),NOSPLIT,$0-8
	MOVD $·stubTable(SB), R0
	MOVD R0, ret+0(FP)
	RET
