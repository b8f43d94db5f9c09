package file

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/isobmff"
)

// fragments reads the fragments of a file one after another, for all of its
// tracks.
type fragments struct {
	f      io.ReaderAt
	in     *filesystem.Ahead // of headers
	size   int64
	begin  int64 // where the first may be
	at     int64 // where the next may be
	tracks map[uint32]*queue
	// cut is how many bytes at the end are of a fragment that is not whole.
	cut   int64
	claim claims // of those read so far
}

func newFragments(f io.ReaderAt, size, begin int64) *fragments {
	r := &fragments{f: f, size: size, begin: begin}
	r.rewind()
	return r
}

func (r *fragments) rewind() {
	r.at, r.in, r.claim = r.begin, filesystem.NewAhead(r.f, r.size), claims{size: r.size}
}

// queue is the samples of one track that were read and not given yet.
type queue struct {
	from     *fragments
	defaults trex
	samples  []sample
	given    int
	whole    int   // samples of fragments that are whole
	dts      int64 // of the next, where a fragment does not say
}

// trex is what a sample is where its fragment does not say.
type trex struct{ duration, size, flags uint32 }

const notSync = 0x00010000 // sample_is_non_sync_sample (ISO/IEC 14496-12, 8.8.3.1)

// The flags of tfhd and trun (ISO/IEC 14496-12, 8.8.7 and 8.8.8).
const (
	tfhdBase     = 0x01
	tfhdEntry    = 0x02
	tfhdDuration = 0x08
	tfhdSize     = 0x10
	tfhdFlags    = 0x20

	trunOffset      = 0x001
	trunFirstFlags  = 0x004
	trunDuration    = 0x100
	trunSize        = 0x200
	trunFlags       = 0x400
	trunComposition = 0x800
)

var errFragment = errors.New("fragment is damaged")

func (q *queue) next(s *sample) (bool, error) {
	for q.given == len(q.samples) {
		q.samples, q.given, q.whole = q.samples[:0], 0, 0
		if more, err := q.from.advance(); err != nil || !more {
			return false, err
		}
	}
	*s = q.samples[q.given]
	q.given++
	return true, nil
}

func (q *queue) rewind() {
	q.samples, q.given, q.whole, q.dts = q.samples[:0], 0, 0, 0
	q.from.rewind()
}

// advance reads the next fragment, and reports whether there was one.
func (r *fragments) advance() (bool, error) {
	for {
		h, ok, err := boxAt(r.in, r.at, r.size)
		if err != nil || !ok {
			return false, err
		}
		at := r.at
		if !h.Is("moof") {
			r.at = at + min(h.Size, r.size-at)
			continue
		}
		if h.Size > r.size-at {
			r.cut, r.at = r.size-at, r.size
			return false, nil
		}
		moof, err := isobmff.ReadPayload(r.in, at, h, r.size, maxMoof)
		if err != nil {
			return false, err
		}
		r.at = at + h.Size
		end, err := r.take(moof, at)
		if err != nil {
			return false, fmt.Errorf("at byte %d: %w", at, err)
		}
		if end > r.size { // the media is not all there
			r.drop()
			r.cut, r.at = r.size-at, r.size
			return false, nil
		}
		r.keep()
		return true, nil
	}
}

// take queues the samples of a moof and gives where the last of their bytes are.
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
	f := isobmff.NewFields(isobmff.Find(traf, "tfhd"))
	flags := f.U32() & 0xffffff
	q := r.tracks[f.U32()]
	base := before
	if flags&0x20000 != 0 || before == moof {
		base = moof
	}
	if flags&tfhdBase != 0 {
		base = int64(f.U64())
	}
	if q == nil { // a track that is left out
		return before, nil
	}
	d := q.defaults
	if flags&tfhdEntry != 0 {
		f.Skip(4)
	}
	for _, v := range [...]struct {
		flag uint32
		into *uint32
	}{{tfhdDuration, &d.duration}, {tfhdSize, &d.size}, {tfhdFlags, &d.flags}} {
		if flags&v.flag != 0 {
			*v.into = f.U32()
		}
	}
	if f.Short() || base < 0 || base > math.MaxInt64/4 {
		return 0, errFragment
	}
	if tfdt := isobmff.Find(traf, "tfdt"); tfdt != nil {
		t := isobmff.NewFields(tfdt)
		version := uint8(t.U32() >> 24)
		q.dts = int64(t.Versioned(version))
	}
	data := base
	for boxes := isobmff.Walk(traf); boxes.Next(); {
		if !boxes.Is("trun") {
			continue
		}
		if data, err = q.takeRun(boxes.Payload, d, base, data); err != nil {
			return 0, err
		}
	}
	return data, nil
}

// takeRun queues the samples of a trun and gives where their bytes end.
func (q *queue) takeRun(trun []byte, d trex, base, data int64) (int64, error) {
	f := isobmff.NewFields(trun)
	flags := f.U32() & 0xffffff
	n := f.U32()
	if flags&trunOffset != 0 {
		data = base + int64(int32(f.U32()))
	}
	first := d.flags
	if flags&trunFirstFlags != 0 {
		first = f.U32()
	}
	width := 0
	for _, each := range [...]uint32{trunDuration, trunSize, trunFlags, trunComposition} {
		if flags&each != 0 {
			width += 4
		}
	}
	if f.Short() || int64(n)*int64(width) > int64(len(f.Rest())) || data < 0 {
		return 0, errFragment
	}
	if err := q.from.claim.add(int64(n), 0); err != nil {
		return 0, err
	}
	for i := range n {
		s := sample{dts: q.dts, at: data, duration: int64(d.duration), size: d.size}
		own := d.flags
		if i == 0 {
			own = first
		}
		if flags&trunDuration != 0 {
			s.duration = int64(f.U32())
		}
		if flags&trunSize != 0 {
			s.size = f.U32()
		}
		if flags&trunFlags != 0 {
			own = f.U32()
		}
		if flags&trunComposition != 0 {
			s.offset = int32(f.U32())
		}
		s.sync = own&notSync == 0
		q.samples = append(q.samples, s)
		q.dts += s.duration
		data += int64(s.size)
		if q.dts < 0 || q.dts > math.MaxInt64/4 || data > math.MaxInt64/4 {
			return 0, errFragment
		}
		if data > q.from.size {
			continue // cut off, which is no claim
		}
		if err := q.from.claim.add(0, int64(s.size)); err != nil {
			return 0, err
		}
	}
	return data, nil
}

// keep marks what is queued as whole, and drop takes the newest fragment back.
func (r *fragments) keep() {
	for _, q := range r.tracks {
		q.whole = len(q.samples)
	}
}

func (r *fragments) drop() {
	for _, q := range r.tracks {
		q.samples = q.samples[:min(q.whole, len(q.samples))]
	}
}
