package testpattern

import "github.com/gospool/spool/stages/ingest/testpattern/h264"

// The strip is a row of cells along the top of the picture. The cells are bits: the frame number, the most
// significant bit first, and then its CRC-8. A black cell is 0, a white one 1. In a picture of fewer than 40 tiles
// across, the strip has several rows.
const (
	numberBits = 32
	crcBits    = 8
	cells      = numberBits + crcBits

	black, white = 16, 234
)

// stripLayout holds the number of cells in a row and the size of a cell in tiles of 4 pixels. It depends on the
// size of the picture only.
type stripLayout struct{ perRow, width, height int }

// layoutStrip returns the layout of the strip for a size of the picture in pixels. It returns false if the picture
// is too small for the strip.
func layoutStrip(width, height int) (stripLayout, bool) {
	cols, rows := width/h264.TileSize, height/h264.TileSize // whole tiles
	if cols <= 0 || rows <= 0 {
		return stripLayout{}, false
	}
	l := stripLayout{perRow: min(cols, cells), width: max(cols/cells, 1)}
	l.height = max(min(l.width, rows/16), 1)
	return l, l.rows() <= rows
}

func (l stripLayout) rows() int { return (cells + l.perRow - 1) / l.perRow * l.height }

// cell returns the position of the upper left corner of cell i, in tiles.
func (l stripLayout) cell(i int) (x, y int) { return i % l.perRow * l.width, i / l.perRow * l.height }

// codeword returns the bits of the strip for a frame number.
func codeword(n uint32) uint64 { return uint64(n)<<crcBits | uint64(crc8(n)) }

// crc8 returns the CRC of a frame number with the polynomial x^8 + x^2 + x + 1. The CRC starts from ones, so that
// neither an all-black nor an all-white picture has a valid strip.
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

// draw draws the strip of frame n.
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

// ReadFrameNumber reads the frame number from the strip in the luma plane of a decoded picture. The plane has height
// rows of stride bytes, of which width are shown. ok is false if the strip is damaged. It is also false if the
// picture has no strip, because it has fewer than forty whole tiles of 4x4 pixels, or if luma is too short.
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

// readCell returns the bit of the cell whose centre is at an index of luma. The bit follows from the mean of the four
// pixels around the centre. sure is false if the mean is grey.
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
