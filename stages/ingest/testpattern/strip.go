package testpattern

import "github.com/gospool/spool/stages/ingest/testpattern/h264"

// The strip is a row of cells along the top of the picture, black for 0 and white for 1: the frame number, most
// significant bit first, and its CRC-8. A picture of fewer than 40 tiles across has it in several rows.
const (
	numberBits = 32
	crcBits    = 8
	cells      = numberBits + crcBits

	black, white = 16, 234
)

// stripLayout gives the positions of the cells, in tiles of 4 pixels; it follows from the size of the picture alone.
type stripLayout struct{ perRow, width, height int }

// layoutStrip returns false for a picture too small for the strip.
func layoutStrip(width, height int) (stripLayout, bool) {
	cols, rows := width/h264.TileSize, height/h264.TileSize // whole ones
	if cols <= 0 || rows <= 0 {
		return stripLayout{}, false
	}
	l := stripLayout{perRow: min(cols, cells), width: max(cols/cells, 1)}
	l.height = max(min(l.width, rows/16), 1)
	return l, l.rows() <= rows
}

func (l stripLayout) rows() int { return (cells + l.perRow - 1) / l.perRow * l.height }

// cell returns the position of a cell in tiles.
func (l stripLayout) cell(i int) (x, y int) { return i % l.perRow * l.width, i / l.perRow * l.height }

// codeword returns the bits that the strip shows for a frame number.
func codeword(n uint32) uint64 { return uint64(n)<<crcBits | uint64(crc8(n)) }

// crc8 has the polynomial x^8 + x^2 + x + 1. It starts from ones, so that an all-black picture is no valid strip;
// inverted, neither is an all-white one.
func crc8(n uint32) uint8 {
	crc := uint8(0xff)
	for i := numberBits - 8; i >= 0; i -= 8 {
		crc ^= uint8(n >> i)
		for range 8 {
			top := crc >> 7
			crc = crc<<1 ^ top*7
		}
	}
	return crc
}

// draw shows a frame number.
func (l stripLayout) draw(m *h264.Mosaic, n uint32) {
	word := codeword(n)
	for i := range cells {
		v := uint8(black)
		if word>>(cells-1-i)&1 != 0 {
			v = white
		}
		x, y := l.cell(i)
		fill(m, rect{x, y, l.width, l.height}, v)
	}
}

// ReadFrameNumber reads the number of a frame from the luma plane of its decoded picture: rows of stride bytes, of
// which width are shown. It returns false if the strip is damaged, or missing because the picture is smaller than
// forty tiles of 4x4 pixels.
func ReadFrameNumber(luma []byte, stride, width, height int) (n uint32, ok bool) {
	l, fits := layoutStrip(width, height)
	if !fits || stride < width || len(luma) < width || (len(luma)-width)/stride < height-1 {
		return 0, false
	}
	var word uint64
	for i := range cells {
		x, y := l.cell(i)
		centre := (2*y+l.height)*h264.TileSize/2*stride + (2*x+l.width)*h264.TileSize/2
		bit, sure := readCell(luma, centre, stride)
		if !sure {
			return 0, false
		}
		word = word<<1 | bit
	}
	n = uint32(word >> crcBits)
	return n, codeword(n) == word
}

// readCell returns the mean of the four pixels around a cell's centre; grey is neither bit.
func readCell(luma []byte, centre, stride int) (bit uint64, sure bool) {
	sum := int(luma[centre]) + int(luma[centre-1]) + int(luma[centre-stride]) + int(luma[centre-stride-1])
	switch mean := sum / 4; {
	case mean < 96:
		return 0, true
	case mean > 160:
		return 1, true
	}
	return 0, false
}
