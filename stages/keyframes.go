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

// KeyframesConfig holds the speed of a time-lapse.
type KeyframesConfig struct {
	Speed uint32 `yaml:"speed" takes:"nothing" doc:"speed-up of the time-lapse: 60 turns a minute into a second; 1 keeps the times"`
}

// Validate refuses a speed that is out of range.
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

// keyframes replaces each chunk by a chunk of its key frames. A key frame here is a picture of the
// lead track that can be rewritten so that it decodes without any other picture. keyframes leaves
// out and counts a random access picture that depends on later pictures, as with intra refresh.
//
// The key frames of a chunk are held until the next key frame comes, because its time is the end of
// the last held one. Payloads are copied, so that the memory of their GOPs is released.
//
// Invariant: the decoding time of a key frame equals its presentation time, and increases strictly
// within a track set. Both are the presentation time in the stream divided by the speed. They are
// computed from the absolute time, so that rounding errors do not add up.
type keyframes struct {
	cfg  KeyframesConfig
	pool *media.Pool
	set  pipeline.Settings

	from       *media.TrackSet // track set of the received chunks
	to         *media.TrackSet // track set of the emitted chunks; nil if from has no video
	track      int             // index of the video track in from
	held       *media.Chunk    // chunk of the newest key frames, not sealed; nil: none
	begun      bool            // the track set has had a key frame
	lastTicks  int64           // DTS of the newest key frame
	deltaTicks int64           // distance of the newest two key frames; 0 if unknown
	seq        uint64          // sequence number of the next emitted chunk
	next       uint64          // expected sequence number of the next received chunk; 0 before the first
	gap        media.Gap       // gap before the next key frame
	gaps       []media.Gap     // gaps inside the chunks received while held was nil
	blind      atomic.Bool     // the stream has no video

	alone        *codec.Standalone
	au           []byte        // the current picture
	sizes        []uint32      // sizes of the key frames found so far in the current chunk
	dtsTicks     []int64       // DTS of these key frames
	bytes        []byte        // payloads of these key frames, one after another
	passedNS     int64         // duration of the stream since the last picture that decodes alone
	skipped      int           // number of random access pictures left out since that picture
	noneSinceUTC atomic.Int64  // begin, in ns of UTC, of the reported problem; 0: no problem
	dropped      atomic.Uint64 // number of pictures left out
	lost         atomic.Uint64 // bytes of the pictures left out
}

// A stream is reported as a problem after maxSkipped random access pictures in a row that do not
// decode alone, or after maxPassedNS without a picture that does. No encoder is set to so long a
// key frame interval on purpose.
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

// Process holds the key frames of chunk c, after it has emitted those of an earlier chunk. If c has
// none, the earlier ones stay held, unless c has another track set. If c is a mark, Process emits
// the earlier ones and then c. It releases any chunk that is no mark.
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
		if k.held != nil && !c.More { // no further chunk of key frames comes in this flush interval
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

// Flush emits the held key frames.
func (k *keyframes) Flush(_ context.Context, emit pipeline.Emit[*media.Chunk]) error {
	return k.giveLast(emit)
}

// Close releases the key frames that are still held after an abort.
func (k *keyframes) Close() error {
	if k.held != nil {
		k.pool.Seal(k.held)
		k.held.Release()
		k.held = nil
	}
	return nil
}

// Report adds the pictures left out, a warning if the stream has no video, and a problem while no
// picture of the stream decodes alone.
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

// standalone returns a picture of col, rewritten so that it decodes alone. ok is false if that is
// impossible. The picture has size bytes from offset on in col.Payload. The result is valid until
// the next call.
func (k *keyframes) standalone(col *media.Columns, offset, size int) (picture []byte, ok bool) {
	k.au = k.au[:0]
	for _, b := range col.Payload.Slices(nil, offset, size) {
		k.au = append(k.au, b...)
	}
	return k.alone.Picture(k.au)
}

// skip counts a picture of size bytes that does not decode alone.
func (k *keyframes) skip(size int) {
	k.dropped.Add(1)
	k.lost.Add(uint64(size))
	k.skipped++
}

const standaloneRemedy = "set a shorter key frame interval at the encoder, and turn intra refresh off: a time-lapse is made of key frames that need no other picture"

// await adds passed ns to the wait for a picture that decodes alone. When the wait gets too long,
// await sets the problem that Report adds, and logs it.
func (k *keyframes) await(passed int64) {
	k.passedNS += passed
	if k.noneSinceUTC.Load() == 0 && (k.skipped >= maxSkipped || k.passedNS > maxPassedNS) {
		k.noneSinceUTC.Store(k.set.Clock.Now().UnixNano())
		k.set.Log.Warn("keyframes finds no picture in this stream that decodes alone: nothing is recorded until one comes", "remedy", standaloneRemedy)
	}
}

// found ends the wait for a picture that decodes alone, and removes the problem.
func (k *keyframes) found() {
	k.passedNS, k.skipped = 0, 0
	k.noneSinceUTC.Store(0)
}

// noteGap adds the gap before chunk c (Chunk.Gap) to the gap before the next key frame.
func (k *keyframes) noteGap(c *media.Chunk) {
	gap := c.Gap
	if k.next != 0 && c.Seq > k.next && k.gap.None() { // c.Seq == k.next-1 for the second half of a split chunk
		gap = media.Gap{Cause: c.HoleCause(), Chunks: int(c.Seq - k.next)}.Plus(gap)
	}
	k.gap, k.next = k.gap.Plus(gap), c.Seq+1
}

// noteGaps adds the gaps inside a chunk that concern the video track to the held key frames, of
// which the last is shown during the gap. If no key frames are held, noteGaps keeps the gaps for
// the next ones.
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

// change ends the old track set and begins a new one. Times of different track sets are not
// comparable.
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

// take adds a rewritten key frame to the key frames of the current chunk. shown is its presentation
// time in the stream, in ticks.
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

// hold makes a chunk of the key frames that take has added, and holds it. c is the chunk that
// contains them, and first is the index of the first of them in c.
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

// give emits the chunk of the held key frames, if there is one. next is the DTS of the key frame
// that follows them, at which the last of them ends.
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

// giveLast emits the chunk of the held key frames when the time of the key frame after them is
// unknown. The last key frame gets the distance of the newest two key frames as its duration, or
// 1/25 s if there is only one.
func (k *keyframes) giveLast(emit pipeline.Emit[*media.Chunk]) error {
	if k.held == nil {
		return nil
	}
	if k.deltaTicks == 0 {
		k.deltaTicks = max(int64(k.to.Tracks[0].Timescale)/25, 1)
	}
	return k.give(k.lastTicks+k.deltaTicks, emit)
}
