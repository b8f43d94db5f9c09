package index

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/gospool/spool/pipeline/isobmff"
)

// ErrSamples is the error of an Encoder for samples or tracks that no index can hold, such as
// samples whose DTS decrease, samples outside the file, or more than MaxTracks tracks.
var ErrSamples = errors.New("the samples make no index")

// Encoder makes an index. The caller calls Track for each track, after it Add for each of the
// track's samples in decoding order, and finally Finish once. Errors are returned by Finish. The
// zero value is ready for use.
type Encoder struct {
	tracks []encoded
	blocks []byte         // the finished blocks of all tracks
	block  block          // the unfinished block
	held   isobmff.Sample // the newest sample: the next sample determines its duration
	holds  bool           // held is set
	sync   int64          // number of the track's newest sync sample; -1: none
	end    int64          // greatest end of a sample in the file
	err    error
}

// encoded is a track of an Encoder, with the directory entries of its blocks.
type encoded struct {
	Track
	entries []entry
}

// Track begins a track. It takes the ID, the timescale and the handler from t, and computes the
// other fields from the samples.
func (e *Encoder) Track(t Track) {
	e.flush()
	e.tracks = append(e.tracks, encoded{Track: Track{ID: t.ID, Timescale: t.Timescale, Handler: t.Handler}})
	e.sync = -1
	if t.Timescale == 0 || len(e.tracks) > MaxTracks {
		e.err = fmt.Errorf("%w: track %d of %d, timescale %d", ErrSamples, t.ID, len(e.tracks), t.Timescale)
	}
}

// Reserve makes room for the given number of samples of the current track, to be called before Add.
func (e *Encoder) Reserve(samples int) {
	t := &e.tracks[len(e.tracks)-1]
	t.entries = slices.Grow(t.entries, (samples+BlockSamples-1)/BlockSamples)
	e.blocks = slices.Grow(e.blocks, usualSampleBytes*samples)
}

// usualSampleBytes is the usual number of bytes of a block for each sample.
const usualSampleBytes = 3

// Add adds the next sample of the track. It does not keep s. The duration of a sample is the
// difference to the DTS of the next one; s.DurationTicks counts for the track's last sample only.
func (e *Encoder) Add(s *isobmff.Sample) {
	if e.holds {
		e.held.DurationTicks = s.DTS - e.held.DTS
		e.put(&e.held)
	}
	e.held, e.holds = *s, true
}

// put adds a sample, with its duration, to the current track and its unfinished block (e.block).
func (e *Encoder) put(s *isobmff.Sample) {
	t := &e.tracks[len(e.tracks)-1]
	if s.DurationTicks < 0 || s.DurationTicks > maxTicks || s.DTS < -maxTicks || s.DTS > maxTicks-s.DurationTicks || s.At < 0 || s.At > maxPlace {
		e.err = fmt.Errorf("%w: track %d, sample %d: DTS %d, duration %d, byte %d", ErrSamples, t.ID, t.Samples, s.DTS, s.DurationTicks, s.At)
		return
	}
	k := &e.block
	if k.n == 0 {
		k.dts, k.at = s.DTS, s.At
		t.entries = append(t.entries, entry{dts: s.DTS, at: s.At, sync: e.sync})
	}
	k.duration[k.n], k.offset[k.n], k.size[k.n] = s.DurationTicks, int64(s.OffsetTicks), int64(s.SizeBytes)
	k.sync[k.n], k.place[k.n] = s.Sync, s.At
	k.n++
	e.end = max(e.end, s.At+int64(s.SizeBytes))
	if s.Sync {
		e.sync = t.Samples
	}
	if t.Samples == 0 {
		t.MinOffsetTicks, t.MaxOffsetTicks = s.OffsetTicks, s.OffsetTicks
	}
	t.MinOffsetTicks, t.MaxOffsetTicks = min(t.MinOffsetTicks, s.OffsetTicks), max(t.MaxOffsetTicks, s.OffsetTicks)
	t.Samples++
	t.EndTicks = s.DTS + s.DurationTicks
	if k.n == BlockSamples {
		e.flushBlock(t)
	}
}

// flushBlock appends the unfinished block of the track t to e.blocks, completes its entry in
// t.entries, and empties e.block. It does nothing if the block has no samples.
func (e *Encoder) flushBlock(t *encoded) {
	if e.block.n == 0 {
		return
	}
	last := &t.entries[len(t.entries)-1]
	last.pos = int64(len(e.blocks))
	e.blocks = e.block.append(e.blocks)
	text := e.blocks[last.pos:]
	last.bytes, last.sum = uint32(len(text)), crc32.Checksum(text, castagnoli)
	e.block.n = 0
}

// flush adds the last sample of the current track and ends its last block. It does nothing
// before the first track.
func (e *Encoder) flush() {
	if len(e.tracks) == 0 {
		return
	}
	if e.holds {
		e.put(&e.held)
		e.holds = false
	}
	e.flushBlock(&e.tracks[len(e.tracks)-1])
}

// Finish returns the encoded index. The parameter of describes the file of the samples. Finish
// returns ErrSamples if the index cannot hold one of the samples or tracks.
func (e *Encoder) Finish(of Source) ([]byte, error) {
	e.flush()
	if e.err != nil {
		return nil, e.err
	}
	if of.Bytes > maxPlace || e.end > of.Bytes {
		return nil, fmt.Errorf("%w: they end at byte %d of %d", ErrSamples, e.end, of.Bytes)
	}
	head := headBytes + trackBytes*len(e.tracks) + 4
	directory := 0
	for i := range e.tracks {
		directory += entryBytes * len(e.tracks[i].entries)
	}
	size := head + directory + len(e.blocks)
	b := make([]byte, 0, size)
	b = append(b, magic...)
	b = le.AppendUint32(b, Version)
	b = le.AppendUint32(b, uint32(len(e.tracks)))
	b = append(b, of.Recording[:]...)
	b = le.AppendUint64(b, uint64(of.Bytes))
	b = le.AppendUint64(b, uint64(size))
	b = le.AppendUint32(b, of.Moov)
	b = le.AppendUint64(b, uint64(of.ModifiedNS))
	b = append(b, make([]byte, headBytes-len(b))...)
	for i := range e.tracks {
		b = e.tracks[i].append(b)
	}
	b = le.AppendUint32(b, crc32.Checksum(b, castagnoli))
	var s seeds
	for i := range e.tracks {
		for k := range e.tracks[i].entries {
			b = e.tracks[i].entries[k].append(b, s.of(of.Recording, i, int64(k)))
		}
	}
	return append(b, e.blocks...), nil
}

func (t *Track) append(b []byte) []byte {
	from := len(b)
	b = le.AppendUint32(b, t.ID)
	b = le.AppendUint32(b, t.Timescale)
	b = append(b, t.Handler[:]...)
	b = le.AppendUint64(b, uint64(t.Samples))
	b = le.AppendUint64(b, uint64(t.EndTicks))
	b = le.AppendUint32(b, uint32(t.MinOffsetTicks))
	b = le.AppendUint32(b, uint32(t.MaxOffsetTicks))
	return append(b, make([]byte, trackBytes-(len(b)-from))...)
}

func (e *entry) append(b []byte, seed uint32) []byte {
	from := len(b)
	b = le.AppendUint64(b, uint64(e.dts))
	b = le.AppendUint64(b, uint64(e.at))
	b = le.AppendUint64(b, uint64(e.pos)<<16|uint64(e.bytes)) // pos below 1<<48, bytes below 1<<16
	b = le.AppendUint64(b, uint64(e.sync+1))
	b = le.AppendUint32(b, e.sum)
	return le.AppendUint32(b, crc32.Update(seed, castagnoli, b[from:]))
}
