package mp4

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/media"
)

// BenchmarkMux writes a minute of 1080p30 at 8 Mbit/s with AAC, in 1 s chunks
// that are in memory, and reports CPU time against bare write(2) of the same
// bytes by the same process: x-write. Each iteration runs every variant once,
// so that whatever else the machine does hits all of them.
func BenchmarkMux(b *testing.B) {
	pool := media.NewPool(0)
	set, chunks := synthetic{fps: 30, gop: 30, picture: 8_000_000 / 8 / 30, sound: true, flush: time.Second, chunks: 60}.make(b, pool)
	defer func() {
		for _, c := range chunks {
			c.Release()
		}
	}()
	bytes := 0
	for _, c := range chunks {
		bytes += c.Bytes()
	}
	dir := memoryOrDisk(b)
	bare := func(int) { writeBare(b, filepath.Join(dir, "bare"), chunks) }
	variants := []struct {
		name string
		run  func(int)
		cpu  time.Duration
	}{
		{name: "write", run: bare},
		{name: "hybrid", run: func(i int) { muxOnce(b, dir, set, chunks, false, true, i) }},
		{name: "hybrid+crc", run: func(i int) { muxOnce(b, dir, set, chunks, false, false, i) }},
		{name: "fragment", run: func(i int) { muxOnce(b, dir, set, chunks, true, true, i) }},
		{name: "fragment+crc", run: func(i int) { muxOnce(b, dir, set, chunks, true, false, i) }},
	}
	b.ResetTimer()
	for i := range b.N {
		for k := range variants {
			v := &variants[(k+i)%len(variants)]
			from := cpuTime()
			v.run(i)
			v.cpu += cpuTime() - from
		}
	}
	b.StopTimer()
	for _, v := range variants[1:] {
		b.ReportMetric(float64(v.cpu)/float64(variants[0].cpu), v.name+"-x-write")
	}
	b.ReportMetric(float64(variants[0].cpu.Microseconds())/float64(b.N), "write-cpu-us")
	b.SetBytes(int64(bytes * len(variants)))
}

// writeBare is the limit: the payloads, a write each block.
func writeBare(b *testing.B, name string, chunks []*media.Chunk) {
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_WRONLY|unix.O_EXCL, 0o600)
	require.NoError(b, err)
	for _, c := range chunks {
		for i := range c.Tracks {
			for _, p := range c.Tracks[i].Payload.Blocks() {
				n, err := unix.Write(fd, p)
				require.NoError(b, err)
				require.Len(b, p, n)
			}
		}
	}
	require.NoError(b, unix.Close(fd))
	require.NoError(b, unix.Unlink(name))
}

func muxOnce(b *testing.B, dir string, set *media.TrackSet, chunks []*media.Chunk, fragment, noCRC bool, n int) {
	cfg := Defaults()
	cfg.RecordPath, cfg.Fragment, cfg.Sync = dir, fragment, syncNone
	cfg.FilenamePattern = fmt.Sprintf("%d.mp4", n)
	s := newSession(b, cfg, nil)
	require.NoError(b, s.Open(context.Background()))
	seg := segment(set, 1)
	seg.MaxDuration = time.Minute
	for i, c := range chunks {
		require.NoError(b, s.Process(context.Background(), media.Part{Segment: seg, First: i == 0, Chunk: c.Retain()}, s.emit))
		s.file.noCRC = noCRC
	}
	require.NoError(b, s.end(seg, media.EndStop))
	require.NoError(b, s.fs.Remove(s.last().Path))
	require.NoError(b, s.Close())
}

// memoryOrDisk is the page cache of a real disk: files are removed before they
// are written back, and nothing is synced.
func memoryOrDisk(b *testing.B) string { return b.TempDir() }

func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFinish finishes an hour of 8 Mbit/s: what that costs besides fsync.
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
		require.NoError(b, s.end(seg, media.EndStop))
		b.StopTimer()
		written = s.report().Finish.BytesWritten
		require.NoError(b, s.Close())
		b.StartTimer()
	}
	b.ReportMetric(float64(written), "bytes-written")
}
