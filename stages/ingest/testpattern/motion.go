package testpattern

import "math"

// drawBall draws the ball of frame n, and removes that of the frame before. The ball moves along the lane and back in
// four seconds, and bounces once a second.
func (s *scene) drawBall(n int64) {
	lane := s.at.lane
	radius := lane.h * opaque / 5
	second, part := s.fps.second(n)
	phase := int(part * 1000 / int64(s.fps.Num)) // thousandths of a second
	across := int(second%4)*1000 + phase
	across = min(across, 4000-across) // 0 to 2000 and back
	hop := 4 * phase * (1000 - phase) / 1000
	spanX, spanY := lane.w*opaque-2*radius, lane.h*opaque-2*radius-opaque
	cx := lane.x*opaque + radius + spanX*across/2000
	cy := lane.y*opaque + radius + opaque/2 + spanY*(1000-hop)/1000

	side := 2*radius/opaque + 3
	box := rect{(cx - radius) / opaque, (cy - radius) / opaque, side, side}.within(lane)
	area := box.union(s.ball)
	s.ball = box
	for y := area.y; y < area.y+area.h; y++ {
		for x := area.x; x < area.x+area.w; x++ {
			cover := disc(x*opaque+opaque/2-cx, y*opaque+opaque/2-cy, radius)
			s.m.SetY(x, y, mix(laneDark, white, cover))
		}
	}
}

// sector is a tile of the pie: its coverage by the disc, the angle at which the edge of the filled part passes it,
// and the length of the circle around the centre through it. An angle is in parts of fullTurn, a length in
// sixteenths of a tile.
type sector struct{ cover, angle, circle int }

const fullTurn = 1 << 16

func newPie(side int) []sector {
	pie := make([]sector, side*side)
	for i := range pie {
		dx, dy := (i%side)*2+1-side, (i/side)*2+1-side // in half tiles
		x, y := float64(dx)/2, float64(dy)/2
		turn := math.Atan2(x, -y) / (2 * math.Pi) // clockwise, from the top
		pie[i] = sector{
			cover:  disc(dx*opaque/2, dy*opaque/2, side*opaque/2),
			angle:  int(math.Round(turn*fullTurn)+fullTurn) % fullTurn,
			circle: int(math.Round(2 * math.Pi * opaque * math.Hypot(x, y))),
		}
	}
	return pie
}

// drawPie draws the pie of frame n, which fills clockwise once a second. During a beep the whole pie is white.
func (s *scene) drawPie(n int64) {
	const rest, done = 60, 150
	_, part := s.fps.second(n)
	hand := int(part * fullTurn / int64(s.fps.Num))
	beeping := part*samplesPerSecond < beepSamples*int64(s.fps.Num)
	at := s.at.pie
	for i := range s.pie {
		p := &s.pie[i]
		v := uint8(white)
		if !beeping {
			v = mix(rest, done, (hand-p.angle)*p.circle/fullTurn+opaque/2)
		}
		s.m.SetY(at.x+i%at.w, at.y+i/at.w, mix(laneDark, v, p.cover))
	}
}
