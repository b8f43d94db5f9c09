package mpegts

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// runner passes a stream again and again, whose times go on.
type runner struct {
	d      *Demuxer
	stream [][]byte
	at     time.Time
	close  func()
}

func newRunner(t testing.TB, pool *media.Pool, stream []byte) *runner {
	log := slog.New(slog.DiscardHandler)
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	h := hub.New(pool, tasks, hub.Config{Log: log, MaxGOPBytes: 1})
	d := NewDemuxer(Options{Log: log, Publish: func() (*hub.Publisher, error) { return h.Publish(path, hub.PublishOptions{Origin: "test"}) }})
	return &runner{d, slices.Collect(slices.Chunk(stream, 1316)), time.Unix(1700000000, 0), func() {
		d.Close(endcause.SourceLost)
		h.Close()
		require.NoError(t, tasks.Stop(context.Background()))
	}}
}

func (r *runner) once(t testing.TB) {
	for _, b := range r.stream {
		r.at = r.at.Add(10 * time.Millisecond)
		require.NoError(t, r.d.Data(b, r.at))
	}
	r.d.Again()
}

// Packets, pictures and frames of sound cost no allocation. Those that remain belong to the chunks of the hub.
func TestAStreamIsReadWithoutAllocation(t *testing.T) {
	for name, audio := range map[string][]string{"aac": {"-c:a", "aac"}, "mp3": {"-c:a", "libmp3lame"}, "ac3": {"-c:a", "ac3"}, "eac3": {"-c:a", "eac3"}, "opus": {"-c:a", "libopus"}} {
		t.Run(name, func(t *testing.T) {
			stream, want := muxed(t, []string{"-c:v", "libx264", "-bf", "2", "-g", "25"}, audio)
			r := newRunner(t, media.NewPool(64<<20), stream)
			defer r.close()
			for range 5 {
				r.once(t)
			}
			units := float64(len(want[0]) + len(want[1]))
			allocs := testing.AllocsPerRun(5, func() { r.once(t) })
			t.Logf("%.0f allocations for %.0f units in %d packets", allocs, units, len(stream)/packetBytes)
			require.Less(t, allocs, units/20)
		})
	}
}

func BenchmarkDemuxer(b *testing.B) {
	stream, _ := muxed(b, []string{"-c:v", "libx264", "-bf", "2", "-g", "25"}, []string{"-c:a", "aac"})
	r := newRunner(b, media.NewPool(64<<20), stream)
	defer r.close()
	r.once(b)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		r.once(b)
	}
}
