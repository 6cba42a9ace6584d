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

TEXT ·stubTable(SB),NOSPLIT|NOFRAME,$0-0
	S512(0)
	S512(512)
	S512(1024)
	S512(1536)
	S512(2048)
	S512(2560)
	S512(3072)
	S512(3584)
	S512(4096)
	S512(4608)
	S512(5120)
	S512(5632)
	S512(6144)
	S512(6656)
	S512(7168)
	S512(7680)
	S512(8192)
	S512(8704)
	S512(9216)
	S512(9728)
	S512(10240)
	S512(10752)
	S512(11264)
	S512(11776)
	S512(12288)
	S512(12800)
	S512(13312)
	S512(13824)
	S512(14336)
	S512(14848)
	S512(15360)
	S512(15872)
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
