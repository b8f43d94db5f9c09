package stages

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// KeyframesConfig says how fast a time-lapse runs.
type KeyframesConfig struct {
	Speed uint32 `yaml:"speed" takes:"nothing" doc:"how many times faster than life: 60 makes a second of a minute; 1 keeps the times"`
}

// Validate refuses a speed that has no times.
func (c KeyframesConfig) Validate() error {
	if c.Speed < 1 || c.Speed > 1_000_000 {
		return errors.New("speed: 1 to 1000000 is possible")
	}
	return nil
}

func init() {
	pipeline.RegisterTransform("keyframes", KeyframesConfig{Speed: 60},
		"Makes a time-lapse: the pictures that decode without any other, without sound, as many times faster as asked for. What follows, such as the segmenter's max_duration, counts in the time-lapse's time.",
		newKeyframes, pipeline.GivesKeyFrames)
}

// keyframes makes a chunk of the key frames of each chunk that has any: of the lead
// track's pictures those that decode without any other, in a form in which they need
// none and are shown where they stand. A picture at which a decoder may begin, but
// which becomes whole only with those behind it, is none: it is left out and counted.
//
// Key frames are kept back until the next one comes, which ends the last exactly.
// Payloads are copied, so that the GOPs they came in do not stay in memory.
//
// Invariant: decoding time is presentation time, strictly increasing within a
// set, and that of the stream divided by speed: nothing adds up.
type keyframes struct {
	cfg  KeyframesConfig
	pool *media.Pool
	set  pipeline.Settings

	from  *media.TrackSet // that set was made for
	to    *media.TrackSet // its pictures; nil where it has none
	track int             // their place in from
	held  *media.Chunk    // the last key frames, not sealed
	begun bool            // the set has had a key frame
	last  int64           // its DTS, ticks
	delta int64           // between the last two
	seq   uint64          // of the next chunk
	next  uint64          // number of the chunk that is expected; 0 before the first
	gap   media.Gap       // before the next key frame
	gaps  []media.Gap     // of what came since the last one, within a file
	blind atomic.Bool

	alone   *codec.Standalone
	au      []byte        // the picture at hand
	sizes   []uint32      // of the key frames that the chunk at hand has so far
	times   []int64       // their DTS
	bytes   []byte        // they themselves, one after another
	passed  int64         // ns of the stream since the last picture that stands alone
	skipped int           // pictures left out since
	none    atomic.Int64  // ns: wall clock since when there is none to keep; 0 while there are
	dropped atomic.Uint64 // pictures left out
	lost    atomic.Uint64 // bytes of them
}

// A stream is said to have no picture that stands alone after so many at which a
// decoder may begin that do not, or after a time that no encoder takes on purpose.
const (
	maxSkipped = 2
	maxPassed  = int64(time.Minute)
)

func newKeyframes(set pipeline.Settings, cfg KeyframesConfig) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	return &keyframes{cfg: cfg, pool: pool, set: set, seq: 1}, nil
}

// Process takes the key frames out of a chunk.
func (k *keyframes) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[*media.Chunk]) error {
	if c.Mark != nil {
		if err := k.giveLast(emit); err != nil {
			c.Release()
			return err
		}
		return emit(c)
	}
	defer c.Release()
	k.noteGap(c)
	if c.Set != k.from {
		if err := k.change(c.Set, emit); err != nil {
			return err
		}
	}
	k.noteGaps(c)
	if k.to == nil {
		return nil
	}
	k.sizes, k.times, k.bytes = k.sizes[:0], k.times[:0], k.bytes[:0]
	col, first := &c.Tracks[k.track], 0
	for i, at := 0, 0; i < col.Len(); i++ {
		size := int(col.Size[i])
		if col.Flags[i]&media.FlagSync != 0 {
			if picture, ok := k.standalone(col, at, size); !ok {
				k.skip(size)
			} else {
				if len(k.sizes) == 0 {
					first = i
				}
				k.take(col.DTS[i]+int64(col.Offset[i]), picture)
			}
		}
		at += size
	}
	k.await(c.Span())
	if len(k.sizes) == 0 {
		if k.held != nil && !c.More { // no chunk of key frames comes for its end of the flush interval
			k.held.More = false
		}
		return nil
	}
	if err := k.give(k.times[0], emit); err != nil {
		return err
	}
	k.hold(c, first)
	return nil
}

// Flush gives the last key frame.
func (k *keyframes) Flush(_ context.Context, emit pipeline.Emit[*media.Chunk]) error {
	return k.giveLast(emit)
}

// Close releases what an abort left.
func (k *keyframes) Close() error {
	if k.held != nil {
		k.pool.Seal(k.held)
		k.held.Release()
		k.held = nil
	}
	return nil
}

// Report says when there is nothing to take key frames from.
func (k *keyframes) Report(r *pipeline.Report) {
	if k.blind.Load() {
		r.Warnings = append(r.Warnings, "the stage keyframes finds no pictures in this stream: nothing is recorded of it")
	}
	if n := k.dropped.Load(); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: k.set.Stage, Cause: media.DropNotDecodable, AccessUnits: n, Bytes: k.lost.Load()})
	}
	if since := k.none.Load(); since != 0 {
		r.Problems = append(r.Problems, pipeline.Problem{
			Problem: "no_standalone_pictures", Since: time.Unix(0, since), Failing: true,
			Cause: "no picture of the stream comes that decodes without others", Remedy: standaloneRemedy,
		})
	}
}

// standalone gives the form in which a picture needs no other; ok is false where it
// has none. The picture is size bytes of the payload, from an offset on.
func (k *keyframes) standalone(col *media.Columns, offset, size int) (picture []byte, ok bool) {
	k.au = k.au[:0]
	for _, b := range col.Payload.Slices(nil, offset, size) {
		k.au = append(k.au, b...)
	}
	return k.alone.Picture(k.au)
}

// skip leaves a picture out that does not stand alone.
func (k *keyframes) skip(size int) {
	k.dropped.Add(1)
	k.lost.Add(uint64(size))
	k.skipped++
}

const standaloneRemedy = "set a shorter key frame interval at the encoder, and turn intra refresh off: a time-lapse is made of key frames that need no other picture"

// await says once that there is none, while that is so.
func (k *keyframes) await(passed int64) {
	k.passed += passed
	if k.none.Load() == 0 && (k.skipped >= maxSkipped || k.passed > maxPassed) {
		k.none.Store(k.set.Clock.Now().UnixNano())
		k.set.Log.Warn("keyframes finds no picture in this stream that decodes alone: nothing goes on until one comes", "remedy", standaloneRemedy)
	}
}

// found begins to wait for the next one.
func (k *keyframes) found() {
	k.passed, k.skipped = 0, 0
	k.none.Store(0)
}

// noteGap keeps what is missing before a chunk for the next key frame.
func (k *keyframes) noteGap(c *media.Chunk) {
	gap := c.Gap
	if k.next != 0 && c.Seq > k.next && k.gap.None() { // both parts of a chunk have its number
		gap = media.Gap{Cause: c.HoleCause(), Chunks: int(c.Seq - k.next)}.Plus(gap)
	}
	k.gap, k.next = k.gap.Plus(gap), c.Seq+1
}

// noteGaps keeps what is missing in a chunk, of pictures, for the key frames that are
// held: they are shown meanwhile. Where none are it is kept for the next ones.
func (k *keyframes) noteGaps(c *media.Chunk) {
	if k.to == nil {
		k.gaps = k.gaps[:0]
		return
	}
	for _, g := range c.Gaps {
		if g.Track != 0 && g.Track != k.track+1 {
			continue
		}
		if g.Track = min(g.Track, 1); k.held != nil {
			k.held.NoteGap(g)
		} else {
			k.gaps = media.JoinChunkGap(k.gaps, g)
		}
	}
}

// change begins another set of tracks: its times have nothing to do with those
// before.
func (k *keyframes) change(from *media.TrackSet, emit pipeline.Emit[*media.Chunk]) error {
	if err := k.giveLast(emit); err != nil {
		return err
	}
	k.from, k.to, k.track, k.begun, k.delta = from, nil, from.Lead(), false, 0
	t := from.Tracks[k.track]
	k.blind.Store(t.Kind() != media.Video)
	if t.Kind() != media.Video {
		k.set.Log.Warn("keyframes finds no pictures in this stream: nothing of it goes on", "tracks", len(from.Tracks))
		return nil
	}
	t.FrameDuration = 0
	k.alone = codec.NewStandalone(&t)
	k.found()
	var err error
	if k.to, err = media.NewTrackSet(from.Generation, []media.Track{t}); err == nil {
		k.to.Speed = k.cfg.Speed
	}
	return err
}

// take adds a key frame, in its form, to those of the chunk at hand.
func (k *keyframes) take(shown int64, picture []byte) {
	k.found()
	dts := media.Rescale(shown, k.cfg.Speed, 1)
	if k.begun {
		dts = max(dts, k.last+1)
		k.delta = dts - k.last
	}
	k.begun, k.last = true, dts
	k.times, k.sizes = append(k.times, dts), append(k.sizes, uint32(len(picture)))
	k.bytes = append(k.bytes, picture...)
}

// hold makes the key frames that were taken from a chunk, from access unit first on,
// the held ones.
func (k *keyframes) hold(c *media.Chunk, first int) {
	h := k.pool.NewChunk(k.to, k.seq, []int{len(k.bytes)})
	k.seq++
	to, rest := &h.Tracks[0], k.bytes
	for _, b := range to.Payload.Blocks() {
		rest = rest[copy(b, rest):]
	}
	for i, dts := range k.times {
		to.DTS, to.Offset = append(to.DTS, dts), append(to.Offset, 0)
		to.Size, to.Flags = append(to.Size, k.sizes[i]), append(to.Flags, media.FlagSync)
	}
	h.StartsGOP, h.Gap, k.gap = true, k.gap, media.Gap{}
	h.Gaps, k.gaps = append(h.Gaps, k.gaps...), k.gaps[:0]
	h.UTC, h.Stepped, h.More = c.UTCAt(first), c.Stepped, c.More
	k.held = h
}

// give ends the held key frames where the next one begins, and hands them on.
func (k *keyframes) give(next int64, emit pipeline.Emit[*media.Chunk]) error {
	if k.held == nil {
		return nil
	}
	h := k.held
	k.held = nil
	h.Tracks[0].End = next
	k.pool.Seal(h)
	return emit(h)
}

// giveLast is give where no next one is known: it lasts as long as the one before,
// or a 25th of a second.
func (k *keyframes) giveLast(emit pipeline.Emit[*media.Chunk]) error {
	if k.held == nil {
		return nil
	}
	if k.delta == 0 {
		k.delta = max(int64(k.to.Tracks[0].Timescale)/25, 1)
	}
	return k.give(k.last+k.delta, emit)
}
