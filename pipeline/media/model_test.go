package media

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// model checks a builder: each appended access unit comes out once, in order and unchanged, and every chunk obeys the
// rules.
type model struct {
	t     *rapid.T
	b     *Builder
	cfg   BuilderConfig
	pool  *Pool
	now   int64
	taken [][]sample // by track, not seen in a chunk yet
	sent  []int64    // by track, last time that was sent

	track     int // being appended to; -1 for Flush and SetTracks
	seq       uint64
	utcs      map[int64]bool
	lastTimes map[int]int64
	ends      map[int]int64 // by track: the exact End of the chunk before
	since     int64         // DTS at which the flush interval of the chunk before began
	more      bool          // it goes on
}

type sample struct {
	offset int32
	sync   bool
	utc    int64
	bytes  []byte
}

func newModel(t *rapid.T) *model {
	m := &model{t: t, utcs: map[int64]bool{}, pool: NewCheckedPool(), track: -1, cfg: BuilderConfig{
		Flush:    time.Duration(rapid.SampledFrom([]int{1, 300, 1000, 15000}).Draw(t, "flush")) * time.Millisecond,
		MaxBytes: rapid.SampledFrom([]int{1, 2000, 16 << 20}).Draw(t, "max bytes"),
	}.withDefaults()}
	m.b = NewBuilder(m.pool, m.cfg, m.chunk)
	m.setTracks()
	return m
}

func (m *model) setTracks() {
	kinds := rapid.SampledFrom([]string{"v", "a", "va", "av", "vva", "vaa", "aa"}).Draw(m.t, "tracks")
	var tracks []Track
	for _, k := range kinds {
		tr := audio()
		if k == 'v' {
			tr = video()
		} else if rapid.Bool().Draw(m.t, "no fixed duration") {
			tr.FrameDurationTicks = 0
		}
		tr.Timescale = rapid.SampledFrom([]uint32{tr.Timescale, 1, 1000, 44100, 4e9, math.MaxUint32}).Draw(m.t, "scale")
		tracks = append(tracks, tr)
	}
	m.track = -1
	m.b.SetTracks(setOf(m.t, tracks...))
	m.complete()
	m.taken, m.sent = make([][]sample, len(tracks)), make([]int64, len(tracks))
	m.lastTimes = map[int]int64{}
}

// complete checks that a flush leaves no access unit in the builder.
func (m *model) complete() {
	m.ends = nil
	for i := range m.taken {
		require.Empty(m.t, m.taken[i], "track %d: lost", i)
	}
}

// append sends one access unit of a random track and shape.
func (m *model) append() {
	track := rapid.IntRange(0, len(m.sent)-1).Draw(m.t, "track")
	step := m.step(track)
	m.now += rapid.SampledFrom([]int64{0, 20e6, 40e6, 40e6, 11e9}).Draw(m.t, "arrival")
	au := m.unit(track, m.sent[track]+step)
	size := au.size(m.b.set.Tracks[track].Codec.NAL())
	full := m.b.cur != nil && m.b.cur.Bytes()+size > m.cfg.MaxBytes
	before := m.b.cur
	known := m.b.tracks[track].seen
	started := m.b.started || track != m.b.set.lead || au.Sync || m.b.set.Tracks[track].Kind() == Audio

	m.track = track
	m.utcs[au.UTC] = true
	switch err := m.b.Append(track, au); {
	case size == 0:
		require.ErrorIs(m.t, err, ErrEmpty)
		return
	case !started:
		require.ErrorIs(m.t, err, ErrNoKeyFrame)
		return
	case known && step <= 0 && err != nil:
		require.ErrorIs(m.t, err, ErrTimeBack)
		return
	default:
		require.NoError(m.t, err)
	}
	m.sent[track] = au.DTS
	m.taken[track] = append(m.taken[track], sample{
		offset: int32(au.PTS - au.DTS), sync: au.Sync || m.b.set.Tracks[track].Kind() == Audio,
		utc: au.UTC, bytes: inMdat(au.Payload, m.b.set.Tracks[track].Codec.NAL()),
	})
	require.False(m.t, full && m.b.cur == before, "grown past MaxBytes")
}

func (m *model) step(track int) int64 {
	ns := rapid.OneOf(
		rapid.SampledFrom([]int64{40e6, 40e6, 40e6, 40e6, 21e6, 0, -40e6, 1.5e9, 11e9, hour, -hour}),
		rapid.Int64Range(1, 100e6),
	).Draw(m.t, "step")
	ticks := FromNanos(ns, m.b.set.Tracks[track].Timescale)
	if ns > 0 {
		ticks = max(ticks, 1)
	}
	return ticks
}

func (m *model) unit(track int, dts int64) *AU {
	au := &AU{
		DTS: dts, PTS: dts + rapid.Int64Range(-5000, 20000).Draw(m.t, "offset"),
		UTC: 1e18 + m.now, MonoNS: m.now, Sync: rapid.IntRange(0, 9).Draw(m.t, "sync") == 0,
	}
	for range rapid.IntRange(0, 3).Draw(m.t, "units") {
		n := rapid.SampledFrom([]int{0, 1, 40, 700, 3000}).Draw(m.t, "bytes")
		au.Payload = append(au.Payload, bytes.Repeat([]byte{byte(len(m.taken[track]) + n)}, n))
	}
	return au
}

func inMdat(payload [][]byte, nal bool) []byte {
	var out []byte
	for _, p := range payload {
		if nal && len(p) > 0 {
			out = binary.BigEndian.AppendUint32(out, uint32(len(p)))
		}
		out = append(out, p...)
	}
	return out
}

// chunk checks one chunk that was emitted.
func (m *model) chunk(c *Chunk) {
	defer c.Release()
	m.seq++
	require.Equal(m.t, m.seq, c.Seq)
	require.Same(m.t, m.b.set, c.Set)
	require.Positive(m.t, c.AccessUnits(), "a chunk without an access unit")
	lead := c.Lead()
	gop := lead.Len() > 0 && lead.Flags[0]&FlagSync != 0
	require.Equal(m.t, gop, c.StartsGOP)
	require.True(m.t, gop || c.Gap.None(), "a gap within a GOP")
	if c.Set.Tracks[c.Set.Lead()].Kind() == Video && lead.Len() > 0 {
		require.True(m.t, gop || c.NextGOP(0) < 0, "a GOP begins in a chunk that does not begin with one")
	}
	m.interval(c)
	m.clock(c)
	ends := map[int]int64{}
	for i := range c.Tracks {
		m.column(c, i, ends)
	}
	m.cut(c, ends)
	m.ends = ends
}

// interval checks that chunks which were cut for their size alone stay within a flush
// interval, with the one behind them.
func (m *model) interval(c *Chunk) {
	lead := c.Lead()
	if lead.Len() == 0 {
		require.False(m.t, c.More)
		m.more = false
		return
	}
	if !m.more {
		m.since = lead.DTS[0]
	}
	m.more = c.More
	last := lead.DTS[lead.Len()-1] - m.since
	// One that comes later than those before it let expect is a chunk by itself.
	require.True(m.t, lead.Len() == 1 || last < m.b.tracks[c.Set.Lead()].flushTicks, "more than a flush interval without a chunk that ends it")
}

// clock checks the chunk's wall clock, before its columns are removed from the list.
func (m *model) clock(c *Chunk) {
	if c.Lead().Len() > 0 {
		require.Equal(m.t, m.taken[c.Set.Lead()][0].utc, c.UTC, "wall clock of the lead")
		return
	}
	require.Contains(m.t, m.utcs, c.UTC, "made up")
}

// column checks one track of a chunk and removes its access units from the list of the expected ones.
func (m *model) column(c *Chunk, track int, ends map[int]int64) {
	col, limits := &c.Tracks[track], &m.b.tracks[track].limits
	n := col.Len()
	require.Equal(m.t, []int{n, n, n}, []int{len(col.OffsetTicks), len(col.SizeBytes), len(col.Flags)})
	payload := col.Payload.Append(nil)
	require.Len(m.t, payload, col.Payload.Len())
	m.blocks(&col.Payload)
	for k := range n {
		require.NotEmpty(m.t, m.taken[track], "made up")
		want := m.taken[track][0]
		m.taken[track] = m.taken[track][1:]
		require.Equal(m.t, want.offset, col.OffsetTicks[k])
		require.Equal(m.t, want.sync, col.Flags[k] == FlagSync)
		require.True(m.t, bytes.Equal(want.bytes, payload[:col.SizeBytes[k]]), "other bytes")
		payload = payload[col.SizeBytes[k]:]
		require.Positive(m.t, col.DurationTicks(k))
		require.LessOrEqual(m.t, col.DurationTicks(k), max(limits.stallTicks, FromNanos(11e9, c.Set.Tracks[track].Timescale)), "longer than any step that arrival bears out")
		if last, ok := m.lastTimes[track]; ok {
			require.Greater(m.t, col.DTS[k], last)
		}
		m.lastTimes[track] = col.DTS[k]
	}
	require.Empty(m.t, payload, "bytes of no access unit")
	if n == 0 {
		return
	}
	require.True(m.t, n == 1 || col.DTS[n-1]-col.DTS[0] < limits.flushTicks, "longer than the flush interval")
	if end, ok := m.ends[track]; ok {
		require.Equal(m.t, end, col.DTS[0], "the End of the chunk before")
	}
}

// blocks checks that only the last one is not full.
func (m *model) blocks(p *Payload) {
	for i, b := range p.Blocks() {
		require.NotEmpty(m.t, b)
		require.True(m.t, i == len(p.Blocks())-1 || len(b) == cap(b), "block %d has a hole", i)
	}
}

// cut checks the end of a chunk that an access unit has closed: that unit's track ends exactly there, or after a stall,
// and no other track except the lead extends beyond.
func (m *model) cut(c *Chunk, ends map[int]int64) {
	if m.track < 0 {
		return
	}
	at := m.b.tracks[m.track].lastTicks
	if col := &c.Tracks[m.track]; col.Len() > 0 && !m.b.tracks[m.track].stood {
		ends[m.track] = at
		require.Equal(m.t, at, col.EndTicks)
	}
	for i := range c.Tracks {
		if col := &c.Tracks[i]; i != m.track && i != c.Set.Lead() && col.Len() > 0 {
			limit := Rescale(at, c.Set.Tracks[m.track].Timescale, c.Set.Tracks[i].Timescale)
			require.Less(m.t, col.DTS[col.Len()-1], limit, "track %d: belongs to the next chunk", i)
		}
	}
}

func (m *model) flush() {
	m.track = -1
	m.b.Flush()
	m.complete()
}

func TestBuilderKeepsToTheModel(t *testing.T) { rapid.Check(t, anyStream) }

func FuzzBuilder(f *testing.F) { f.Fuzz(rapid.MakeFuzz(anyStream)) }

func anyStream(t *rapid.T) {
	m := newModel(t)
	for range rapid.IntRange(1, 150).Draw(t, "length") {
		switch rapid.IntRange(0, 150).Draw(t, "what") {
		case 0:
			m.flush()
		case 1:
			m.flush()
			m.setTracks()
		case 2:
			m.b.MarkGap(Gap{Cause: GapOverload, Chunks: 1})
		default:
			m.append()
		}
	}
	m.flush()
	require.Zero(t, m.pool.Outstanding(), m.pool.Leaks())
	require.Zero(t, m.pool.Memory())
	require.Zero(t, m.pool.openChunks.Load())
	require.Zero(t, m.pool.openBytes.Load())
}
