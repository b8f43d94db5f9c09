package media

import "time"

// The size of a chunk where nothing else is wanted.
const (
	DefaultFlush    = time.Second
	DefaultMaxBytes = 4 << 20
)

// BuilderConfig sets the limits of a builder; a zero value means its default.
type BuilderConfig struct {
	Flush    time.Duration // a chunk is closed when it is this long (DefaultFlush)
	MaxBytes int           // or when its payload is this large (DefaultMaxBytes): more would leave the caches before it is written
	MaxJump  time.Duration // media time may run ahead of arrival time by this much, or step back (2 s)
	MaxStall time.Duration // a longer silence of the lead track is a gap where it is unusual (10 s, see Pace), where packets were lost in it, one longer than Flush
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

// limits are the configured times in ticks of one track, each at least one.
type limits struct {
	flushTicks, jumpTicks, stallTicks int64
	holeTicks                         int64 // that is a gap where something was lost in it
	timeTicks                         int64 // bound of decoding times, either side of 0
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
// A chunk is closed when the access unit that begins the next one arrives: a
// sync sample of the lead track, or the first one past the flush interval. So
// the track that closes it ends exactly, and what belongs to a later chunk by
// time is moved there. GOPs that are shorter than the flush interval share a chunk,
// as many as fit: what one chunk costs, a write and a sync, is not paid for each
// picture where each is a key frame.
//
// When media time stops following arrival time (the sender restarted its
// clock), the builder keeps its own time line going without a break and loses
// nothing. Every gap is marked on the next sync sample.
//
// A builder is for one goroutine.
type Builder struct {
	pool *Pool
	cfg  BuilderConfig
	emit func(*Chunk)
	set  *TrackSet
	cur  *Chunk // being filled, never empty; nil before the first access unit
	seq  uint64
	gap  Gap // for the next chunk that starts a GOP

	dating dating

	keptUTC       int64 // ns, wall clock of the last unit of the lead track in a chunk that was closed; 0 before that
	keptSteppedNS int64 // ns, Stepped of that chunk
	keptMonoNS    int64 // ns, the same by arrival, where the set before was of the same publisher; 0: it was not
	keptPaceNS    int64 // ns, the longest step that was not unusual in that set
	away          bool  // another publisher has come, and has not had its first key frame
	awayLeastNS   int64 // ns, that nobody published

	// The flush interval that the open chunk is part of: where it began, ticks of the
	// lead track and ns by arrival, and whether with a chunk before, which had More.
	sinceTicks, sinceMonoNS int64
	more                    bool

	started bool // the lead track had its sync sample
	tracks  []trackState
	jumpNS  int64    // ns added to media time since the last jump
	epoch   int      // counts the jumps
	moved   [][]byte // while a chunk is closed
}

// NewBuilder makes a builder that hands each chunk, with its one reference, to
// emit on the goroutine that called Append, SetTracks or Flush.
func NewBuilder(pool *Pool, cfg BuilderConfig, emit func(*Chunk)) *Builder {
	return &Builder{pool: pool, cfg: cfg.withDefaults(), emit: emit}
}

// SetTracks closes the current chunk and goes on with another set of tracks.
// The next access unit of the lead track must be a sync sample. The time line
// begins anew: times of different sets are not comparable.
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

// Set is the current set of tracks, nil before the first.
func (b *Builder) Set() *TrackSet { return b.set }

// MarkGap says that media is missing before the next access unit: the next
// chunk that starts a GOP carries the gap.
func (b *Builder) MarkGap(g Gap) { b.gap = b.gap.Plus(g) }

// Return says that another publisher has come, so long after the one before left.
// What is missing is known with its first key frame, and counts by the wall clock
// from the last unit that was kept; where that clock was set back it is at least
// so long.
func (b *Builder) Return(after time.Duration) {
	b.away, b.awayLeastNS, b.keptMonoNS = b.keptUTC != 0, int64(after), 0
}

// Append adds an access unit. The error is one of this package's and tells why
// the unit was left out; the builder goes on with the next.
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

// refuse tells what, time apart, makes an access unit unfit to be stored.
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

// begin gives the chunk what its first access unit and the lead's first say
// about it.
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

// Flush closes the current chunk, where there is one: nothing follows, or not
// in this time line. Last durations repeat the delta before them.
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

// open takes the chunk that comes next.
func (b *Builder) open() {
	b.seq++
	b.cur = b.pool.get(b.set)
	b.cur.Seq = b.seq
}

// seal hands the current chunk on; from here it is read-only.
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
