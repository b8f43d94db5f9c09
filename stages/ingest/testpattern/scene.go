package testpattern

import (
	"fmt"
	"time"

	"github.com/gospool/spool/stages/ingest/testpattern/h264"
)

// scene draws the frames on one mosaic. A frame is drawn over the frame before it, so unchanged parts cost the encoder
// nothing.
type scene struct {
	m    *h264.Mosaic
	fps  Rate
	at   layout
	pie  []sector       // tiles of the pie, row by row
	ball rect           // place of the ball in the frame before
	text [maxLabel]byte // memory of the results of number and clock
}

func newScene(o Options) *scene {
	s := &scene{m: h264.NewMosaic(o.Width, o.Height), fps: o.FPS}
	caption := fmt.Sprintf("%dX%d %vFPS", o.Width, o.Height, o.FPS)
	s.at = newLayout(o, s.m, caption)
	s.pie = newPie(s.at.pie.w)
	s.ball = s.at.lane
	s.backdrop()
	if s.at.caption.scale > 0 {
		s.at.caption.draw(s.m, []byte(caption))
	}
	return s
}

// draw draws frame n with the wall clock time utc, ns of UTC.
func (s *scene) draw(n, utc int64) {
	if s.at.hasStrip {
		s.at.strip.draw(s.m, uint32(n))
	} else {
		s.sweep(n)
	}
	if s.at.number.scale > 0 {
		s.at.number.draw(s.m, s.number(n))
	}
	if s.at.clock.scale > 0 {
		s.at.clock.draw(s.m, s.clock(utc))
	}
	if s.at.lane.w > 0 {
		s.drawBall(n)
		s.drawPie(n)
	}
}

// backdrop draws the parts that do not depend on the frame.
func (s *scene) backdrop() {
	s.drawBars()
	for x := range s.at.canvas.w { // the ramp is light at the left, as the bars are
		v := white - (white-black)*min(x, s.at.picture.w)/s.at.picture.w
		fill(s.m, rect{x, s.at.ramp.y, 1, s.at.ramp.h}, uint8(v))
	}
	if s.at.lane.w > 0 {
		below := rect{0, s.at.lane.y, s.at.canvas.w, s.at.canvas.h - s.at.lane.y}
		fill(s.m, below, laneDark)
		tint(s.m, below, 136, 123)
	}
	fill(s.m, s.at.panel, panelDark)
	tint(s.m, s.at.panel, 128, 128)
}

func (s *scene) drawBars() {
	b := s.at.bars
	for x := 0; x < b.w; x += 2 {
		i := min(x*len(barColors)/max(s.at.picture.w, 1), len(barColors)-1)
		c := barColors[i]
		column := rect{x, b.y, 2, b.h}
		fill(s.m, column, c[0])
		tint(s.m, column, c[1], c[2])
	}
}

// barColors holds white, yellow, cyan, green, magenta, red and blue at 75 %, as Y, Cb and Cr of BT.709 in limited
// range.
var barColors = [...][3]uint8{
	{180, 128, 128}, {168, 44, 136}, {145, 147, 44}, {133, 63, 52}, {63, 193, 204}, {51, 109, 212}, {28, 212, 120},
}

// sweep draws the bars and the white column of frame n, which moves through a picture that is too small for the strip.
func (s *scene) sweep(n int64) {
	w := int64(max(s.at.picture.w, 1))
	s.drawBars()
	fill(s.m, rect{int(n % w), s.at.bars.y, 1, s.at.bars.h}, white)
}

// number returns the last digits of frame number n, as many as the layout has. It replaces leading zeros by dimZero.
// The text is valid until the next call of number or clock.
func (s *scene) number(n int64) []byte {
	text := s.text[:s.at.digits]
	putDigits(text, int64(uint32(n)))
	for i := 0; i < len(text)-1 && text[i] == '0'; i++ {
		text[i] = dimZero
	}
	return text
}

// clock returns the time of day of utc, ns of UTC, in the form of clockText. The text is valid until the next call of
// number or clock.
func (s *scene) clock(utc int64) []byte {
	const day = 24 * 60 * 60 * 1000
	ms := ((utc/int64(time.Millisecond))%day + day) % day
	text := append(s.text[:0], clockText...)
	putDigits(text[0:2], ms/3_600_000)
	putDigits(text[3:5], ms/60_000%60)
	putDigits(text[6:8], ms/1000%60)
	putDigits(text[9:12], ms%1000)
	return text
}
