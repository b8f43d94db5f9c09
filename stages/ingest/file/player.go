package file

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// player publishes the chunks of a file on the hub, one access unit at a time.
type player struct {
	pub         *hub.Publisher
	r           *Reader
	pace        pace
	firstMonoNS int64 // arrival of the first access unit
	lastMonoNS  int64 // arrival of the newest access unit

	stalls []*ingest.StallDetector // one for each track

	at   []place // for each track of the current chunk
	au   media.AU
	data [][]byte // payload of the current access unit
}

// place is the position in a chunk's track: the number of units, and of bytes, published so far.
type place struct{ unit, bytes int }

// play publishes the access units of a chunk, each when it is due. It returns nil at the end of the chunk, the cause of
// ctx if that has ended, or the error by which the publisher ended.
func (l *player) play(ctx context.Context, c *media.Chunk) error {
	l.at = append(l.at[:0], make([]place, len(c.Tracks))...)
	for {
		track, ns, ok := l.next(c)
		if !ok {
			return context.Cause(ctx)
		}
		if !l.pace.wait(ctx, ns) {
			return context.Cause(ctx)
		}
		l.fill(&c.Tracks[track], track, ns)
		switch err := l.pub.Write(track, &l.au); {
		case err == nil:
			l.stalls[track].Kept(l.au.MonoNS)
		case errors.Is(err, hub.ErrReplaced) || errors.Is(err, hub.ErrClosed):
			return err
		default: // the error concerns this unit alone, and the hub counts it
			l.stalls[track].Missed(l.au.MonoNS, media.DropCauseOf(err), 1)
			l.stalls[track].Look(time.Unix(0, l.au.UTC), l.au.MonoNS, l.firstMonoNS)
		}
	}
}

// watch makes the stall detectors of the published tracks.
func (l *player) watch(tracks []media.Track, log *slog.Logger) {
	for i := range tracks {
		l.stalls = append(l.stalls, ingest.NewStallDetector(tracks[i].Codec, log, func(p *pipeline.Problem) { l.pub.Problem(i, p) }))
	}
}

// next returns the index of the track with the next access unit in decoding order, and the unit's decoding time, in ns
// since the first unit of the file. ok is false at the end of the chunk.
func (l *player) next(c *media.Chunk) (track int, ns int64, ok bool) {
	for i := range c.Tracks {
		col, k := &c.Tracks[i], l.at[i].unit
		if k == col.Len() {
			continue
		}
		if at := media.ToNanos(col.DTS[k], c.Set.Tracks[i].Timescale) - l.r.originNS; !ok || at < ns {
			track, ns, ok = i, at, true
		}
	}
	return track, ns, ok
}

// fill sets au to the next access unit of a track, which is due at ns. Its arrival on the steady clock is its media
// time, so that missing media in the file counts as that, and not as a sender whose clock was set.
func (l *player) fill(col *media.Columns, track int, ns int64) {
	p := &l.at[track]
	k, size := p.unit, int(col.SizeBytes[p.unit])
	l.data = col.Payload.Slices(l.data[:0], p.bytes, size)
	l.lastMonoNS = l.firstMonoNS + ns
	l.au = media.AU{
		DTS: col.DTS[k], PTS: col.DTS[k] + int64(col.OffsetTicks[k]), MonoNS: l.lastMonoNS,
		UTC: l.r.startUTC + l.r.originNS + ns, Sync: col.Flags[k]&media.FlagSync != 0,
		Payload: l.data, Framed: true,
	}
	if l.pace.realtime {
		l.au.SteppedNS = int64(pipeline.Stepped(l.pace.now))
		l.au.UTC = l.pace.began.Add(time.Duration(ns)).UnixNano() + l.au.SteppedNS - int64(pipeline.Stepped(l.pace.began))
	}
	l.au.DurationTicks = col.EndTicks - col.DTS[k]
	if p.unit++; p.unit < col.Len() {
		l.au.DurationTicks = col.DTS[p.unit] - col.DTS[k]
	}
	p.bytes += size
}

// isEnd reports whether an error is the regular end of a source, a *pipeline.EndError.
func isEnd(err error) bool {
	var end *pipeline.EndError
	return errors.As(err, &end)
}
