package h264

import "fmt"

// limits holds the limits of one level (table A-1).
type limits struct {
	idc       uint8 // level_idc: number of the level times ten
	perSecond int   // most macroblocks a second
	perFrame  int   // most macroblocks of a frame
	kilobits  int   // most kbit/s
}

// levels holds levels from 2 to 5.2, the lowest first. Every usual decoder supports level 2, so a lower one is not
// used.
var levels = [...]limits{
	{20, 11_880, 396, 2_000},
	{21, 19_800, 792, 4_000},
	{22, 20_250, 1_620, 4_000},
	{30, 40_500, 1_620, 10_000},
	{31, 108_000, 3_600, 14_000},
	{32, 216_000, 5_120, 20_000},
	{40, 245_760, 8_192, 20_000},
	{42, 522_240, 8_704, 50_000},
	{50, 589_824, 22_080, 135_000},
	{51, 983_040, 36_864, 240_000},
	{52, 2_073_600, 36_864, 240_000},
}

// level returns the level_idc of the first of levels that allows the stream, or an error if none of them does.
func (c Config) level() (uint8, error) {
	cols, rows := macroblocks(c.Width), macroblocks(c.Height)
	frame := cols * rows
	for _, l := range levels {
		longest := 8 * l.perFrame // square of the longest side, in macroblocks
		if frame <= l.perFrame && cols*cols <= longest && rows*rows <= longest &&
			frame*c.FrameRateNum <= l.perSecond*c.FrameRateDen && c.Bitrate <= l.kilobits*1000 {
			return l.idc, nil
		}
	}
	return 0, fmt.Errorf("%dx%d at %d/%d pictures and %d bit/s is beyond H.264 level 5.2",
		c.Width, c.Height, c.FrameRateNum, c.FrameRateDen, c.Bitrate)
}
