package media

import "time"

// The default limits of a chunk.
const (
	DefaultFlush    = time.Second
	DefaultMaxBytes = 4 << 20
)

// BuilderConfig sets the limits of a builder. A zero field means its default.
type BuilderConfig struct {
	Flush    time.Duration // duration of a chunk (DefaultFlush)
	MaxBytes int           // payload of a chunk (DefaultMaxBytes): a larger one leaves the CPU caches before it is written
	MaxJump  time.Duration // largest lead of media time over arrival time, and largest step back, that is no jump (2 s)
	MaxStall time.Duration // a longer silence of the lead track is a gap if it is unusual (10 s, see Pace); with lost packets, one longer than Flush
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

// limits holds the configured times in ticks of one track, each at least 1.
type limits struct {
	flushTicks, jumpTicks, stallTicks int64
	holeTicks                         int64 // least hole that is a gap if packets were lost
	timeTicks                         int64 // bound of the absolute decoding time
}

func (c BuilderConfig) limits(scale uint32, lead bool) limits {
	ticks := func(d time.Duration) int64 { return max(FromNanos(int64(d), scale), 1) }
	l := limits{flushTicks: ticks(c.Flush), jumpTicks: ticks(c.MaxJump), stallTicks: ticks(c.MaxStall), holeTicks: ticks(c.Flush)}
	if !lead {
		l.flushTicks *= 2 // the lead track cuts, unless it is silent
	}
	l.timeTicks = min(FromNanos(maxTime, scale), maxTime)
	return l
}

// Builder turns the access units of one stream into chunks.
//
// A chunk is closed when the access unit that begins the next chunk arrives: a sync sample of the
// lead track, or the first access unit after the flush interval. So the track that closes it has an
// exact end, and access units that belong to the next chunk by their time move there. Several GOPs
// that are shorter than the flush interval share a chunk, because each chunk costs a write and a
// sync: a stream of key frames does not cost one write a picture.
//
// When media time stops following arrival time, because the sender restarted its clock, the builder
// continues its own time line without a break and loses nothing. It records each gap on the next
// sync sample.
//
// A builder is not safe for concurrent use.
type Builder struct {
	pool *Pool
	cfg  BuilderConfig
	emit func(*Chunk)
	set  *TrackSet
	cur  *Chunk // the open chunk, never empty; nil before the first access unit
	seq  uint64
	gap  Gap // carried by the next chunk that starts a GOP

	dating dating

	keptUTC       int64 // wall clock of the last unit of the lead track in the closed chunks; 0 before the first
	keptSteppedNS int64 // SteppedNS of that chunk
	keptMonoNS    int64 // its arrival, if the previous set was of the same publisher; else 0
	keptPaceNS    int64 // longest usual step in that set
	away          bool  // another publisher has come and has not sent a key frame yet
	awayLeastNS   int64 // least time without a publisher

	// The current flush interval: its beginning in ticks of the lead track and by arrival, and
	// whether it includes an earlier chunk, which had More.
	sinceTicks, sinceMonoNS int64
	more                    bool

	started bool // the lead track has had a sync sample
	tracks  []trackState
	jumpNS  int64    // correction of media time since the last jump
	epoch   int      // number of jumps
	moved   [][]byte // scratch space of close
}

// NewBuilder returns a builder that passes each chunk, with its one reference, to emit, on the
// goroutine that called Append, SetTracks or Flush.
func NewBuilder(pool *Pool, cfg BuilderConfig, emit func(*Chunk)) *Builder {
	return &Builder{pool: pool, cfg: cfg.withDefaults(), emit: emit}
}

// SetTracks closes the open chunk and continues with another set of tracks. The next access unit of
// the lead track must be a sync sample. The time line begins anew: times of different sets are not
// comparable.
func (b *Builder) SetTracks(set *TrackSet) {
	b.Flush()
	b.leaveSet()
	b.set = set
	b.started = false
	b.tracks = make([]trackState, len(set.Tracks))
	for i := range b.tracks {
		b.tracks[i].limits = b.cfg.limits(set.Tracks[i].Timescale, i == set.lead)
	}
	b.jumpNS, b.epoch = 0, 0
}

// Set returns the current set of tracks, nil before the first.
func (b *Builder) Set() *TrackSet { return b.set }

// MarkGap records that media is missing before the next access unit: the next chunk that starts a
// GOP carries the gap.
func (b *Builder) MarkGap(g Gap) { b.gap = b.gap.Plus(g) }

// Return announces another publisher, which came so long after the previous one left. The builder
// computes the missing time at the first key frame: by the wall clock from the last unit that was
// kept, and at least after where that clock was set back.
func (b *Builder) Return(after time.Duration) {
	b.away, b.awayLeastNS, b.keptMonoNS = b.keptUTC != 0, int64(after), 0
}

// Append adds an access unit. A refused unit is counted and left out; the error is one of
// ErrNoKeyFrame and its siblings, and the builder continues with the next unit.
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
	st.lost = 0
	return nil
}

// refuse returns the reason, other than its time, for which an access unit cannot be stored.
func (b *Builder) refuse(track int, au *AU, size int, sync bool) error {
	if _, ok := au.offset(); !ok {
		return ErrOffset
	}
	switch {
	case size == 0:
		return ErrEmpty
	case size > MaxAccessUnitBytes:
		return ErrTooLarge
	case track == b.set.lead && !b.started && !sync:
		return ErrNoKeyFrame
	}
	return nil
}

// begin sets the fields of the open chunk that its first access unit, and the first one of the lead
// track, decide.
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

// add copies an access unit into the columns.
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
}

// Flush closes the open chunk, if there is one, because no access unit follows on this time line.
// The last durations repeat the previous delta.
func (b *Builder) Flush() {
	if b.cur == nil {
		return
	}
	for i := range b.cur.Tracks {
		b.end(i)
	}
	b.leftAtEnd()
	b.seal()
}

// open takes the next chunk from the pool.
func (b *Builder) open() {
	b.seq++
	b.cur = b.pool.get(b.set)
	b.cur.Seq = b.seq
}

// seal emits the open chunk, which is read-only from then on.
func (b *Builder) seal() {
	c := b.cur
	b.cur, b.more = nil, c.More
	if lead := c.Lead(); lead.Len() > 0 {
		b.keptUTC = c.UTC + ToNanos(lead.DTS[lead.Len()-1]-lead.DTS[0], c.Set.Tracks[c.Set.lead].Timescale)
		b.keptSteppedNS = c.SteppedNS
	}
	for i := range c.Tracks {
		c.Tracks[i].Payload.trim(b.pool)
	}
	b.pool.seal(c)
	b.emit(c)
}
