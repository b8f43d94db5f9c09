package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Reader makes chunks from a file, as the builder of a live stream makes them. A chunk ends at a sync sample of the
// lead track or after a flush interval, and contains as many short GOPs as fit. A reader belongs to one goroutine.
type Reader struct {
	f       *os.File
	name    string // file name without directory, for errors
	pool    *media.Pool
	set     *media.TrackSet
	flushNS int64 // flush interval, after which a chunk ends
	log     *slog.Logger

	movie    *movie
	tracks   []lane
	least    bool  // a chunk goes on until the lead track has leastBytes or leastUnits in it
	startUTC int64 // wall clock at media time 0, ns of UTC
	originNS int64 // decoding time of the first sample, ns
	lapNS    int64 // decoding time at which the current pass through the file begins, ns
	seq      uint64
	gather   gather
}

// lane is one track of a reader: its next sample, and the samples chosen for the current chunk.
type lane struct {
	*track
	head       isobmff.Sample
	more       bool  // head is a sample; false: the track has ended
	shiftTicks int64 // added to the file's decoding times; grows with each pass through the file
	lastTicks  int64 // decoding time of the newest chosen sample
	endTicks   int64 // end of it
	begun      bool  // a sample was chosen
	chosen     []isobmff.Sample
	bytes      int // total size of chosen
}

const (
	maxChunkBytes = 16 << 20
	maxUnits      = 1 << 14 // of one track in a chunk

	leastBytes   = 4 << 10
	leastUnits   = 64
	maxSpanTicks = math.MaxUint32 // longest chunk of a track
)

// Open opens a file and reads its moov. The chunks take their memory from pool; flush is the flush interval. now
// becomes the wall clock time of media time 0 if the file has no creation time. The caller closes the reader. An
// error has the file's name without the directory.
func Open(path string, pool *media.Pool, flush time.Duration, now time.Time, log *slog.Logger) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, named(path, err)
	}
	r := &Reader{f: f, name: filepath.Base(path), pool: pool, flushNS: int64(flush), log: log.With("file", filepath.Base(path))}
	if err := r.open(now); err != nil {
		_ = f.Close()
		return nil, named(path, err)
	}
	return r, nil
}

// named adds the file's name to an error. It removes the directory, because a client of the API may read the error.
func named(path string, err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", filepath.Base(path), err)
}

func (r *Reader) open(now time.Time) error {
	info, err := r.f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	r.gather.fileBytes = info.Size()
	if r.movie, err = readMovie(r.f, info.Size(), r.log); err != nil {
		return err
	}
	tracks := make([]media.Track, len(r.movie.tracks))
	for i := range r.movie.tracks {
		tracks[i] = r.movie.tracks[i].Track
		r.tracks = append(r.tracks, lane{track: &r.movie.tracks[i], shiftTicks: r.movie.tracks[i].shiftTicks})
	}
	if r.set, err = media.NewTrackSet(1, tracks); err != nil {
		return err
	}
	r.startUTC = r.movie.createdUTC
	if r.startUTC == 0 {
		r.startUTC = now.UnixNano()
	}
	sequential(r.f)
	if err := r.fillHeads(); err != nil {
		return err
	}
	r.originNS, _ = r.first()
	r.lapNS = r.originNS
	return nil
}

// Coarse sets that a chunk goes on past key frames and the flush interval while it is tiny: while it has less than 4
// KiB and less than 64 access units of the lead track. The headers of a fragment take some hundred bytes. A file of
// many small pictures, each a key frame or seconds from the next, would otherwise become many times as large when it
// is written again.
func (r *Reader) Coarse() { r.least = true }

// Tracks returns the supported tracks of the file.
func (r *Reader) Tracks() *media.TrackSet { return r.set }

// Duration returns the duration of the longest track, by the sample tables. It returns 0 for a fragmented file,
// whose duration is known only after reading it.
func (r *Reader) Duration() (longest time.Duration) {
	for i := range r.tracks {
		if t, ok := r.tracks[i].samples.(*isobmff.SampleTable); ok {
			longest = max(longest, time.Duration(media.ToNanos(t.Ticks(), r.tracks[i].Timescale)))
		}
	}
	return longest
}

// Content returns two sizes of an ordinary file, which it reads from the sample tables. media is the bytes of the
// media. moov bounds the bytes of the sample tables in the moov of a new file that is written from the chunks of a
// reader with Coarse. Both are 0 for a fragmented file.
func (r *Reader) Content() (media, moov int64) {
	c := r.movie.claim
	for i := range r.tracks {
		if t, ok := r.tracks[i].samples.(*isobmff.SampleTable); ok {
			moov += t.TimeBytes()
		}
	}
	chunks := c.units/leastUnits + c.bytes/leastBytes
	return c.bytes, moov + 4*c.units + (12+8)*chunks
}

// EndNS returns the end of a chunk, ns since the first sample of the file.
func (r *Reader) EndNS(c *media.Chunk) int64 { return c.UTC + c.SpanNS() - r.startUTC - r.originNS }

// Close closes the file.
func (r *Reader) Close() error { return r.f.Close() }

func (r *Reader) fillHeads() error {
	for i := range r.tracks {
		if err := r.tracks[i].advance(); err != nil {
			return fmt.Errorf("track %d: %w", r.tracks[i].id, err)
		}
	}
	return nil
}

// advance sets head to the next sample that is not empty. Decoding times must increase. If the decoding time of the
// sample does not, it becomes one tick more than the one before, and the presentation time stays.
func (l *lane) advance() (err error) {
	for {
		l.more, err = l.samples.Next(&l.head)
		if err != nil || !l.more || l.head.SizeBytes > 0 {
			break
		}
	}
	if !l.more || err != nil {
		return err
	}
	if l.head.SizeBytes > media.MaxAccessUnitBytes {
		return fmt.Errorf("a sample of %d bytes: %w", l.head.SizeBytes, media.ErrTooLarge)
	}
	l.head.DTS += l.shiftTicks
	if n := len(l.chosen); n > 0 && l.head.DTS <= l.chosen[n-1].DTS {
		l.hold(l.chosen[n-1].DTS + 1)
	} else if least := l.least(); n == 0 && l.begun && l.head.DTS < least {
		l.hold(least)
	}
	return nil
}

// least returns the least decoding time of the sample after the newest chosen one. Metadata may be late: its sample at
// the end of a fragment was written before the time of the next one was known.
func (l *lane) least() int64 {
	if l.Kind() == media.Metadata {
		return l.lastTicks + 1
	}
	return l.endTicks
}

func (l *lane) hold(dts int64) {
	l.head.OffsetTicks -= int32(min(dts-l.head.DTS, 1<<30))
	l.head.DTS = dts
}

// at returns the decoding time of the next sample, head, in ns.
func (l *lane) at() int64 { return media.ToNanos(l.head.DTS, l.Timescale) }

// span is the range of decoding times of a chunk.
type span struct {
	lead            bool // the chunk begins with the next sample of the lead track
	fromNS, untilNS int64
}

// Next returns the next chunk, with one reference for the caller. After the last chunk it returns io.EOF.
func (r *Reader) Next() (*media.Chunk, error) {
	if err := r.wake(); err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	s, more := r.choose()
	if !more {
		return nil, io.EOF
	}
	if err := r.take(s); err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	c, err := r.build(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	return c, nil
}

// choose returns the range of the next chunk. It begins with the lead track's next sample, unless the lead track has
// ended or another track has a sample more than a flush interval earlier; it then begins with the earliest sample. more
// is false if no sample is left.
func (r *Reader) choose() (s span, more bool) {
	first, more := r.first()
	l := &r.tracks[r.set.Lead()]
	switch {
	case !l.more:
		return span{fromNS: first, untilNS: first + r.flushNS}, more
	case l.at() > first+r.flushNS:
		return span{fromNS: first, untilNS: first + r.flushNS}, more
	}
	return span{lead: true, fromNS: l.at(), untilNS: l.at() + r.flushNS}, more
}

// first returns the earliest decoding time of the next samples of all tracks, in ns. more is false if no sample is
// left.
func (r *Reader) first() (at int64, more bool) {
	for i := range r.tracks {
		if l := &r.tracks[i]; l.more && (!more || l.at() < at) {
			at, more = l.at(), true
		}
	}
	return at, more
}

// take chooses the samples of a chunk in the range s. It chooses those of the lead track first. If that track then
// has a next sample, the samples of the other tracks end at the decoding time of that sample.
func (r *Reader) take(s span) error {
	for i := range r.tracks {
		r.tracks[i].chosen, r.tracks[i].bytes = r.tracks[i].chosen[:0], 0
	}
	lead := r.set.Lead()
	until := s.untilNS
	if s.lead {
		l := &r.tracks[lead]
		if err := l.choose(until, maxChunkBytes, l.Kind() == media.Video, r.least); err != nil {
			return err
		}
		if l.more {
			until = l.at()
		} else {
			until = max(until, media.ToNanos(l.endTicks, l.Timescale))
		}
	}
	if err := r.wake(); err != nil {
		return err
	}
	for i := range r.tracks {
		if i != lead {
			if err := r.tracks[i].choose(until, maxChunkBytes, false, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// choose chooses samples with decoding times before until, ns, and at most maxUnits samples, limit bytes and
// maxSpanTicks. With cut, it stops before a GOP that would end after until if it were as long as the GOP before,
// and at the end of a GOP that began in an earlier chunk. With least, neither until nor a sync sample ends a tiny
// chunk, which Coarse defines.
func (l *lane) choose(until int64, limit int, cut, least bool) error {
	gop, begins := l.at(), l.head.Sync
	for l.more && len(l.chosen) < maxUnits {
		n := len(l.chosen)
		tiny := least && l.bytes < leastBytes && n < leastUnits
		long := n > 0 && l.head.DTS+l.head.DurationTicks-l.chosen[0].DTS > maxSpanTicks
		if long || !tiny && l.at() >= until || n > 0 && l.bytes+int(l.head.SizeBytes) > limit {
			break
		}
		if n > 0 && cut && l.head.Sync && !tiny {
			at := l.at()
			if !begins || at+(at-gop) > until {
				break
			}
			gop = at
		}
		l.chosen = append(l.chosen, l.head)
		l.bytes += int(l.head.SizeBytes)
		l.begun, l.lastTicks, l.endTicks = true, l.head.DTS, l.head.DTS+max(l.head.DurationTicks, 1)
		if err := l.advance(); err != nil {
			return fmt.Errorf("track %d: %w", l.id, err)
		}
	}
	return nil
}

// build makes a chunk of the samples that take chose in the range s, and reads their media from the file. The caller
// gets one reference. build fails only if the reading fails.
func (r *Reader) build(s span) (*media.Chunk, error) {
	r.gather.reset(len(r.tracks))
	for i := range r.tracks {
		r.gather.sizes[i] = r.tracks[i].bytes
	}
	r.seq++
	c := r.pool.NewChunk(r.set, r.seq, r.gather.sizes)
	c.UTC = r.startUTC + s.fromNS
	for i := range r.tracks {
		l, col := &r.tracks[i], &c.Tracks[i]
		if len(l.chosen) == 0 {
			continue
		}
		r.gather.add(col.Payload.Blocks(), l.chosen)
		l.describe(col)
	}
	c.StartsGOP = s.lead && c.Lead().Flags[0]&media.FlagSync != 0
	err := r.gather.read(r.f)
	r.pool.Seal(c)
	if err != nil {
		c.Release()
		return nil, err
	}
	return c, nil
}

// describe appends the times, sizes and flags of the chosen samples to the columns of a track.
func (l *lane) describe(col *media.Columns) {
	for i := range l.chosen {
		s := &l.chosen[i]
		flags := uint8(0)
		if s.Sync || l.Codec.AlwaysSync() {
			flags = media.FlagSync
		}
		col.DTS, col.OffsetTicks = append(col.DTS, s.DTS), append(col.OffsetTicks, s.OffsetTicks)
		col.SizeBytes, col.Flags = append(col.SizeBytes, s.SizeBytes), append(col.Flags, flags)
	}
	col.EndTicks = l.endTicks
	if l.more {
		col.EndTicks = l.head.DTS
	}
}

// Again makes Next continue with the first sample of the file. The caller calls it after the last chunk. Times continue
// to increase. It returns an error if the file has no duration, and so cannot be played in a loop.
func (r *Reader) Again() error {
	lap := r.lapNS
	for i := range r.tracks {
		l := &r.tracks[i]
		r.lapNS = max(r.lapNS, media.ToNanos(l.endTicks, l.Timescale))
		l.samples.Rewind()
		l.chosen = l.chosen[:0]
	}
	if r.lapNS <= lap {
		return fmt.Errorf("%s: it has no length: it cannot be played in a loop", r.name)
	}
	for i := range r.tracks {
		l := &r.tracks[i]
		l.shiftTicks = l.track.shiftTicks + media.FromNanos(r.lapNS-r.originNS, l.Timescale)
	}
	return r.fillHeads()
}

// Cut returns the number of bytes at the end of a fragmented file that were left out, because they belong to an
// incomplete fragment. It is known after the last chunk.
func (r *Reader) Cut() int64 {
	if r.movie.fragments == nil {
		return 0
	}
	return r.movie.fragments.cut
}
