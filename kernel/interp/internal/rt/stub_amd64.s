#include "textflag.h"

// One stub: 7 + 3 + 3 bytes. DX is the closure register.
#define S(i) \
	MOVQ ·contexts+(8*(i))(SB), DX; \
	MOVQ (DX), R12; \
	JMP R12

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
	MOVQ (TLS), AX
	MOVQ AX, ret+0(FP)
	RET

// func stubBase() uintptr
TEXT ·stubBase(SB),NOSPLIT,$0-8
	LEAQ ·stubTable(SB), AX
	MOVQ AX, ret+0(FP)
	RET
