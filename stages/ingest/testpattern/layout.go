package testpattern

import "github.com/gospool/spool/stages/ingest/testpattern/h264"

// layout divides a picture into rectangles, in tiles. A part that does not fit into the picture has an empty rectangle,
// or a label with scale 0.
type layout struct {
	picture   rect // the tiles that are shown as a whole
	canvas    rect // all tiles, including those that are cropped
	strip     stripLayout
	hasStrip  bool
	bars      rect
	panel     rect
	digits    int // number of digits of the frame number
	number    label
	clock     label
	caption   label
	ramp      rect
	lane, pie rect
}

const (
	mostDigits = 7
	clockText  = "00:00:00.000Z"

	panelDark = 24
	laneDark  = 34
)

func newLayout(o Options, m *h264.Mosaic, caption string) layout {
	cols, rows := m.Size()
	l := layout{
		picture: rect{0, 0, o.Width / h264.TileSize, o.Height / h264.TileSize},
		canvas:  rect{0, 0, cols, rows},
	}
	l.strip, l.hasStrip = layoutStrip(o.Width, o.Height)
	top := 0
	if l.hasStrip {
		top = l.strip.rows()
	}
	top += top % 2 // colour tiles are two luma tiles high
	height, laneHeight, rampHeight := l.picture.h, 0, 0
	if height >= 36 {
		laneHeight = even(height * 22 / 100)
		rampHeight = even(height * 7 / 100)
	}
	l.bars = rect{0, top, cols, max(even(height-laneHeight-rampHeight)-top, 0)}
	l.ramp = rect{0, l.bars.y + l.bars.h, cols, rampHeight}
	l.lane = rect{0, l.ramp.y + l.ramp.h, cols, rows - l.ramp.y - l.ramp.h}
	if laneHeight > 0 {
		l.placeLane(height - l.lane.y)
	} else {
		l.bars.h, l.lane = rows-top, rect{}
	}
	l.placePanel(min(l.bars.h, height-top), caption)
	return l
}

func even(v int) int { return v &^ 1 }

// placeLane places the pie at the right end of the lane and gives the rest of the lane to the ball. height is the
// height of the part of the lane that is shown.
func (l *layout) placeLane(height int) {
	side := even(height - 2)
	l.pie = rect{l.picture.w - side - 2, l.lane.y + (height-side)/2, side, side}
	l.lane.w, l.lane.h = l.pie.x-1, height
}

// placePanel places the frame number and the lines below it in the middle of the colour bars, as large as they fit.
// height is the height of the part of the bars that is shown.
func (l *layout) placePanel(height int, caption string) {
	width := l.picture.w
	l.digits = mostDigits
	for l.digits > 1 && labelWidth(l.digits, 1) > width {
		l.digits--
	}
	scale := max(min(width*86/100/labelWidth(l.digits, 1), height*3/8/glyphHeight), 1)
	if height < glyphHeight || width < glyphWidth {
		return
	}
	lines := []*label{&l.number}
	l.number = label{chars: l.digits, scale: scale, light: white}
	room := height - (glyphHeight+2)*scale
	add := func(line *label, chars, light int) { // the line is at most as wide as the number, if its text permits
		full := labelWidth(chars, 1)
		small := min(max(labelWidth(l.digits, scale)/full, 1), (width-2)/full, scale)
		if room -= (glyphHeight + lineGap) * small; small > 0 && room >= 0 {
			*line = label{chars: chars, scale: small, light: uint8(light)}
			lines = append(lines, line)
		}
	}
	add(&l.clock, len(clockText), 190)
	add(&l.caption, len(caption), 110)
	l.stack(lines, height)
}

// lineGap is the height of the space above each line but the first, in dots of that line.
const lineGap = 3

// stack centres the lines of text in the colour bars, one below the other, and places the panel, their dark
// background. height is the height of the part of the bars that is shown.
func (l *layout) stack(lines []*label, height int) {
	total, widest := 0, 0
	for i, line := range lines {
		if i > 0 {
			total += lineGap * line.scale
		}
		total += glyphHeight * line.scale
		widest = max(widest, labelWidth(line.chars, line.scale))
	}
	y := l.bars.y + (height-total)/2
	pad := lines[0].scale
	left, top := even((l.picture.w-widest)/2-2*pad), even(y-pad)
	l.panel = rect{left, top, l.picture.w - 2*left, even(total + 2*pad + 1)}
	l.panel = l.panel.within(rect{0, l.bars.y, l.canvas.w, l.bars.h})
	for i, line := range lines {
		if i > 0 {
			y += lineGap * line.scale
		}
		line.x, line.y, line.dark = (l.picture.w-labelWidth(line.chars, line.scale))/2, y, panelDark
		y += glyphHeight * line.scale
	}
}
