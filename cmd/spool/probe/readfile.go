package probe

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/gospool/spool/cmd/spool/progress"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/stages/ingest/file"
)

var errInterrupted = errors.New("interrupted")

// poolBytes bounds the memory for chunks. Of a file, none are made.
const poolBytes = 64 << 20

// keyBytes bounds the bytes that are read of a key frame: enough for the parameter sets, messages and the header of the
// first slice.
const keyBytes = 64 << 10

// readFile makes the report of a file. Its progress goes to stderr.
func readFile(ctx context.Context, path string, stderr io.Writer) (*Report, error) {
	r, err := file.Open(path, media.NewPool(poolBytes), media.DefaultFlush, time.Now(), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	tracks, err := scan(ctx, r, stderr)
	if err != nil {
		return nil, err
	}
	out := makeReport(path, tracks, false)
	out.Container = Container{Format: "mp4", SizeBytes: r.SizeBytes(), CutOffBytes: r.Cut(), Writer: "other"}
	if r.Fragmented() {
		out.Container.Format = "fmp4"
	}
	for _, l := range r.LeftOut() {
		out.LeftOut = append(out.LeftOut, LeftOut{Track: l.ID, Reason: l.Reason})
	}
	// A file of another program has no entry; a file whose entry is damaged counts as one.
	if recording, err := mp4.ReadEntry(path); err == nil {
		out.Container.Writer, out.Container.Recording = "spool", describe(&recording)
	}
	return out, nil
}

// scan reads all samples of a file.
func scan(ctx context.Context, r *file.Reader, stderr io.Writer) ([]*trackProbe, error) {
	set := r.Tracks()
	tracks, keys := make([]*trackProbe, len(set.Tracks)), make([]*keyReader, len(set.Tracks))
	for i := range set.Tracks {
		tracks[i] = newTrackProbe(&set.Tracks[i], i+1, r.ShiftTicks(i))
		keys[i] = &keyReader{r: r, idr: newIDRFinder(&set.Tracks[i])}
	}
	bar := progress.New(stderr, "probe, KiB")
	defer bar.End()
	size, seen := r.SizeBytes(), 0
	err := r.Scan(func(i int, s *isobmff.Sample) error {
		if seen++; seen%1024 == 1 { // the clock costs more than a sample
			if ctx.Err() != nil {
				return errInterrupted
			}
			bar.At(int(min(max(s.At, 0), size)>>10), int(size>>10))
		}
		if s.SizeBytes == 0 { // a sample without media
			return nil
		}
		p := tracks[i]
		u := unit{
			dts: s.DTS, offset: int64(s.OffsetTicks), duration: s.DurationTicks, bytes: int64(s.SizeBytes),
			sync: s.Sync || p.track.Codec.AlwaysSync(),
		}
		if u.sync {
			keys[i].next = *s
		}
		p.add(u, keys[i].closes)
		if s.At+u.bytes > size {
			p.fault(BeyondData, place{u.dts, 0})
		}
		return nil
	})
	return tracks, err
}

// keyReader finds out whether the newest sync sample of a track closes its GOP.
type keyReader struct {
	r    *file.Reader
	next isobmff.Sample
	idr  *idrFinder
	buf  []byte
}

func (k *keyReader) closes() bool {
	buf, err := k.r.ReadSample(k.buf, &k.next, keyBytes)
	if err != nil { // the sample is beyond the data
		return false
	}
	k.buf = buf
	return k.idr.in(buf)
}

// describe returns the facts of a recording.
func describe(r *media.Recording) *Recording {
	out := &Recording{
		ID: r.ID.String(), Stream: r.Stream, Pipeline: r.Pipeline, State: string(r.State), Start: instant(r.StartUTC),
		End: instant(r.EndUTC), EndReason: string(r.EndReason), Protected: r.Protected,
	}
	if !r.Gap.None() {
		gap := gapOf(&r.Gap)
		out.GapBefore = &gap
	}
	for i := range r.Gaps {
		out.Gaps = append(out.Gaps, gapOf(&r.Gaps[i]))
	}
	for _, e := range r.Events {
		out.Events = append(out.Events, Event{
			ID: e.ID.String(), Name: e.Name, At: instant(e.AtUTC), Start: instant(e.StartUTC), End: instant(e.EndUTC),
		})
	}
	return out
}

func gapOf(g *media.Gap) Gap {
	return Gap{Cause: string(g.Cause), Start: instant(g.StartUTC), DurationMS: nsToMS(g.Missing()), Track: g.Track, AccessUnits: g.AccessUnits}
}

// instant formats a time in ns of UTC. It returns "" for 0, an unknown time.
func instant(utc int64) string {
	if utc == 0 {
		return ""
	}
	return time.Unix(0, utc).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
