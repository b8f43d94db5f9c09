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

// KeyframesConfig sets the speed of a time-lapse.
type KeyframesConfig struct {
	Speed uint32 `yaml:"speed" takes:"nothing" doc:"speed-up of the time-lapse: 60 turns a minute into a second; 1 keeps the times"`
}

// Validate refuses an impossible speed.
func (c KeyframesConfig) Validate() error {
	if c.Speed < 1 || c.Speed > 1_000_000 {
		return errors.New("speed: 1 to 1000000 is possible")
	}
	return nil
}

func init() {
	pipeline.RegisterTransform("keyframes", KeyframesConfig{Speed: 60},
		"Makes a time-lapse: the pictures that decode without any other, without sound, speed times faster. The stages behind it, such as the segmenter with max_duration, count in the time-lapse's time.",
		newKeyframes, pipeline.GivesKeyFrames)
}

// keyframes reduces each chunk to a chunk of its key frames: the lead track's pictures that decode
// without any other, rewritten so that they need no other and are shown at their own time. A random
// access picture that later pictures complete (such as one of an intra refresh) does not qualify:
// it is left out and counted.
//
// The newest key frames are held until the next one comes, because it ends them exactly. Payloads
// are copied, so that the GOPs of the key frames do not stay in memory.
//
// Invariant: the decoding time equals the presentation time, increases strictly within a set, and
// is the stream's time divided by speed, so that rounding errors do not add up.
type keyframes struct {
	cfg  KeyframesConfig
	pool *media.Pool
	set  pipeline.Settings

	from       *media.TrackSet // the source of to
	to         *media.TrackSet // the track of key frames; nil when from has no video
	track      int             // the video track's index in from
	held       *media.Chunk    // the newest key frames, not sealed
	begun      bool            // the set has had a key frame
	lastTicks  int64           // DTS of the newest key frame, ticks
	deltaTicks int64           // between the newest two, ticks
	seq        uint64          // of the next chunk
	next       uint64          // expected sequence number; 0 before the first chunk
	gap        media.Gap       // before the next key frame
	gaps       []media.Gap     // within a file, since the newest key frame
	blind      atomic.Bool

	alone        *codec.Standalone
	au           []byte        // the current picture
	sizes        []uint32      // of the key frames found so far in the current chunk
	dtsTicks     []int64       // their DTS
	bytes        []byte        // their payloads, one after another
	passedNS     int64         // ns of the stream since the last picture that stands alone
	skipped      int           // pictures left out since then
	noneSinceUTC atomic.Int64  // ns of UTC since no key frame qualifies; 0 while some do
	dropped      atomic.Uint64 // pictures left out
	lost         atomic.Uint64 // their bytes
}

// maxSkipped random access pictures that do not stand alone, or maxPassedNS without one that does,
// are reported as a problem. No encoder has such a long key frame interval on purpose.
const (
	maxSkipped  = 2
	maxPassedNS = int64(time.Minute)
)

func newKeyframes(set pipeline.Settings, cfg KeyframesConfig) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	return &keyframes{cfg: cfg, pool: pool, set: set, seq: 1}, nil
}

// Process replaces a chunk by a chunk of its key frames.
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
	k.sizes, k.dtsTicks, k.bytes = k.sizes[:0], k.dtsTicks[:0], k.bytes[:0]
	col, first := &c.Tracks[k.track], 0
	for i, at := 0, 0; i < col.Len(); i++ {
		size := int(col.SizeBytes[i])
		if col.Flags[i]&media.FlagSync != 0 {
			if picture, ok := k.standalone(col, at, size); !ok {
				k.skip(size)
			} else {
				if len(k.sizes) == 0 {
					first = i
				}
				k.take(col.DTS[i]+int64(col.OffsetTicks[i]), picture)
			}
		}
		at += size
	}
	k.await(c.SpanNS())
	if len(k.sizes) == 0 {
		if k.held != nil && !c.More { // no chunk of key frames ends this flush interval
			k.held.More = false
		}
		return nil
	}
	if err := k.give(k.dtsTicks[0], emit); err != nil {
		return err
	}
	k.hold(c, first)
	return nil
}

// Flush emits the newest key frames.
func (k *keyframes) Flush(_ context.Context, emit pipeline.Emit[*media.Chunk]) error {
	return k.giveLast(emit)
}

// Close releases the key frames that an abort left.
func (k *keyframes) Close() error {
	if k.held != nil {
		k.pool.Seal(k.held)
		k.held.Release()
		k.held = nil
	}
	return nil
}

// Report adds the pictures that were left out, a warning if the stream has no video, and a problem
// while none of its pictures decodes alone.
func (k *keyframes) Report(r *pipeline.Report) {
	if k.blind.Load() {
		r.Warnings = append(r.Warnings, "the stage keyframes finds no pictures in this stream: nothing is recorded of it")
	}
	if n := k.dropped.Load(); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: k.set.Stage, Cause: media.DropNotDecodable, AccessUnits: n, Bytes: k.lost.Load()})
	}
	if since := k.noneSinceUTC.Load(); since != 0 {
		r.Problems = append(r.Problems, pipeline.Problem{
			Problem: "no_standalone_pictures", Since: time.Unix(0, since), Failing: true,
			Cause: "no picture of the stream decodes without others", Remedy: standaloneRemedy,
		})
	}
}

// standalone returns a picture rewritten so that it needs no other. ok is false when that is
// impossible. The picture is size bytes of the payload from offset on.
func (k *keyframes) standalone(col *media.Columns, offset, size int) (picture []byte, ok bool) {
	k.au = k.au[:0]
	for _, b := range col.Payload.Slices(nil, offset, size) {
		k.au = append(k.au, b...)
	}
	return k.alone.Picture(k.au)
}

// skip counts a picture that does not stand alone.
func (k *keyframes) skip(size int) {
	k.dropped.Add(1)
	k.lost.Add(uint64(size))
	k.skipped++
}

const standaloneRemedy = "set a shorter key frame interval at the encoder, and turn intra refresh off: a time-lapse is made of key frames that need no other picture"

// await reports, once, that no picture of the stream stands alone.
func (k *keyframes) await(passed int64) {
	k.passedNS += passed
	if k.noneSinceUTC.Load() == 0 && (k.skipped >= maxSkipped || k.passedNS > maxPassedNS) {
		k.noneSinceUTC.Store(k.set.Clock.Now().UnixNano())
		k.set.Log.Warn("keyframes finds no picture in this stream that decodes alone: nothing is recorded until one comes", "remedy", standaloneRemedy)
	}
}

// found restarts the wait for the next picture that stands alone.
func (k *keyframes) found() {
	k.passedNS, k.skipped = 0, 0
	k.noneSinceUTC.Store(0)
}

// noteGap keeps the gap before a chunk for the next key frame.
func (k *keyframes) noteGap(c *media.Chunk) {
	gap := c.Gap
	if k.next != 0 && c.Seq > k.next && k.gap.None() { // both halves of a split chunk have its number
		gap = media.Gap{Cause: c.HoleCause(), Chunks: int(c.Seq - k.next)}.Plus(gap)
	}
	k.gap, k.next = k.gap.Plus(gap), c.Seq+1
}

// noteGaps adds the gaps inside a chunk that concern the video track to the held key frames, which
// are shown meanwhile. Without any, it keeps the gaps for the next ones.
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

// change starts a new set of tracks. Its times are unrelated to those of the previous set.
func (k *keyframes) change(from *media.TrackSet, emit pipeline.Emit[*media.Chunk]) error {
	if err := k.giveLast(emit); err != nil {
		return err
	}
	k.from, k.to, k.track, k.begun, k.deltaTicks = from, nil, from.Lead(), false, 0
	t := from.Tracks[k.track]
	k.blind.Store(t.Kind() != media.Video)
	if t.Kind() != media.Video {
		k.set.Log.Warn("keyframes finds no pictures in this stream: nothing is recorded of it", "tracks", len(from.Tracks))
		return nil
	}
	t.FrameDurationTicks = 0
	k.alone = codec.NewStandalone(&t)
	k.found()
	var err error
	if k.to, err = media.NewTrackSet(from.Generation, []media.Track{t}); err == nil {
		k.to.Speed = k.cfg.Speed
	}
	return err
}

// take adds a rewritten key frame to those of the current chunk.
func (k *keyframes) take(shown int64, picture []byte) {
	k.found()
	dts := media.Rescale(shown, k.cfg.Speed, 1)
	if k.begun {
		dts = max(dts, k.lastTicks+1)
		k.deltaTicks = dts - k.lastTicks
	}
	k.begun, k.lastTicks = true, dts
	k.dtsTicks, k.sizes = append(k.dtsTicks, dts), append(k.sizes, uint32(len(picture)))
	k.bytes = append(k.bytes, picture...)
}

// hold holds the key frames that were taken from a chunk, from access unit first on.
func (k *keyframes) hold(c *media.Chunk, first int) {
	h := k.pool.NewChunk(k.to, k.seq, []int{len(k.bytes)})
	k.seq++
	to, rest := &h.Tracks[0], k.bytes
	for _, b := range to.Payload.Blocks() {
		rest = rest[copy(b, rest):]
	}
	for i, dts := range k.dtsTicks {
		to.DTS, to.OffsetTicks = append(to.DTS, dts), append(to.OffsetTicks, 0)
		to.SizeBytes, to.Flags = append(to.SizeBytes, k.sizes[i]), append(to.Flags, media.FlagSync)
	}
	h.StartsGOP, h.Gap, k.gap = true, k.gap, media.Gap{}
	h.Gaps, k.gaps = append(h.Gaps, k.gaps...), k.gaps[:0]
	h.UTC, h.SteppedNS, h.More = c.UTCAt(first), c.SteppedNS, c.More
	k.held = h
}

// give ends the held key frames at the begin of the next one, and emits them.
func (k *keyframes) give(next int64, emit pipeline.Emit[*media.Chunk]) error {
	if k.held == nil {
		return nil
	}
	h := k.held
	k.held = nil
	h.Tracks[0].EndTicks = next
	k.pool.Seal(h)
	return emit(h)
}

// giveLast emits the held key frames when the next one is unknown: the last one lasts as long as
// the one before it, or a 25th of a second.
func (k *keyframes) giveLast(emit pipeline.Emit[*media.Chunk]) error {
	if k.held == nil {
		return nil
	}
	if k.deltaTicks == 0 {
		k.deltaTicks = max(int64(k.to.Tracks[0].Timescale)/25, 1)
	}
	return k.give(k.lastTicks+k.deltaTicks, emit)
}
