package media

import "time"

// The default limits of a chunk: its duration, and the bytes of its payload.
const (
	DefaultFlush    = time.Second
	DefaultMaxBytes = 4 << 20
)

// BuilderConfig sets the limits of a builder. A zero field means its default, which is in brackets.
type BuilderConfig struct {
	Flush time.Duration // longest duration of a chunk (DefaultFlush)
	// Largest payload of a chunk, in bytes (DefaultMaxBytes). A larger payload would leave the CPU caches before
	// it is written.
	MaxBytes int
	// MaxJump is the largest difference between media time and arrival time that is not a jump of the sender's
	// clock: by how much media time may run ahead of arrival, or step back (2 s).
	MaxJump time.Duration
	// MaxStall is the duration above which a silence of the lead track is a gap, if the silence is also unusual,
	// see Pace (10 s). If packets were lost, a silence longer than Flush is a gap.
	MaxStall time.Duration
}

func (c BuilderConfig) withDefaults() BuilderConfig {
	if c.Flush <= 0 {
		c.Flush = DefaultFlush
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.MaxJump <= 0 {
		c.MaxJump = 2 * time.Second
	}
	if c.MaxStall <= 0 {
		c.MaxStall = 10 * time.Second
	}
	return c
}

// limits holds the configured times converted to ticks of one track, each at least 1.
type limits struct {
	flushTicks, jumpTicks, stallTicks int64
	holeTicks                         int64 // shortest hole that is a gap if packets were lost
	timeTicks                         int64 // largest absolute decoding time
}

func (c BuilderConfig) limits(scale uint32, lead bool) limits {
	ticks := func(d time.Duration) int64 { return max(FromNanos(int64(d), scale), 1) }
	l := limits{flushTicks: ticks(c.Flush), jumpTicks: ticks(c.MaxJump), stallTicks: ticks(c.MaxStall), holeTicks: ticks(c.Flush)}
	if !lead {
		l.flushTicks *= 2 // the lead track ends the chunk, unless it is silent for twice the interval
	}
	l.timeTicks = min(FromNanos(maxTime, scale), maxTime)
	return l
}

// Builder turns the access units of one stream into chunks.
//
// A chunk ends when the access unit that begins the next chunk arrives: a sync sample of the lead track, the
// first access unit after the flush interval, or one for which BuilderConfig.MaxBytes leaves no room. So the end
// of that access unit's track is exact, and access units of other tracks that belong to the next chunk by their
// time move there. Several GOPs that are shorter than the flush interval share a chunk, because each chunk costs
// a write. A chunk ends early while the open chunks of all builders take much memory: see crowdedBytes.
//
// If the sender restarts its clock, media time no longer follows arrival time. The builder then continues its
// own time line without a break and loses no media. The next chunk that begins a GOP carries a gap with the
// cause.
//
// A builder is not safe for concurrent use.
type Builder struct {
	pool *Pool
	cfg  BuilderConfig
	emit func(*Chunk)
	set  *TrackSet

	observer Observer // nil: none

	cur *Chunk // the open chunk, never empty; nil before the first access unit
	seq uint64
	gap Gap // missing media that the next chunk with StartsGOP carries

	dating dating

	keptUTC       int64 // wall clock of the lead track's last unit in the emitted chunks; 0 if they have none
	keptSteppedNS int64 // SteppedNS of the chunk with that unit
	keptPTSNS     int64 // presentation time of that unit, if it were as far behind its decoding time as the chunk's first
	keptMonoNS    int64 // arrival of that unit if it came from the present publisher; else 0
	keptPaceNS    int64 // longest usual step of the previous track set
	away          bool  // a new publisher has come, and its first key frame has not arrived
	awayLeastNS   int64 // least time without a publisher, as given to Return

	// The present flush interval: its begin in ticks of the lead track, and its begin by arrival. more is set if
	// the interval has an earlier chunk (Chunk.More).
	sinceTicks, sinceMonoNS int64
	more                    bool

	started  bool // the lead track has had a sync sample
	tracks   []trackState
	jumpNS   int64    // correction of media time that the last jump made
	epoch    int      // number of jumps in this track set
	unplaced bool     // Rejoin was called, and the new publisher has no place on the time line yet
	moved    [][]byte // scratch space of carry
}

// NewBuilder returns a builder that passes each complete chunk to emit, which then owns the chunk's only
// reference. It calls emit on the goroutine that calls Append, SetTracks or Flush.
func NewBuilder(pool *Pool, cfg BuilderConfig, emit func(*Chunk)) *Builder {
	return &Builder{pool: pool, cfg: cfg.withDefaults(), emit: emit}
}

// SetTracks emits the open chunk and continues with another track set. The first access unit of the lead track
// must then be a sync sample. The time line begins anew: times of different track sets are not comparable.
func (b *Builder) SetTracks(set *TrackSet) {
	b.Flush()
	b.leaveSet()
	b.set = set
	b.started = false
	b.tracks = make([]trackState, len(set.Tracks))
	for i := range b.tracks {
		b.tracks[i].limits = b.cfg.limits(set.Tracks[i].Timescale, i == set.lead)
	}
	b.jumpNS, b.epoch, b.unplaced = 0, 0, false
}

// Set returns the current track set, nil before the first call of SetTracks.
func (b *Builder) Set() *TrackSet { return b.set }

// MarkGap records that media is missing before the next access unit. The next chunk that begins a GOP carries
// the gap, or the sum of all gaps since the previous such chunk.
func (b *Builder) MarkGap(g Gap) { b.gap = b.gap.Plus(g) }

// Return announces that another publisher has come. after is the time for which the stream had no publisher.
// The builder computes the gap at the new publisher's first key frame: by the wall clock from the last unit in
// a chunk, with the steps of the clock subtracted, and not less than after.
func (b *Builder) Return(after time.Duration) {
	b.away, b.awayLeastNS, b.keptMonoNS = b.keptUTC != 0, int64(after), 0
}

// Append copies an access unit into the open chunk; track is an index of the track set. If the unit cannot be
// stored, Append returns an error for which LeftOut is true. After the track's first unit, it also counts the
// refused unit, and a gap of the next unit reports it. The caller continues with the next unit.
func (b *Builder) Append(track int, au *AU) error {
	if b.set == nil || track < 0 || track >= len(b.tracks) {
		return ErrNoSuchTrack
	}
	t := &b.set.Tracks[track]
	prefix := t.Codec.NAL() && !au.Framed
	st := &b.tracks[track]
	if st.lost += int64(au.Lost); au.Lost > 0 && st.gap.by == "" {
		st.gap.by = au.LostBy
	}
	sync := au.Sync || t.Codec.AlwaysSync()
	size := au.size(prefix)
	if err := b.refuse(track, au, size, sync); err != nil {
		b.leaveOut(track, size, err)
		return err
	}
	first := !st.seen
	dts, err := b.timeline(track, au)
	if err != nil {
		b.leaveOut(track, size, err)
		return err
	}
	gop := sync && track == b.set.lead
	cuts := gop && !b.gap.None()
	if b.cur != nil {
		if yes, more := b.closes(track, au, dts, size, sync); yes {
			b.close(track, dts, more)
		}
	}
	if b.cur == nil {
		b.open()
	}
	b.begin(track, au, dts, gop)
	b.missedWithin(track, au, first, cuts)
	b.add(track, au, dts, size, sync, prefix)
	b.observe(track, au, st.lost > 0)
	st.lost, st.givenTicks = 0, au.DurationTicks
	return nil
}

// refuse returns the error for an access unit that cannot be stored, or nil. It leaves the check of the decoding
// time to timeline. size is the size of the unit in mdat form, in bytes.
func (b *Builder) refuse(track int, au *AU, size int, sync bool) error {
	if _, ok := au.offset(); !ok {
		return ErrOffset
	}
	switch {
	case size == 0:
		return ErrEmpty
	case size > MaxAccessUnitBytes:
		return ErrTooLarge
	case track == b.set.lead && (!b.started || b.tracks[track].away) && !sync:
		return ErrNoKeyFrame
	}
	return nil
}

// begin sets the fields of the open chunk that depend on the access unit au, if au is the chunk's first, or the
// first of the lead track in the chunk. gop reports that au begins a GOP. It must be called before au is added.
func (b *Builder) begin(track int, au *AU, dts int64, gop bool) {
	c := b.cur
	first := track == b.set.lead && c.Tracks[track].Len() == 0
	if first && !b.more {
		b.sinceTicks, b.sinceMonoNS = dts, au.MonoNS
	}
	if !first && c.UTC != 0 {
		return
	}
	if !first || !gop {
		b.dating.goOn(c, au)
		return
	}
	if !b.started {
		b.started = true
		b.arrived(au)
	}
	b.dating.keyFrame(c, au)
	c.StartsGOP = true
	c.Gap, b.gap = b.gap, Gap{}
}

// add copies an access unit into the columns of its track.
func (b *Builder) add(track int, au *AU, dts int64, size int, sync, prefix bool) {
	col := &b.cur.Tracks[track]
	var flags uint8
	if sync {
		flags = FlagSync
	}
	offset, _ := au.offset()
	col.DTS = append(col.DTS, dts)
	col.OffsetTicks = append(col.OffsetTicks, offset)
	col.SizeBytes = append(col.SizeBytes, uint32(size))
	col.Flags = append(col.Flags, flags)
	au.addTo(&col.Payload, b.pool, prefix)
	b.pool.openBytes.Add(int64(size))
}

// Flush emits the open chunk, if there is one. The caller calls it at the end of a time line. No next access unit
// determines the duration of the last unit of a track: it is the frame duration that the codec fixes, or else the
// duration of the previous unit.
func (b *Builder) Flush() {
	if b.cur == nil {
		return
	}
	for i := range b.cur.Tracks {
		b.end(i)
	}
	b.endAside()
	b.leftAtEnd()
	b.seal()
}

// open gets an empty chunk from the pool and gives it the next sequence number.
func (b *Builder) open() {
	b.seq++
	b.cur = b.pool.get(b.set)
	b.pool.openChunks.Add(1)
	b.cur.Seq = b.seq
}

// seal emits the open chunk. The chunk is read-only from then on.
func (b *Builder) seal() {
	c := b.cur
	b.cur, b.more = nil, c.More
	b.pool.openChunks.Add(-1)
	b.pool.openBytes.Add(-int64(c.Bytes()))
	if lead := c.Lead(); lead.Len() > 0 {
		b.keptUTC = c.UTC + ToNanos(lead.DTS[lead.Len()-1]-lead.DTS[0], c.Set.Tracks[c.Set.lead].Timescale)
		b.keptSteppedNS = c.SteppedNS
		b.keptPTSNS = ToNanos(lead.DTS[lead.Len()-1]+int64(lead.OffsetTicks[0]), c.Set.Tracks[c.Set.lead].Timescale)
	}
	for i := range c.Tracks {
		if !c.observed {
			c.Tracks[i].Payload.trim(b.pool)
		}
	}
	b.pool.seal(c)
	b.emit(c)
}

// Observer gets each access unit of a Builder as soon as the open chunk has it.
type Observer interface {
	// Added reports the access unit i of a track of the open chunk, which is the newest one of that track. utc is its
	// wall clock, ns, and lost reports that media of the track is missing right before it. The bytes of the unit stay
	// where they are until the chunk is released: the observer may Retain the chunk, and read the bytes while the chunk
	// grows. The columns of the chunk may change until it is emitted. A unit whose time belongs to the next chunk moves
	// there when the chunk ends; Added does not report it again, and its bytes also stay in the first chunk.
	Added(c *Chunk, track, i int, utc int64, lost bool)
}

// Observe makes the builder report each further access unit to o; nil ends that. It returns the open chunk, with the
// units that are not reported; without an open chunk it returns nil.
func (b *Builder) Observe(o Observer) *Chunk {
	b.observer = o
	if b.cur != nil && o != nil {
		b.cur.observed = true
	}
	return b.cur
}

// observe reports the newest access unit of a track.
func (b *Builder) observe(track int, au *AU, lost bool) {
	if b.observer == nil {
		return
	}
	b.cur.observed = true
	b.observer.Added(b.cur, track, b.cur.Tracks[track].Len()-1, au.UTC, lost)
}
