package mp4

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// BenchmarkMux muxes a minute of 1080p30 at 8 Mbit/s with AAC from access units in memory, in chunks
// of 1 s. It reports x-write, the CPU time relative to bare write(2) of the same bytes, a second in a
// call: the median over the iterations. Each iteration runs every variant once, so that other load
// affects all equally.
func BenchmarkMux(b *testing.B) {
	movie := makeMovie(b)
	dir := b.TempDir() // the page cache of a real disk: nothing is synced
	pool := media.NewPool(64 << 20)
	mux := func(fragment bool) func(*testing.B) {
		return func(b *testing.B) { movie.mux(b, pool, dir, fragment) }
	}
	variants := []struct {
		name  string
		run   func(*testing.B)
		ratio []float64
	}{
		{name: "write", run: func(b *testing.B) { movie.write(b, filepath.Join(dir, "bare")) }},
		{name: "crc", run: func(*testing.B) { crc32.Checksum(movie.bytes, castagnoli) }}, // its share of the next two
		{name: "mp4", run: mux(false)},
		{name: "fmp4", run: mux(true)},
	}
	for i := range variants { // warm-up
		variants[i].run(b)
	}
	cpu := make([]time.Duration, len(variants))
	for i := 0; b.Loop(); i++ {
		for n := range variants {
			k := (n + i) % len(variants)
			from := cpuTime()
			variants[k].run(b)
			cpu[k] = cpuTime() - from
		}
		for k := range variants {
			variants[k].ratio = append(variants[k].ratio, float64(cpu[k])/float64(cpu[0]))
		}
	}
	for _, v := range variants[1:] {
		slices.Sort(v.ratio)
		b.ReportMetric(v.ratio[len(v.ratio)/2], v.name+"-x-write")
	}
	b.SetBytes(int64(len(movie.bytes) * len(variants)))
}

// movie holds access units in memory, in the order of their times.
type movie struct {
	set     *media.TrackSet
	units   []movieUnit
	bytes   []byte // payloads of all units
	seconds int
}

type movieUnit struct {
	track int
	au    media.AU
}

func makeMovie(b *testing.B) *movie {
	m := &movie{seconds: 60}
	set, chunks := synthetic{fps: 30, gop: 30, picture: 8_000_000 / 8 / 30, sound: true, flush: time.Second, chunks: m.seconds}.make(b, media.NewPool(0))
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

// write measures the lower limit: bare writes.
func (m *movie) write(b *testing.B, name string) {
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_WRONLY|unix.O_EXCL, 0o600)
	require.NoError(b, err)
	for rest := range slices.Chunk(m.bytes, len(m.bytes)/m.seconds) {
		n, err := unix.Write(fd, rest)
		require.NoError(b, err)
		require.Len(b, rest, n)
	}
	require.NoError(b, unix.Close(fd))
	require.NoError(b, unix.Unlink(name))
}

func (m *movie) mux(b *testing.B, pool *media.Pool, dir string, fragment bool) {
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

func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFinish finishes an hour of 8 Mbit/s, without fsync.
func BenchmarkFinish(b *testing.B) {
	pool := media.NewPool(0)
	set, chunks := synthetic{fps: 30, gop: 30, picture: 10, sound: true, flush: time.Second, chunks: 3600}.make(b, pool)
	defer func() {
		for _, c := range chunks {
			c.Release()
		}
	}()
	written := int64(0)
	for i := range b.N {
		b.StopTimer()
		cfg := Defaults()
		cfg.RecordPath, cfg.Sync, cfg.FilenamePattern = b.TempDir(), syncNone, fmt.Sprintf("%d.mp4", i)
		s := newSession(b, cfg, nil)
		require.NoError(b, s.Open(context.Background()))
		seg := segment(set, 1)
		seg.MaxDuration = time.Hour
		for i, c := range chunks {
			require.NoError(b, s.Process(context.Background(), media.Part{Segment: seg, First: i == 0, Chunk: c.Retain()}, s.emit))
		}
		b.StartTimer()
		require.NoError(b, s.end(seg, endcause.Stop))
		b.StopTimer()
		written = s.report().Finish.BytesWritten
		require.NoError(b, s.Close())
		b.StartTimer()
	}
	b.ReportMetric(float64(written), "bytes-written")
}
