package testpattern

import "github.com/gospool/spool/stages/ingest/testpattern/h264"

// rect is a rectangle of a mosaic, in luma tiles.
type rect struct{ x, y, w, h int }

func (r rect) union(o rect) rect {
	x, y := min(r.x, o.x), min(r.y, o.y)
	return rect{x, y, max(r.x+r.w, o.x+o.w) - x, max(r.y+r.h, o.y+o.h) - y}
}

func (r rect) within(o rect) rect {
	x, y := max(r.x, o.x), max(r.y, o.y)
	return rect{x, y, max(min(r.x+r.w, o.x+o.w)-x, 0), max(min(r.y+r.h, o.y+o.h)-y, 0)}
}

func fill(m *h264.Mosaic, r rect, luma uint8) {
	for y := r.y; y < r.y+r.h; y++ {
		for x := r.x; x < r.x+r.w; x++ {
			m.SetY(x, y, luma)
		}
	}
}

// tint sets the colour of every colour tile that touches the rectangle, which is in luma tiles.
func tint(m *h264.Mosaic, r rect, u, v uint8) {
	for y := r.y / 2; 2*y < r.y+r.h; y++ {
		for x := r.x / 2; 2*x < r.x+r.w; x++ {
			m.SetColor(x, y, u, v)
		}
	}
}

// opaque is the coverage of a tile that a shape covers as a whole. Coverage is counted in sixteenths of a tile.
const opaque = 16

// mix returns a value between from and to: from at coverage 0 or less, and to at coverage opaque or more.
func mix(from, to uint8, coverage int) uint8 {
	return uint8(int(from) + (int(to)-int(from))*min(max(coverage, 0), opaque)/opaque)
}

// disc returns the coverage of a tile by a disc, for mix: it is below 0 outside the disc and above opaque inside. dx
// and dy are the distances of the two centres; all lengths are sixteenths of a tile. The distance r-d of the tile's
// centre from the edge is approximated by (r^2-d^2)/2r.
func disc(dx, dy, radius int) int {
	return (radius*radius-dx*dx-dy*dy)/(2*radius) + opaque/2
}
