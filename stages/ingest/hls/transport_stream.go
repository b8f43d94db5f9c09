package hls

import (
	"bufio"
	"log/slog"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

// transportStream reads segments that are MPEG transport streams, those of one period.
type transportStream struct {
	to      sink
	tracks  *tracks
	demuxer *mpegts.Demuxer
	began   time.Time
	buf     [readBytes]byte
}

// readBytes is how much of a transport stream is read at once.
const readBytes = 64 * 188

func newTransportStream(to sink, clock pipeline.Clock, log *slog.Logger) *transportStream {
	t := &transportStream{to: to, began: clock.Now()}
	t.demuxer = mpegts.NewDemuxer(mpegts.Options{PublishTo: func() (mpegts.Publisher, error) { return taker{to, t}, nil }, Clock: clock, Log: log})
	return t
}

func (t *transportStream) begin(*piece, bool) error {
	t.demuxer.Recount()
	return nil
}

func (t *transportStream) read(r *bufio.Reader) error {
	n, err := r.Read(t.buf[:])
	// The media arrives at its decoding times: patience of the demuxer is that of a live stream.
	if err := t.demuxer.Data(t.buf[:n], t.began.Add(t.demuxer.Elapsed())); err != nil {
		return refusal{err}
	}
	return err
}

func (t *transportStream) flush(whole bool) { t.demuxer.Flush(whole) }

func (t *transportStream) close() { t.demuxer.Close(endcause.EndOfFile) }

// taker takes the access units of a demuxer.
type taker struct {
	sink
	of *transportStream
}

// SetTracks takes the tracks of the access units that follow.
func (t taker) SetTracks(list []media.Track) error {
	t.of.tracks = &tracks{list: slices.Clone(list), ninety: true}
	return nil
}

// Write takes an access unit.
func (t taker) Write(track int, au *media.AU) error {
	if t.of.tracks == nil || track < 0 || track >= len(t.of.tracks.list) {
		return media.ErrNoSuchTrack
	}
	u := t.unit()
	u.of, u.track, u.dts, u.pts, u.durationTicks = t.of.tracks, track, au.DTS, au.PTS, au.DurationTicks
	u.sync, u.lost, u.by, u.framed = au.Sync, au.Lost, au.LostBy, au.Framed
	u.copy(au.Payload)
	t.push(u)
	return nil
}
