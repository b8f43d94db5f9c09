package server

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// shortDay records some minutes with two reconnects and a change of the resolution. Its last file grows.
func shortDay(t *testing.T) (d *day, begin int64) {
	t.Helper()
	r := start(t, t.TempDir(), `
mp4: {max_duration: 1m, filename_pattern: "{stream}/{timestamp}_{ms}.mp4"}
streams: {live/day: {}}
pipelines: {default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
`, 0, true)
	d = &day{fixture: r, path: "live/day", o: testpattern.Default(), utc: time.Now().Add(-2 * time.Hour).Truncate(time.Millisecond).UnixNano()}
	d.o.FPS, d.o.GOP, d.o.Channels = testpattern.Rate{Num: dayFPS, Den: 1}, 2*dayFPS, 1
	begin = d.utc
	d.connect(192, 108)
	d.send(90 * time.Second)
	d.leave(7 * time.Second)
	d.connect(192, 108)
	d.send(30 * time.Second)
	d.describe(128, 96)
	d.send(30 * time.Second)
	d.leave(2 * time.Minute)
	d.connect(128, 96)
	d.send(90 * time.Second)
	return d, begin
}

// library returns the library of the recorder.
func (d *day) library() *clip.Library {
	d.t.Helper()
	dir, err := filepath.Abs(d.dir)
	require.NoError(d.t, err)
	return &clip.Library{Files: playback.NewDir(dir, growing(dir)), Indexes: sampleindex.In(dir), Belongs: d.recordings.belongs}
}

// plan plans the movie of a span.
func (d *day) plan(from, to int64, o movie.Options) *movie.Movie {
	d.t.Helper()
	clips, _, err := clip.Find(d.t.Context(), d.recordings, d.path, clip.Span{StartUTC: from, EndUTC: to})
	require.NoError(d.t, err)
	m, err := new(movie.Counts).Plan(d.t.Context(), d.library(), clips, o)
	require.NoError(d.t, err)
	return m
}

// walked is a sample as a movie's file, or a walk over the movie, has it.
type walked struct {
	dts, duration int64 // since the first sample of the track
	offset        int64
	sync          bool
	entry         int
	hash          [32]byte
}

// TestAWalkHasTheSamplesOfTheFile compares a walk over a movie with the sample tables of its file.
func TestAWalkHasTheSamplesOfTheFile(t *testing.T) {
	d, begin := shortDay(t)
	for _, span := range [][2]time.Duration{{0, 5 * time.Minute}, {31300 * time.Millisecond, 33 * time.Second}, {85 * time.Second, 3 * time.Minute}} {
		for _, keep := range []bool{false, true} {
			m := d.plan(begin+int64(span[0]), begin+int64(span[1]), movie.Options{KeepGaps: keep})
			var file bytes.Buffer
			r := m.NewReader(d.library())
			_, err := file.ReadFrom(r)
			require.NoError(t, err)
			require.NoError(t, r.Close())

			tracks := m.Tracks()
			got := make([][]walked, len(tracks))
			first := make([]int64, len(tracks))
			shown, at, in := int64(1<<62), int64(-1<<62), 0
			require.NoError(t, m.Walk(t.Context(), d.library(), func(s *movie.Sample, file io.ReaderAt) error {
				if s == nil {
					return nil
				}
				if len(got[s.Track]) == 0 {
					first[s.Track] = s.DTS
				}
				require.GreaterOrEqual(t, s.Clip, in)
				if s.Clip > in {
					at, in = -1<<62, s.Clip
				}
				ns := media.ToNanos(s.DTS, tracks[s.Track].Timescale)
				require.GreaterOrEqual(t, ns, at-int64(time.Millisecond), "samples of a clip come by decode time")
				if at = ns; s.Track == 0 && s.PTS >= 0 {
					shown = min(shown, s.PTS)
				}
				payload := make([]byte, s.SizeBytes)
				_, err := file.ReadAt(payload, s.At)
				require.NoError(t, err)
				got[s.Track] = append(got[s.Track], walked{s.DTS - first[s.Track], s.DurationTicks, s.PTS - s.DTS, s.Sync, int(s.Entry), sha256.Sum256(payload)})
				return nil
			}))
			require.Zero(t, shown, "the first picture is presented at time 0")
			require.Equal(t, tabled(t, file.Bytes()), got)
		}
	}
}

// tabled returns the samples of each track by the sample tables of a file.
func tabled(t *testing.T, b []byte) (out [][]walked) {
	t.Helper()
	for boxes := isobmff.Walk(isobmff.Find(b, "moov")); boxes.Next(); {
		if !boxes.Is("trak") {
			continue
		}
		stbl := isobmff.Find(boxes.Payload, "mdia", "minf", "stbl")
		spans, whole := isobmff.ReadTable(isobmff.Find(stbl, "stsc"), 3)
		require.True(t, whole)
		table, err := isobmff.ReadSampleTable(stbl)
		require.NoError(t, err)
		var list []walked
		var s isobmff.Sample
		row, left := -1, uint32(0)
		for ok, err := table.Next(&s); ok; ok, err = table.Next(&s) {
			require.NoError(t, err)
			if left == 0 {
				row++
				left = spans.U32(row, 1) // each chunk of these files has a row of its own
			}
			left--
			list = append(list, walked{s.DTS, s.DurationTicks, int64(s.OffsetTicks), s.Sync, int(spans.U32(row, 2)), sha256.Sum256(b[s.At:][:s.SizeBytes])})
		}
		first := list[0].dts
		for i := range list {
			list[i].dts -= first
		}
		out = append(out, list)
	}
	return out
}

// TestAWalkEndsWithItsCaller ends a walk by an error of the caller, and by its context.
func TestAWalkEndsWithItsCaller(t *testing.T) {
	d, begin := shortDay(t)
	m := d.plan(begin, begin+int64(5*time.Minute), movie.Options{})
	n, enough := 0, errors.New("enough")
	require.ErrorIs(t, m.Walk(t.Context(), d.library(), func(*movie.Sample, io.ReaderAt) error {
		if n++; n == 10 {
			return enough
		}
		return nil
	}), enough)
	require.Equal(t, 10, n)
}
