package probe

// gops gathers the structure of the GOPs of a track.
type gops struct {
	begun  int64 // number of sync samples
	before int64 // pictures before the first one

	frames, durations distribution // of complete GOPs: pictures, and ticks
	open              int64

	// The current GOP.
	pictures int64
	fromDTS  int64
	keyPTS   int64
	untilDTS int64
	leading  bool // a picture after the sync sample in decoding order is shown before it
	closes   func() bool

	mostPTS     int64 // latest presentation time so far
	bFrames     int64
	run, inARow int64 // current and longest run of B-frames
}

func (g *gops) add(u unit, closes func() bool) {
	pts := u.dts + u.offset
	if u.sync {
		g.end(u.dts)
		g.begun++
		g.pictures, g.fromDTS, g.keyPTS, g.leading, g.closes = 0, u.dts, pts, false, closes
	}
	if g.begun == 0 {
		g.before++
		return
	}
	g.pictures, g.untilDTS = g.pictures+1, u.dts+u.duration
	switch {
	case g.begun == 1 && g.pictures == 1 || pts >= g.mostPTS:
		g.mostPTS, g.run = pts, 0
	default:
		g.bFrames, g.run = g.bFrames+1, g.run+1
		g.inARow = max(g.inARow, g.run)
	}
	if pts < g.keyPTS && !g.leading { // the first one of the GOP
		g.leading = true
		if !g.closes() {
			g.open++
		}
	}
}

// end adds the current GOP, which ends at a decoding time.
func (g *gops) end(dts int64) {
	if g.pictures == 0 {
		return
	}
	g.frames.add(g.pictures)
	if dts > g.fromDTS {
		g.durations.add(dts - g.fromDTS)
	}
	g.pictures = 0
}

// report returns the structure of the GOPs; see trackProbe.report. It adds the last GOP, so it is called once.
func (g *gops) report(p *trackProbe, live bool) *GOPs {
	if !live || g.frames.n == 0 {
		g.end(g.untilDTS)
	}
	out := &GOPs{
		Count: g.frames.n, Open: min(g.open, g.frames.n), BFrames: g.bFrames, BFramesInARow: g.inARow, BeforeFirstSync: g.before,
		Frames: Spread{
			Min: float64(g.frames.least), Median: float64(g.frames.median()), Max: float64(g.frames.most),
			Deviation: g.frames.deviation(g.frames.most + 1),
		},
		LongMS: p.spread(&g.durations, g.durations.most+1),
	}
	switch {
	case g.begun == 0:
		out.Structure = "none"
	case g.open == 0:
		out.Structure = "closed"
	case g.open >= g.begun-1: // the first GOP has no GOP before it to which its pictures could refer
		out.Structure = "open"
	default:
		out.Structure = "mixed"
	}
	return out
}
