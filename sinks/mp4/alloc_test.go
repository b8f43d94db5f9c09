package mp4

import (
	"cmp"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// TestAWholeFileAllocatesATenthForEachAccessUnit counts all that a file of a minute allocates: its stage, its header,
// its media, its end, its sample index and its announcements.
func TestAWholeFileAllocatesATenthForEachAccessUnit(t *testing.T) {
	movie := makeMovie(t, 1000)
	for name, fragment := range map[string]bool{"mp4": false, "fmp4": true} {
		pool, dir := media.NewPool(8<<20), memory(t)
		allocs := testing.AllocsPerRun(3, func() { movie.mux(t, pool, dir, fragment) })
		require.LessOrEqual(t, allocs/float64(len(movie.units)), 0.1, "%s: %v allocations, %d access units", name, allocs, len(movie.units))
		t.Logf("%s: %v allocations, %d access units", name, allocs, len(movie.units))
	}
}

// TestSteadyStateAllocatesNothingPerAccessUnit permits only the blocks of the tables' columns, one in
// hundreds of access units.
func TestSteadyStateAllocatesNothingPerAccessUnit(t *testing.T) {
	for _, c := range []struct {
		fragment bool
		gop      int
	}{{false, 30}, {true, 30}, {false, 1}, {true, 2}} {
		pool, cfg := media.NewPool(1<<20), Defaults()
		cfg.Fragment, cfg.Sync, cfg.RecordPath = c.fragment, syncNone, memory(t)
		s := newSession(t, cfg, nil)
		set, chunks := synthetic{fps: 30, gop: c.gop, picture: 100, sound: true, flush: time.Second, chunks: 220}.make(t, pool)
		require.NoError(t, s.Open(context.Background()))
		seg := segment(set, 1)
		require.NoError(t, s.put(seg, chunks[:10]))
		chunks = chunks[10:]
		before := s.file.units
		emit := s.emit
		perChunk := testing.AllocsPerRun(200, func() {
			p := media.Part{Segment: seg, Chunk: chunks[0]}
			chunks = chunks[1:]
			if err := s.Process(context.Background(), p, emit); err != nil {
				t.Fatal(err)
			}
		})
		units := float64(s.file.units-before) / 201
		require.Greater(t, units, 70.0)
		require.LessOrEqual(t, perChunk, 1.0, "allocations a chunk of %v access units", units)
		for _, c := range chunks {
			c.Release()
		}
		require.NoError(t, s.Close())
		require.Zero(t, pool.Outstanding())
	}
}

// movie holds access units in memory, in the order of their times.
type movie struct {
	set   *media.TrackSet
	units []movieUnit
	bytes []byte // payloads of all units
}

type movieUnit struct {
	track int
	au    media.AU
}

// makeMovie makes a minute of video with sound; a picture has the given number of bytes.
func makeMovie(b testing.TB, picture int) *movie {
	m := &movie{}
	set, chunks := synthetic{fps: 30, gop: 30, picture: picture, sound: true, flush: time.Second, chunks: 60}.make(b, media.NewPool(0))
	m.set = set
	size := 0
	for _, c := range chunks {
		size += c.Bytes()
	}
	m.bytes = make([]byte, 0, size)
	for _, c := range chunks {
		for i := range c.Tracks {
			m.take(i, &c.Tracks[i])
		}
		c.Release()
	}
	slices.SortStableFunc(m.units, func(x, y movieUnit) int { return cmp.Compare(x.au.MonoNS, y.au.MonoNS) })
	return m
}

// take adds the access units of one track in one chunk.
func (m *movie) take(track int, col *media.Columns) {
	at := len(m.bytes)
	m.bytes = col.Payload.Append(m.bytes)
	for k, size := range col.SizeBytes {
		ns := media.ToNanos(col.DTS[k], m.set.Tracks[track].Timescale)
		m.units = append(m.units, movieUnit{track, media.AU{
			DTS: col.DTS[k], PTS: col.DTS[k] + int64(col.OffsetTicks[k]), MonoNS: ns, UTC: start.UnixNano() + ns,
			Sync: col.Flags[k]&media.FlagSync != 0, Framed: true, Payload: [][]byte{m.bytes[at : at+int(size)]},
		}})
		at += int(size)
	}
}

// mux writes the movie to a file in dir, finishes the file and removes it.
func (m *movie) mux(b testing.TB, pool *media.Pool, dir string, fragment bool) {
	cfg := Defaults()
	cfg.RecordPath, cfg.Fragment, cfg.Sync = dir, fragment, syncNone
	s := newSession(b, cfg, nil)
	require.NoError(b, s.Open(context.Background()))
	seg := segment(m.set, 1)
	seg.MaxDuration = time.Minute
	first := true
	builder := media.NewBuilder(pool, media.BuilderConfig{}, func(c *media.Chunk) {
		require.NoError(b, s.Process(context.Background(), media.Part{Segment: seg, First: first, Chunk: c}, s.emit))
		first = false
	})
	builder.SetTracks(m.set)
	for i := range m.units {
		if err := builder.Append(m.units[i].track, &m.units[i].au); err != nil {
			b.Fatal(err)
		}
	}
	builder.Flush()
	require.NoError(b, s.end(seg, endcause.Stop))
	require.NoError(b, s.fs.Remove(s.last().Path))
	require.NoError(b, s.Close())
}
