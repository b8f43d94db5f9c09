package mp4

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

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
