package mux

import (
	"context"
	"hash/crc32"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/yardstick"
	"github.com/gospool/spool/pipeline/media"
)

// BenchmarkMux measures the work of spool bench mux --flush-interval 1s --length 60s, with the same code, and two parts
// of it alone: the builder, and the CRC of all bytes. For each work it reports the CPU time relative to a write into
// preallocated room, and for the muxer also relative to the bare write: medians over the rounds, of which each measures
// every work once.
func BenchmarkMux(b *testing.B) {
	m, err := movie.Pattern(movie.Spec{Codec: "h264", Bitrate: 8e6, FPS: 30, GOP: 2 * time.Second, Length: time.Minute})
	require.NoError(b, err)
	pool := media.NewPool(256 << 20)
	muxed := func(fragment bool) func(dir string) error {
		return func(dir string) error {
			_, err := Run(context.Background(), dir, m, pool, Options{Fragment: fragment, Flush: time.Second, MaxBytes: 4 << 20})
			return err
		}
	}
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	names := []string{"write", "write-prealloc", "mp4", "fmp4", "builder", "crc"}
	works := []func(dir string) error{
		yardstick.Write{Movie: m, Flush: time.Second, Sync: "none"}.Run,
		yardstick.Write{Movie: m, Flush: time.Second, Sync: "none", Ahead: true}.Run,
		muxed(false),
		muxed(true),
		func(string) error { return built(m, pool) },
		func(string) error {
			for range m.Length / (10 * time.Second) {
				crc32.Checksum(m.Lap, castagnoli)
			}
			return nil
		},
	}
	dir := b.TempDir()
	cpu := make([][]float64, len(works))
	_, err = yardstick.Round(dir, 0, works) // warms up the pool and the page cache
	require.NoError(b, err)
	b.SetBytes(m.Bytes * int64(len(works)))
	for n := 0; b.Loop(); n++ {
		costs, err := yardstick.Round(dir, n, works)
		require.NoError(b, err)
		for i, c := range costs {
			cpu[i] = append(cpu[i], float64(c.CPU))
		}
	}
	for i, name := range names {
		b.ReportMetric(ratio(cpu[i], cpu[1]), name+"-x-write-prealloc")
	}
	b.ReportMetric(ratio(cpu[2], cpu[0]), "mp4-x-write")
	b.ReportMetric(ratio(cpu[3], cpu[0]), "fmp4-x-write")
}

// ratio returns the median over the rounds of own divided by limit in the same round.
func ratio(own, limit []float64) float64 {
	var ratios []float64
	for i := range own {
		ratios = append(ratios, own[i]/limit[i])
	}
	return yardstick.Median(ratios)
}

// built builds the chunks of a movie and drops them.
func built(m *movie.Movie, pool *media.Pool) error {
	set, err := media.NewTrackSet(1, m.Tracks)
	if err != nil {
		return err
	}
	b := media.NewBuilder(pool, media.BuilderConfig{Flush: time.Second, MaxBytes: 4 << 20}, (*media.Chunk).Release)
	b.SetTracks(set)
	defer b.Flush()
	return m.Each(b.Append)
}
