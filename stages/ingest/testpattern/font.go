package testpattern

import "github.com/gospool/spool/stages/ingest/testpattern/h264"

const (
	glyphWidth, glyphHeight = 5, 7
	advance                 = glyphWidth + 1

	dimZero = 'o' // stands for a leading zero, which is drawn darker
)

// glyphs holds each glyph as rows of five dots, from the top down; bit 4 is the left dot.
var glyphs = ['Z' + 1][glyphHeight]uint8{
	'0': {0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110},
	'1': {0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},
	'2': {0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111},
	'3': {0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110},
	'4': {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
	'5': {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110},
	'6': {0b01110, 0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110},
	'7': {0b11111, 0b00001, 0b00010, 0b00100, 0b00100, 0b01000, 0b01000},
	'8': {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
	'9': {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110},
	':': {0b00000, 0b00100, 0b00100, 0b00000, 0b00100, 0b00100, 0b00000},
	'.': {0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00100, 0b00100},
	'/': {0b00001, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b10000},
	'F': {0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000},
	'P': {0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000},
	'S': {0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110},
	'X': {0b00000, 0b00000, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001},
	'Z': {0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111},
}

// label is a line of text in the picture. Only changed glyphs are drawn.
type label struct {
	x, y, scale int            // in tiles; scale is the size of a dot, 0 for no label
	chars       int            // number of glyphs
	light, dark uint8          // luma of a glyph and of its background
	shown       [maxLabel]byte // glyphs that are in the picture
}

const maxLabel = 24

// labelWidth returns the width of n glyphs in tiles, without the space after the last one. scale is the size of a dot.
func labelWidth(n, scale int) int { return (n*advance - 1) * scale }

func (l *label) draw(m *h264.Mosaic, text []byte) {
	for i, c := range text {
		if l.shown[i] != c {
			l.shown[i] = c
			l.glyph(m, i, c)
		}
	}
}

func (l *label) glyph(m *h264.Mosaic, i int, c byte) {
	light := l.light
	if c == dimZero {
		c, light = '0', mix(l.dark, l.light, 3)
	}
	for row, dots := range glyphs[c] {
		for col := range glyphWidth {
			v := l.dark
			if dots>>(glyphWidth-1-col)&1 != 0 {
				v = light
			}
			fill(m, rect{l.x + (i*advance+col)*l.scale, l.y + row*l.scale, l.scale, l.scale}, v)
		}
	}
}

// putDigits writes the lowest len(dst) decimal digits of v to dst, with leading zeros.
func putDigits(dst []byte, v int64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
}
