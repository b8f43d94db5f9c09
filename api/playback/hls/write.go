package hls

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
)

// The versions of the protocol: EXT-X-MAP in a playlist of whole segments needs 6, and fragments in
// segments 7 (RFC 8216); EXT-X-GAP needs 8 (RFC 8216bis, 8).
const (
	version     = 7
	versionGaps = 8
)

// ErrNothing reports a playlist without a segment.
var ErrNothing = errors.New("no complete segment is in the span")

// CutError reports that a playlist ended early, when a part of it was written.
type CutError struct{ Err error }

// Error says what happened.
func (e *CutError) Error() string { return "the playlist ended early: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CutError) Unwrap() error { return e.Err }

// WriteMedia writes the media playlist, line by line. It returns ErrNothing, ErrGaps, or an error of Part.Load, before
// it has written anything, and a *CutError after that.
func (l *Playlist) WriteMedia(w io.Writer) error {
	f, err := l.Facts()
	if err == nil && f.Segments == 0 {
		err = ErrNothing
	}
	if err != nil {
		return err
	}
	return l.write(w, l.media, &f, "")
}

// WriteKeys writes the playlist of key frames. Its errors are those of WriteMedia.
func (l *Playlist) WriteKeys(w io.Writer) error {
	f, err := l.KeyFacts()
	if err == nil && f.Segments == 0 {
		err = ErrNothing
	}
	if err != nil {
		return err
	}
	return l.write(w, l.keys, &f, "#EXT-X-I-FRAMES-ONLY\n")
}

func (l *Playlist) write(w io.Writer, segments source, f *Facts, only string) error {
	out := bufio.NewWriterSize(w, 16<<10)
	v := version
	if l.KeepGaps { // also if there is no gap yet
		v = versionGaps
	}
	fmt.Fprintf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:0\n", v, l.targetSeconds(f))
	switch {
	case l.Event:
		fmt.Fprint(out, "#EXT-X-PLAYLIST-TYPE:EVENT\n")
	default:
		fmt.Fprint(out, "#EXT-X-PLAYLIST-TYPE:VOD\n")
	}
	if fmt.Fprint(out, only); only == "" && f.Independent && !l.Event {
		fmt.Fprint(out, "#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	p := printer{out: out, exact: only == ""}
	if err := l.entries(segments, func(e entry) bool {
		p.print(&e)
		return p.err == nil
	}); err != nil {
		return &CutError{err}
	}
	if l.Ended {
		fmt.Fprint(out, "#EXT-X-ENDLIST\n")
	}
	return out.Flush()
}

// printer prints the entries of a playlist.
type printer struct {
	out     *bufio.Writer
	exact   bool  // prints EXT-X-START
	part    *Part // part of the entry before with media
	expects int64 // UTC at which the next entry begins by the printed times; 0: none is printed
	lateNS  int64 // added to the wall clock of a part that by its clock begins before the end of the part before
	err     error
}

// describe prints the initialisation segment. Behind it, segments that are ranges are read right by ffmpeg 5.1 only if it is a range, too, and
// whole segments by GStreamer 1.22 only if it is none.
func (p *printer) describe(e *entry) {
	fmt.Fprintf(p.out, "#EXT-X-MAP:URI=\"%s\"", e.part.InitURI)
	if e.End == 0 {
		fmt.Fprintf(p.out, ",BYTERANGE=\"%d@0\"", e.initBytes)
	}
	fmt.Fprintln(p.out)
}

// print prints an entry. It gives the wall clock where it departs from the sum of the durations.
func (p *printer) print(e *entry) {
	if p.exact && p.expects == 0 && e.part.FromNS > e.StartNS {
		fmt.Fprintf(p.out, "#EXT-X-START:TIME-OFFSET=%s,PRECISE=YES\n", seconds(e.part.FromNS-e.StartNS))
	}
	if e.jumps {
		fmt.Fprint(p.out, "#EXT-X-DISCONTINUITY\n")
	}
	if !e.gap && p.part != e.part || p.part == nil {
		p.describe(e)
		p.part = e.part
	}
	if e.begins {
		if p.lateNS = p.expects - e.utc; p.lateNS < 0 || p.lateNS > clockErrorNS {
			p.lateNS = 0
		}
	}
	e.utc += p.lateNS
	if d := e.utc - p.expects; e.jumps || d < -toleranceNS || d > toleranceNS {
		fmt.Fprintf(p.out, "#EXT-X-PROGRAM-DATE-TIME:%s\n", time.Unix(0, e.utc).UTC().Format("2006-01-02T15:04:05.000Z"))
		p.expects = e.utc
	}
	lasts := micros(e.StartNS+e.DurationNS) - micros(e.StartNS)
	p.expects += lasts * 1000
	if e.gap {
		_, p.err = fmt.Fprintf(p.out, "#EXT-X-GAP\n#EXTINF:%s,\n%s\n", seconds(lasts*1000), GapURI)
		return
	}
	if e.End > 0 {
		_, p.err = fmt.Fprintf(p.out, "#EXTINF:%s,\n%s%s\n", seconds(lasts*1000), e.part.MadeURI, e.name())
		return
	}
	_, p.err = fmt.Fprintf(p.out, "#EXTINF:%s,\n#EXT-X-BYTERANGE:%d@%d\n%s\n", seconds(lasts*1000), e.SizeBytes, e.At, e.part.URI)
}

// GapURI is the address of the segments without media, which no client fetches.
const GapURI = "gap.mp4"

// toleranceNS is the departure of the wall clock from the sum of the durations that gets an
// EXT-X-PROGRAM-DATE-TIME.
const toleranceNS = int64(5 * time.Millisecond)

// clockErrorNS is the greatest time by which the clock of a file may be early: it is known less exactly than how long
// the media before lasts.
const clockErrorNS = int64(time.Second)

// micros rounds a time to microseconds, so that the sum of rounded durations stays right.
func micros(ns int64) int64 { return (ns + 500) / 1000 }

// seconds formats a duration that is not negative in seconds, with six decimals.
func seconds(ns int64) string {
	us := micros(ns)
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}
