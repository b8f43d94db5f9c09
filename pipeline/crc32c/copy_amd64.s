#include "textflag.h"

// The lanes are those of copy_amd64.go.
#define LONG_LANE 1024
#define SHORT_LANE 128

// Copies 8 bytes of each lane.
#define STEP(lane, at) \
	MOVQ (at)(SI), AX; \
	MOVQ (lane+at)(SI), BX; \
	MOVQ (2*lane+at)(SI), DX; \
	CRC32Q AX, R8; \
	CRC32Q BX, R9; \
	CRC32Q DX, R10; \
	MOVQ AX, (at)(DI); \
	MOVQ BX, (lane+at)(DI); \
	MOVQ DX, (2*lane+at)(DI)

// PREFETCHW at(DI), which the assembler does not know: the cache line is fetched for writing.
#define PREFETCHW_DI(at) BYTE $0x0F; BYTE $0x0D; BYTE $0x8F; LONG $(at)

// Copies one cache line of each lane, and fetches those of the next block.
#define LINE(lane) \
	PREFETCHT0 (3*lane)(SI); \
	PREFETCHT0 (4*lane)(SI); \
	PREFETCHT0 (5*lane)(SI); \
	PREFETCHW_DI(3*lane); \
	PREFETCHW_DI(4*lane); \
	PREFETCHW_DI(5*lane); \
	STEP(lane, 0); \
	STEP(lane, 8); \
	STEP(lane, 16); \
	STEP(lane, 24); \
	STEP(lane, 32); \
	STEP(lane, 40); \
	STEP(lane, 48); \
	STEP(lane, 56); \
	ADDQ $64, SI; \
	ADDQ $64, DI

#define BEGIN \
	MOVQ dst+0(FP), DI; \
	MOVQ src+8(FP), SI; \
	MOVL register+16(FP), R8; \
	XORL R9, R9; \
	XORL R10, R10

#define END \
	MOVL R8, first+24(FP); \
	MOVL R9, second+28(FP); \
	MOVL R10, third+32(FP); \
	RET

// func copyLong(dst, src *byte, register uint32) (first, second, third uint32)
TEXT ·copyLong(SB), NOSPLIT, $0-36
	BEGIN
	MOVQ $(LONG_LANE/64), CX

line:
	LINE(LONG_LANE)
	DECQ CX
	JNZ line
	END

// func copyShort(dst, src *byte, register uint32) (first, second, third uint32)
TEXT ·copyShort(SB), NOSPLIT, $0-36
	BEGIN
	LINE(SHORT_LANE)
	LINE(SHORT_LANE)
	END

// func copySmall(dst, src *byte, n int, register uint32) uint32
TEXT ·copySmall(SB), NOSPLIT, $0-36
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVL register+24(FP), R8
	MOVQ CX, DX
	SHRQ $3, DX
	JZ four

eight:
	MOVQ (SI), AX
	CRC32Q AX, R8
	MOVQ AX, (DI)
	ADDQ $8, SI
	ADDQ $8, DI
	DECQ DX
	JNZ eight

four:
	TESTQ $4, CX
	JZ two
	MOVL (SI), AX
	CRC32L AX, R8
	MOVL AX, (DI)
	ADDQ $4, SI
	ADDQ $4, DI

two:
	TESTQ $2, CX
	JZ one
	MOVW (SI), AX
	CRC32W AX, R8
	MOVW AX, (DI)
	ADDQ $2, SI
	ADDQ $2, DI

one:
	TESTQ $1, CX
	JZ done
	MOVB (SI), AX
	CRC32B AX, R8
	MOVB AX, (DI)

done:
	MOVL R8, ret+32(FP)
	RET
