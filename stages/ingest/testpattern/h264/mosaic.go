package h264

// Pixels along a side.
const (
	TileSize       = 4 // of a luma tile
	ColorTileSize  = 8 // of a colour tile, in luma pixels
	MacroblockSize = 16
)

// Mosaic is a picture of flat tiles that remembers which macroblocks changed since they were last coded. It begins
// black.
type Mosaic struct {
	cols, rows int     // in macroblocks
	y          []uint8 // 4 tiles a macroblock and row; always even
	u, v       []uint8 // 2 tiles a macroblock and row
	dirty      []bool  // by macroblock
}

// NewMosaic makes the smallest mosaic that covers a picture of a size in pixels.
func NewMosaic(width, height int) *Mosaic {
	cols, rows := macroblocks(width), macroblocks(height)
	m := &Mosaic{
		cols: cols, rows: rows,
		y: make([]uint8, 16*cols*rows), u: make([]uint8, 4*cols*rows), v: make([]uint8, 4*cols*rows),
		dirty: make([]bool, cols*rows),
	}
	for i := range m.y {
		m.y[i] = 16
	}
	for i := range m.u {
		m.u[i], m.v[i] = 128, 128
	}
	return m
}

func macroblocks(pixels int) int { return (pixels + MacroblockSize - 1) / MacroblockSize }

// Size returns the number of luma tiles across and down, including the part outside a picture whose size is no
// multiple of 16.
func (m *Mosaic) Size() (cols, rows int) { return 4 * m.cols, 4 * m.rows }

// SetY sets a luma tile; the lowest bit of the value is dropped.
func (m *Mosaic) SetY(x, y int, value uint8) {
	p := &m.y[y*4*m.cols+x]
	if value &^= 1; *p != value {
		*p = value
		m.dirty[y/4*m.cols+x/4] = true
	}
}

// Y returns a luma tile.
func (m *Mosaic) Y(x, y int) uint8 { return m.y[y*4*m.cols+x] }

// SetColor sets a colour tile. Colour tiles are twice as large as luma tiles: there are half as many in each
// direction.
func (m *Mosaic) SetColor(x, y int, u, v uint8) {
	i := y*2*m.cols + x
	if m.u[i] != u || m.v[i] != v {
		m.u[i], m.v[i] = u, v
		m.dirty[y/2*m.cols+x/2] = true
	}
}

// Color returns a colour tile.
func (m *Mosaic) Color(x, y int) (u, v uint8) { return m.u[y*2*m.cols+x], m.v[y*2*m.cols+x] }
