package mp4

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// session is a muxer under test with its announcements.
type session struct {
	*Muxer
	told []media.Recording
}

func newSession(t testing.TB, cfg Config, wrap func(disk.FS) disk.FS) *session {
	t.Helper()
	if cfg.RecordPath == "" || cfg.RecordPath == Defaults().RecordPath {
		cfg.RecordPath = t.TempDir()
	}
	cfg.Timezone = "UTC"
	m, err := New(pipeline.NewSettings(pipeline.Env{Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}, "default", "live/cam", "mp4"), cfg)
	require.NoError(t, err)
	if wrap != nil {
		m.openFS = func(dir string) (disk.FS, error) {
			d, err := disk.Open(dir)
			if err != nil {
				return nil, err
			}
			return wrap(d), nil
		}
	}
	return &session{Muxer: m}
}

func (s *session) emit(r media.Recording) error { s.told = append(s.told, r); return nil }

func (s *session) last() media.Recording { return s.told[len(s.told)-1] }

// path returns the path of a recording on the disk.
func (s *session) path(r media.Recording) string { return filepath.Join(s.dir, r.Path) }

func segment(set *media.TrackSet, index uint64) *media.Segment {
	at := start.Add(time.Duration(index-1) * time.Hour)
	return &media.Segment{
		ID: media.NewID(at), Stream: "live/cam", Pipeline: "default", Set: set, Index: index, StartUTC: at.UnixNano(),
	}
}

// put sends chunks as one segment without its end, and returns the first error. It takes ownership of
// the chunks.
func (s *session) put(seg *media.Segment, chunks []*media.Chunk) error {
	for i, c := range chunks {
		if err := s.Process(context.Background(), media.Part{Segment: seg, First: i == 0, Chunk: c}, s.emit); err != nil {
			for _, rest := range chunks[i+1:] {
				rest.Release()
			}
			return err
		}
	}
	return nil
}

func (s *session) end(seg *media.Segment, why media.Cause) error {
	return s.Process(context.Background(), media.Part{Segment: seg, End: why}, s.emit)
}

// record writes a whole source into one finished file.
func (s *session) record(t testing.TB, src *source, pool *media.Pool, edit func(*media.Segment)) media.Recording {
	t.Helper()
	set, chunks := src.chunks(t, pool, time.Second, nil)
	seg := segment(set, 1)
	if edit != nil {
		edit(seg)
	}
	return s.write(t, pool, seg, chunks)
}

// write writes chunks into one finished file.
func (s *session) write(t testing.TB, pool *media.Pool, seg *media.Segment, chunks []*media.Chunk) media.Recording {
	t.Helper()
	require.NoError(t, s.Open(context.Background()))
	require.NoError(t, s.put(seg, chunks))
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	require.Zero(t, pool.Outstanding(), pool.Leaks())
	return s.last()
}

// requireSame compares a file with its source, packet by packet: every payload in order, the
// differences of DTS and PTS to a tick, and audio against video to a millisecond. count is the
// required number of packets of each stream, -1 for all, -2 for any number from the first on.
func requireSame(t testing.TB, src *source, file string, count ...int) probed {
	t.Helper()
	got := probe(t, file)
	require.Len(t, got.Streams, len(src.tracks))
	offsets := make([]float64, len(src.tracks))
	for i := range src.tracks {
		want, have := src.probe.of(i), got.of(i)
		if len(count) > 0 && count[i] >= 0 {
			want = want[:count[i]]
		}
		if len(count) > 0 && count[i] == -2 {
			want = want[:len(have)]
		}
		require.Len(t, have, len(want), "packets of stream %d", i)
		require.Equal(t, src.probe.timescale(i), got.timescale(i))
		for k := range want {
			require.Equal(t, want[k].Hash, have[k].Hash, "payload %d of stream %d", k, i)
			require.Equal(t, want[k].Flags[0], have[k].Flags[0], "key flag %d of stream %d", k, i)
			require.InDelta(t, want[k].PTS-want[0].PTS, have[k].PTS-have[0].PTS, 1, "PTS %d of stream %d", k, i)
			require.InDelta(t, want[k].DTS-want[0].DTS, have[k].DTS-have[0].DTS, 1, "DTS %d of stream %d", k, i)
		}
		offsets[i] = float64(have[0].PTS-want[0].PTS) / float64(got.timescale(i))
	}
	for i := range offsets {
		require.InDelta(t, offsets[0], offsets[i], 0.001, "sound against picture")
	}
	return got
}

// requirePlays decodes a file to its end.
func requirePlays(t testing.TB, file string) {
	t.Helper()
	tool(t, "ffmpeg", "-v", "error", "-xerror", "-i", file, "-f", "null", "-")
}

// order returns the types of the top-level boxes of a file.
func order(t testing.TB, file string) (out []string) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	for at := int64(0); at < info.Size(); {
		h, err := isobmff.ReadHeader(f, at, info.Size())
		require.NoError(t, err, "at "+strconv.FormatInt(at, 10))
		out = append(out, h.Type.String())
		require.NotZero(t, h.SizeBytes)
		at += h.SizeBytes
		require.LessOrEqual(t, at, info.Size())
	}
	return out
}

func (s *session) report() (r pipeline.Report) {
	s.Report(&r)
	return r
}
