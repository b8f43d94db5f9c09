package still

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Request selects a picture.
type Request struct {
	Stream   string
	Pipeline string // only the recordings of this pipeline; empty: of any
	AtUTC    int64  // moment, ns UTC
	BeforeNS int64  // how long before AtUTC a recording may have ended
	JPEG     bool   // instead of MP4
	Width    int    // of the JPEG in pixels; 0: that of the picture
}

// bordering is the time after the end of a recording that counts as part of it.
const bordering = int64(time.Second)

// maxRows bounds the recordings that are searched for one picture: those of all pipelines at one
// moment, and those that ended shortly before it.
const maxRows = 32

// NothingError reports that a stream has no picture at a moment.
type NothingError struct {
	AtUTC int64
	// LastUTC is the end of the last recording before the moment, ns UTC; 0 if there is none.
	LastUTC int64
}

// Error returns the moment, the end of the last recording, and what to do.
func (e *NothingError) Error() string {
	text := "there is no footage at " + moment(e.AtUTC)
	if e.LastUTC == 0 {
		return text + " and none before it: GET /mp4/coverage lists the spans with footage"
	}
	ago := time.Duration(e.AtUTC - e.LastUTC).Truncate(time.Second)
	return fmt.Sprintf("%s: the last recording before it ended %v earlier, at %s; with before=%v its last picture is the answer",
		text, ago, moment(e.LastUTC), ago+time.Second)
}

func moment(utc int64) string { return time.Unix(0, utc).UTC().Format(time.RFC3339Nano) }

// ElsewhereError reports that only another recorder has the file with the picture.
type ElsewhereError struct{ Node string }

// Error returns the name of the recorder.
func (e *ElsewhereError) Error() string { return "the recording is at " + e.Node }

// The errors of a picture that cannot be sent although there is footage.
var (
	ErrNoPictures = errors.New("the recordings at this moment have no pictures: they have sound or metadata only")
)

// inTurn calls find when fewer than maxAtOnce others run.
func (s *Server) inTurn(ctx context.Context, q *Request) (*frame, error) {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
		return s.find(ctx, q)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// find returns the picture of a request, with its file open. The caller closes it. The error is one
// of those above, or that of the catalogue, of a file or of an index.
func (s *Server) find(ctx context.Context, q *Request) (*frame, error) {
	rows, err := s.rows(ctx, q)
	if err != nil {
		return nil, err
	}
	var best *frame
	var failed error
	for i := range rows {
		r := &rows[i]
		if best != nil && (r.StartUTC > q.AtUTC || best.covers(q.AtUTC)) {
			break
		}
		f, err := s.frameIn(r, q.AtUTC)
		switch {
		case err != nil:
			failed = firstOf(failed, err)
		case best == nil || f.utc > best.utc:
			best, f = f, best
			fallthrough
		default:
			if err := f.Close(); err != nil {
				failed = firstOf(failed, err)
			}
		}
	}
	if best != nil {
		return best, nil
	}
	return nil, s.why(ctx, q, failed)
}

// firstOf returns the error to report of two: that of a file that should have a picture rather than
// that of one without.
func firstOf(a, b error) error {
	if a == nil || errors.Is(a, errNoKeyFrame) || errors.Is(a, fs.ErrNotExist) {
		return b
	}
	return a
}

// why returns the error of a request for which no picture was found; failed is the error of a
// recording, or nil.
func (s *Server) why(ctx context.Context, q *Request, failed error) error {
	if failed != nil && !errors.Is(failed, errNoKeyFrame) && !errors.Is(failed, fs.ErrNotExist) {
		return failed
	}
	page, err := s.Catalogue.Records(ctx, media.Query{Stream: q.Stream, End: time.Unix(0, q.AtUTC), Limit: maxRows})
	if err != nil {
		return err
	}
	nothing := &NothingError{AtUTC: q.AtUTC}
	for i := range page.Records {
		if r := &page.Records[i]; has(r, q) && r.EndUTC <= q.AtUTC {
			nothing.LastUTC = max(nothing.LastUTC, r.EndUTC)
		}
	}
	return nothing
}

// has reports whether a recording may have the picture of a request.
func has(r *media.Record, q *Request) bool {
	return r.State.Here() && !r.Elsewhere && (q.Pipeline == "" || r.Pipeline == q.Pipeline)
}

// rows returns the recordings that may have the picture of a request, the last one first.
func (s *Server) rows(ctx context.Context, q *Request) (out []media.Record, err error) {
	page, err := s.Catalogue.Records(ctx, media.Query{
		Stream: q.Stream, Start: time.Unix(0, max(q.AtUTC-max(q.BeforeNS, bordering), 0)), End: time.Unix(0, q.AtUTC+1), Limit: maxRows,
	})
	if err != nil {
		return nil, err
	}
	elsewhere := ""
	for i := range page.Records {
		switch r := &page.Records[i]; {
		case has(r, q):
			out = append(out, *r)
		case r.Elsewhere && r.State.Here():
			elsewhere = r.Node
		}
	}
	if len(out) == 0 && elsewhere != "" {
		return nil, &ElsewhereError{elsewhere}
	}
	return out, nil
}

// errNoKeyFrame reports that all key frames of a recording are later than the moment.
var errNoKeyFrame = errors.New("no key frame")

// frameIn returns the last key frame of a recording at or before a moment, ns UTC.
func (s *Server) frameIn(row *media.Record, atUTC int64) (_ *frame, err error) {
	clips := clip.Select([]media.Record{*row}, clip.Span{StartUTC: 0, EndUTC: atUTC + 1})
	if len(clips) == 0 {
		return nil, errNoKeyFrame
	}
	c := &clips[0]
	leave, err := s.Readers.Reading(c.Path)
	if err != nil {
		return nil, err
	}
	f := &frame{id: c.ID, leave: leave, endUTC: row.EndUTC, growing: row.Growing()}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if f.recording, err = s.Library.Open(c.ID, c.Path); err != nil {
		return nil, err
	}
	if err := f.recording.Mended(func() error { return f.seek(c.ToNS) }); err != nil {
		return nil, err
	}
	f.utc = c.UTC(media.ToNanos(f.sample.DTS+int64(f.sample.OffsetTicks), f.track.Timescale))
	f.createdUTC = c.StartUTC + media.ToNanos(f.sample.DTS, f.track.Timescale)
	return f, nil
}

// seek sets f.track and f.sample to the last key frame that is presented before a media time, in ns.
func (f *frame) seek(beforeNS int64) error {
	tracks := f.recording.Tracks
	lead := media.LeadOf(len(tracks), func(i int) media.Kind { return tracks[i].Kind() })
	if len(tracks) == 0 || tracks[lead].Kind() != media.Video {
		return ErrNoPictures
	}
	f.track = &tracks[lead]
	by := media.FromNanos(beforeNS, f.track.Timescale)
	for {
		first, _, err := f.recording.Range(lead, by, by+1)
		if err != nil {
			return err
		}
		s := &f.sample
		if _, err := f.recording.Samples(lead, first, first+1).Next(s); err != nil {
			return err
		}
		pts := s.DTS + int64(s.OffsetTicks)
		if !s.Sync || pts > by { // it is the first sample of the track
			return errNoKeyFrame
		}
		if media.ToNanos(pts, f.track.Timescale) < beforeNS {
			return nil
		}
		by = pts - 1 // the time in ticks was rounded up
	}
}

// frame is a key frame of an open recording.
type frame struct {
	id         media.ID
	track      *clip.Track
	sample     isobmff.Sample
	utc        int64 // when it is presented, ns UTC
	createdUTC int64 // the same by the clock of the recording's begin, which never changes
	endUTC     int64 // end of the recording, ns UTC
	growing    bool  // the recording grows

	recording *clip.Recording
	leave     func()
}

// covers reports whether a moment, ns UTC, is within the recording of the picture.
func (f *frame) covers(utc int64) bool { return f.growing || utc < f.endUTC }

// Close closes the file of the recording. It does nothing for nil.
func (f *frame) Close() error {
	if f == nil {
		return nil
	}
	defer f.leave()
	if f.recording == nil {
		return nil
	}
	return f.recording.Close()
}
