package file

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
)

// fragments reads the fragments of a file one after another, for all of its tracks.
type fragments struct {
	f         io.ReaderAt
	in        *filesystem.Ahead // reads the headers of boxes
	fileBytes int64
	begin     int64             // offset at which the first fragment may begin
	at        int64             // offset at which the next fragment may begin
	tracks    map[uint32]*queue // by track ID
	// cut is the number of bytes at the end of the file that were left out with an incomplete fragment.
	cut   int64
	claim claims // of the fragments read so far
}

func newFragments(f io.ReaderAt, size, begin int64) *fragments {
	r := &fragments{f: f, fileBytes: size, begin: begin}
	r.rewind()
	return r
}

func (r *fragments) rewind() {
	r.at, r.in, r.claim = r.begin, filesystem.NewAhead(r.f, r.fileBytes), claims{fileBytes: r.fileBytes}
}

// queue holds the samples of one track that were read from fragments and not returned yet.
type queue struct {
	from     *fragments
	defaults isobmff.SampleDefaults
	// aside is set for metadata beside other tracks. Its next sample may be hours away, so Next reads no fragment for it,
	// and returns false until another track's Next has read one with a sample.
	aside    bool
	samples  []isobmff.Sample
	given    int   // number of samples that Next has returned
	whole    int   // number of samples of complete fragments
	dtsTicks int64 // end of the newest sample: decoding time of the next one unless its fragment has a tfdt
	join     joins
}

var errFragment = errors.New("fragment is damaged")

func (q *queue) Next(s *isobmff.Sample) (bool, error) {
	for q.given == len(q.samples) {
		q.samples, q.given, q.whole = q.samples[:0], 0, 0
		if q.aside {
			return false, nil
		}
		if more, err := q.from.advance(); err != nil || !more {
			return false, err
		}
	}
	*s = q.samples[q.given]
	q.given++
	return true, nil
}

func (q *queue) Rewind() {
	q.samples, q.given, q.whole, q.dtsTicks = q.samples[:0], 0, 0, 0
	q.from.rewind()
}

// advance queues the samples of the next fragment. It returns false at the end of the file, and before an incomplete
// fragment.
func (r *fragments) advance() (bool, error) {
	for {
		h, ok, err := boxAt(r.in, r.at, r.fileBytes)
		if err != nil || !ok {
			return false, err
		}
		at := r.at
		if !h.Is("moof") {
			r.at = at + min(h.SizeBytes, r.fileBytes-at)
			continue
		}
		if h.SizeBytes > r.fileBytes-at {
			r.cut, r.at = r.fileBytes-at, r.fileBytes
			return false, nil
		}
		moof, err := isobmff.ReadPayload(r.in, at, h, r.fileBytes, isobmff.MaxMoofBytes)
		if err != nil {
			return false, err
		}
		r.at = at + h.SizeBytes
		end, err := r.take(moof, at)
		if err != nil {
			return false, fmt.Errorf("at byte %d: %w", at, err)
		}
		if end > r.fileBytes { // the mdat is incomplete
			r.drop()
			r.cut, r.at = r.fileBytes-at, r.fileBytes
			return false, nil
		}
		r.keep()
		return true, nil
	}
}

// take queues the samples of a moof at the offset at, and returns the offset after their last byte.
func (r *fragments) take(moof []byte, at int64) (end int64, err error) {
	end = at
	for boxes := isobmff.Walk(moof); boxes.Next(); {
		if !boxes.Is("traf") {
			continue
		}
		e, err := r.takeTrack(boxes.Payload, at, end)
		if err != nil {
			return end, err
		}
		end = max(end, e)
	}
	return end, nil
}

func (r *fragments) takeTrack(traf []byte, moof, before int64) (end int64, err error) {
	h, whole := isobmff.ReadTfhd(isobmff.Find(traf, "tfhd"))
	q := r.tracks[h.TrackID]
	base := before
	if h.Flags&isobmff.TfhdBaseIsMoof != 0 || before == moof {
		base = moof
	}
	if h.Flags&isobmff.TfhdBaseDataOffset != 0 {
		base = h.BaseDataOffset
	}
	if q == nil { // a track that is left out
		return before, nil
	}
	if !whole || base < 0 || base > math.MaxInt64/4 {
		return 0, errFragment
	}
	if tfdt := isobmff.Find(traf, "tfdt"); tfdt != nil {
		ticks, _, _ := isobmff.ReadTfdt(tfdt)
		q.dtsTicks = int64(ticks)
	}
	defaults, data := h.Over(q.defaults), base
	for boxes := isobmff.Walk(traf); boxes.Next(); {
		if !boxes.Is("trun") {
			continue
		}
		if data, err = q.takeRun(boxes.Payload, &defaults, base, data); err != nil {
			return 0, err
		}
	}
	return data, nil
}

// takeRun queues the samples of a trun, and returns the offset after their last byte. base is the offset to which the
// trun's data offset is relative. data is the offset of the first sample of a trun without a data offset.
func (q *queue) takeRun(trun []byte, defaults *isobmff.SampleDefaults, base, data int64) (int64, error) {
	run, whole := isobmff.ReadTrun(trun)
	if run.Flags&isobmff.TrunDataOffset != 0 {
		data = base + int64(run.DataOffset)
	}
	if !whole || !run.Whole() || data < 0 {
		return 0, errFragment
	}
	if err := q.from.claim.add(q.join.units(&run, defaults), 0); err != nil {
		return 0, err
	}
	for i := 0; i < run.Len(); {
		u := run.Sample(i, defaults)
		frames := 1
		if q.join.frame(&u) {
			frames = run.Alike(i, int(q.join.most), defaults)
		}
		i += frames
		u.SizeBytes *= uint32(frames)
		ticks := int64(u.DurationTicks) * int64(frames)
		q.samples = append(q.samples, isobmff.Sample{
			DTS: q.dtsTicks, DurationTicks: ticks, OffsetTicks: u.OffsetTicks, SizeBytes: u.SizeBytes, Sync: u.Sync(), At: data,
		})
		q.dtsTicks += ticks
		data += int64(u.SizeBytes)
		if q.dtsTicks < 0 || q.dtsTicks > math.MaxInt64/4 || data > math.MaxInt64/4 {
			return 0, errFragment
		}
		if data > q.from.fileBytes {
			continue // the file is cut off there; the claim is not false
		}
		if err := q.from.claim.add(0, int64(u.SizeBytes)); err != nil {
			return 0, err
		}
	}
	return data, nil
}

// keep marks the samples in the queues as samples of complete fragments, so that drop keeps them.
func (r *fragments) keep() {
	for _, q := range r.tracks {
		q.whole = len(q.samples)
	}
}

// drop removes the samples that were queued since the last keep: they belong to the newest fragment, which is
// incomplete.
func (r *fragments) drop() {
	for _, q := range r.tracks {
		q.samples = q.samples[:min(q.whole, len(q.samples))]
	}
}

// wake sets the heads of the tracks whose samples come with the fragments that were read for other tracks: see
// queue.aside.
func (r *Reader) wake() error {
	for i := range r.tracks {
		l := &r.tracks[i]
		if q, ok := l.samples.(*queue); ok && q.aside && !l.more {
			if err := l.advance(); err != nil {
				return fmt.Errorf("track %d: %w", l.id, err)
			}
		}
	}
	return nil
}
