package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// AU is one coded picture or audio frame on its way into a chunk. The builder
// copies the payload once and keeps nothing of the AU.
type AU struct {
	DTS, PTS int64    // ticks of the track's timescale
	UTC      int64    // ns, wall clock of the access unit
	Mono     int64    // ns of a clock that never steps, at arrival
	Sync     bool     // a decoder can start here
	Payload  [][]byte // NAL units without start code or length; one element for codecs without NAL units
	Framed   bool     // the payload is already in mdat form: store it as it is
}

func (au *AU) size(nal bool) int {
	n := 0
	for _, p := range au.Payload {
		n += len(p)
	}
	if nal && !au.Framed {
		n += 4 * len(au.Payload)
	}
	return n
}

// BuilderConfig sets the limits of a builder; a zero value means its default.
type BuilderConfig struct {
	Flush    time.Duration // a chunk is closed when it is this long (1 s)
	MaxBytes int           // or when its payload is this large (16 MiB)
	MaxJump  time.Duration // media time may run from arrival time by this much between two access units (2 s)
	MaxStall time.Duration // a longer silence of the lead track is a gap (10 s)
}

func (c BuilderConfig) withDefaults() BuilderConfig {
	if c.Flush <= 0 {
		c.Flush = time.Second
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 16 << 20
	}
	if c.MaxJump <= 0 {
		c.MaxJump = 2 * time.Second
	}
	if c.MaxStall <= 0 {
		c.MaxStall = 10 * time.Second
	}
	return c
}

// MaxAccessUnit is the largest access unit that is taken, in bytes.
const MaxAccessUnit = 64 << 20

// The reasons for which Append leaves an access unit out.
var (
	ErrNoKeyFrame  = errors.New("waiting for a key frame")
	ErrEmpty       = errors.New("access unit is empty")
	ErrTooLarge    = fmt.Errorf("access unit is larger than %d MiB", MaxAccessUnit>>20)
	ErrTimeBack    = errors.New("decoding time does not advance")
	ErrNoSuchTrack = errors.New("no such track")
)

// Builder turns the access units of one stream into chunks.
//
// A chunk is closed when the access unit that begins the next one arrives: a
// sync sample of the lead track, or the first one past the flush interval. So
// every duration in it is known, and what belongs to a later chunk by time is
// moved there.
//
// When media time stops following arrival time (the sender restarted its
// clock), the builder keeps its own time line going without a break, loses
// nothing, and marks the next sync sample with the gap.
//
// A builder is for one goroutine.
type Builder struct {
	pool *Pool
	cfg  BuilderConfig
	emit func(*Chunk)
	set  *TrackSet
	cur  *Chunk // being filled; nil before the first access unit
	seq  uint64
	gap  Gap // for the next chunk that starts a GOP

	started bool // the lead track had its sync sample
	tracks  []trackState
	jump    int64 // ns that were last added to media time to undo a jump
	hints   [2][]int
}

type trackState struct {
	seen  bool
	raw   int64 // last DTS as it came, ticks
	last  int64 // last DTS as stored, ticks
	delta int64 // between the last two, ticks; a stall does not count
	mono  int64 // ns, arrival of the last access unit
	shift int64 // ticks added to what comes
}

// NewBuilder makes a builder that hands each chunk, with its one reference, to
// emit on the goroutine that called Append, SetTracks or Flush.
func NewBuilder(pool *Pool, cfg BuilderConfig, emit func(*Chunk)) *Builder {
	return &Builder{pool: pool, cfg: cfg.withDefaults(), emit: emit}
}

// SetTracks closes the current chunk and goes on with another set of tracks.
// The next access unit of the lead track must be a sync sample.
func (b *Builder) SetTracks(set *TrackSet) {
	b.Flush()
	b.set = set
	b.started = false
	b.tracks = make([]trackState, len(set.Tracks))
	b.jump = 0
	b.hints = [2][]int{make([]int, len(set.Tracks)), make([]int, len(set.Tracks))}
}

// Set is the current set of tracks, nil before the first.
func (b *Builder) Set() *TrackSet { return b.set }

// MarkGap says that media is missing before the next access unit: the next
// chunk that starts a GOP carries the gap.
func (b *Builder) MarkGap(g Gap) { b.gap = g }

// Append adds an access unit. The error is one of this package's and tells why
// the unit was left out; the builder goes on with the next.
func (b *Builder) Append(track int, au *AU) error {
	if b.set == nil || track < 0 || track >= len(b.tracks) {
		return ErrNoSuchTrack
	}
	nal := b.set.Tracks[track].Codec.NAL()
	size := au.size(nal)
	lead := track == b.set.lead
	sync := au.Sync || b.set.Tracks[track].Kind() == Audio
	switch {
	case size == 0:
		return ErrEmpty
	case size > MaxAccessUnit:
		return ErrTooLarge
	case lead && !b.started && !sync:
		return ErrNoKeyFrame
	}
	dts, err := b.timeline(track, au)
	if err != nil {
		return err
	}
	if b.cur != nil && b.closes(track, dts, size, sync) {
		b.close(track, dts, lead && sync)
	}
	if b.cur == nil {
		b.open(lead && sync)
	}
	c := b.cur
	col := &c.Tracks[track]
	if c.UTC == 0 || lead && col.Len() == 0 {
		c.UTC = au.UTC
	}
	if lead && col.Len() == 0 && sync {
		b.started = true
		c.StartsGOP = true
		c.Gap, b.gap = b.gap, Gap{}
	}
	var flags uint8
	if sync {
		flags = FlagSync
	}
	col.DTS = append(col.DTS, dts)
	col.Offset = append(col.Offset, int32(au.PTS-au.DTS))
	col.Size = append(col.Size, uint32(size))
	col.Flags = append(col.Flags, flags)
	b.store(col, au, size, nal && !au.Framed)
	return nil
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
	b.seal()
}

// closes tells whether an access unit begins the next chunk.
func (b *Builder) closes(track int, dts int64, size int, sync bool) bool {
	col := &b.cur.Tracks[track]
	lead := track == b.set.lead
	if lead && col.Len() == 0 {
		// Sound that came before the first picture is not part of a GOP.
		return sync && !b.cur.StartsGOP && b.cur.AccessUnits() > 0
	}
	if lead && sync && b.set.Tracks[track].Kind() == Video {
		return true
	}
	if col.Len() > 0 {
		elapsed := ToNanos(dts-col.DTS[0], b.set.Tracks[track].Timescale)
		limit := int64(b.cfg.Flush)
		if !lead {
			limit *= 2 // the lead track cuts, unless it is silent
		}
		if elapsed >= limit {
			return true
		}
	}
	return b.cur.Bytes()+size > b.cfg.MaxBytes
}

// close ends the chunk before an access unit at dts of one track, which begins
// the next chunk, with a sync sample of the lead track where sync is set.
func (b *Builder) close(track int, dts int64, sync bool) {
	old := b.cur
	for i := range old.Tracks {
		b.end(i)
	}
	from := b.set.Tracks[track].Timescale
	if col := &old.Tracks[track]; col.Len() > 0 && ToNanos(dts-col.DTS[col.Len()-1], from) <= int64(b.cfg.MaxStall) {
		col.End = dts
	}
	b.cur = nil
	for i := range old.Tracks {
		if i != track && i != b.set.lead { // the lead track's place is where it cut
			b.carry(old, i, Rescale(dts, from, b.set.Tracks[i].Timescale), sync)
		}
	}
	next := b.cur
	if old.AccessUnits() == 0 { // everything in it was carried on
		next.Seq, b.seq = old.Seq, old.Seq
		b.pool.seal(old)
		old.Release()
	} else {
		b.cur = old
		b.seal()
	}
	b.cur = next
}

// carry moves the access units of a track that are not before a time into the
// next chunk.
func (b *Builder) carry(old *Chunk, track int, at int64, sync bool) {
	col := &old.Tracks[track]
	k := col.Len()
	for k > 0 && col.DTS[k-1] >= at {
		k--
	}
	if k == col.Len() {
		return
	}
	if b.cur == nil {
		b.open(sync)
	}
	to := &b.cur.Tracks[track]
	keep := 0
	for _, n := range col.Size[:k] {
		keep += int(n)
	}
	to.DTS = append(to.DTS, col.DTS[k:]...)
	to.Offset = append(to.Offset, col.Offset[k:]...)
	to.Size = append(to.Size, col.Size[k:]...)
	to.Flags = append(to.Flags, col.Flags[k:]...)
	b.reserve(to, len(col.Payload)-keep)
	to.Payload = append(to.Payload, col.Payload[keep:]...)
	col.End = col.DTS[k]
	col.DTS, col.Offset, col.Size, col.Flags = col.DTS[:k], col.Offset[:k], col.Size[:k], col.Flags[:k]
	col.Payload = col.Payload[:keep]
}

// end gives a track its last duration where no next access unit is known.
func (b *Builder) end(track int) {
	col := &b.cur.Tracks[track]
	n := col.Len()
	if n == 0 {
		return
	}
	col.End = col.DTS[n-1] + b.nominal(track)
}

// nominal is the duration that an access unit of a track has when nothing
// better is known.
func (b *Builder) nominal(track int) int64 {
	t := &b.set.Tracks[track]
	switch st := &b.tracks[track]; {
	case t.FrameDuration > 0:
		return int64(t.FrameDuration)
	case st.delta > 0:
		return st.delta
	}
	return max(int64(t.Timescale)/25, 1)
}

func (b *Builder) open(sync bool) {
	b.seq++
	b.cur = b.pool.get(b.set)
	b.cur.Seq = b.seq
	hints := b.hints[0]
	if sync {
		hints = b.hints[1]
	}
	for i := range b.cur.Tracks {
		if n := hints[i]; n > 0 {
			b.cur.Tracks[i].Payload = b.pool.bytes(n)
		}
	}
}

func (b *Builder) seal() {
	c := b.cur
	b.cur = nil
	hints := b.hints[0]
	if c.StartsGOP {
		hints = b.hints[1]
	}
	for i := range c.Tracks {
		hints[i] = len(c.Tracks[i].Payload)
	}
	b.pool.seal(c)
	b.emit(c)
}

// store copies the payload behind the others of its track.
func (b *Builder) store(col *Columns, au *AU, size int, prefix bool) {
	b.reserve(col, size)
	for _, p := range au.Payload {
		if prefix {
			col.Payload = binary.BigEndian.AppendUint32(col.Payload, uint32(len(p)))
		}
		col.Payload = append(col.Payload, p...)
	}
}

// reserve makes room for size more bytes, in one step of half as much again:
// the hints of earlier chunks make this rare.
func (b *Builder) reserve(col *Columns, size int) {
	need := len(col.Payload) + size
	if need <= cap(col.Payload) {
		return
	}
	grown := b.pool.bytes(max(need, cap(col.Payload)*3/2))
	grown = append(grown, col.Payload...)
	b.pool.putBytes(col.Payload)
	col.Payload = grown
}
