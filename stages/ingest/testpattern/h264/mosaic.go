package h264

// The side of a tile, in pixels.
const (
	TileSize       = 4 // luma
	ColorTileSize  = 8 // colour, in luma pixels
	MacroblockSize = 16
)

// Mosaic is a picture of flat tiles. It records which macroblocks have changed since an Encoder coded them. A new
// mosaic is black.
type Mosaic struct {
	cols, rows int     // macroblocks
	y          []uint8 // luma tiles in rows, 4 a macroblock in each direction; even values
	u, v       []uint8 // colour tiles in rows, 2 a macroblock in each direction
	dirty      []bool  // for each macroblock: it changed since it was coded
}

// NewMosaic returns the smallest mosaic that covers a picture of width x height pixels.
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

// Size returns the number of columns and rows of luma tiles. If a side of the picture is not a multiple of 16 pixels,
// that includes tiles outside the picture.
func (m *Mosaic) Size() (cols, rows int) { return 4 * m.cols, 4 * m.rows }

// SetY sets the luma tile in column x and row y. It sets the lowest bit of the value to 0.
func (m *Mosaic) SetY(x, y int, value uint8) {
	p := &m.y[y*4*m.cols+x]
	if value &^= 1; *p != value {
		*p = value
		m.dirty[y/4*m.cols+x/4] = true
	}
}

// Y returns the value of the luma tile in column x and row y.
func (m *Mosaic) Y(x, y int) uint8 { return m.y[y*4*m.cols+x] }

// SetColor sets the colour tile in column x and row y, counted in colour tiles: each is twice as wide and high as a
// luma tile.
func (m *Mosaic) SetColor(x, y int, u, v uint8) {
	i := y*2*m.cols + x
	if m.u[i] != u || m.v[i] != v {
		m.u[i], m.v[i] = u, v
		m.dirty[y/2*m.cols+x/2] = true
	}
}

// Color returns the values of the colour tile in column x and row y, counted in colour tiles.
func (m *Mosaic) Color(x, y int) (u, v uint8) { return m.u[y*2*m.cols+x], m.v[y*2*m.cols+x] }
