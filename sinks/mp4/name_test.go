package mp4

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

func TestNames(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	seg := &media.Segment{Stream: "live/camera01", Pipeline: "default", Index: 7, StartUTC: start.UnixNano()}
	for pattern, want := range map[string]string{
		"{stream}_{date}_{time}.mp4":           "live_camera01_2026-03-04_06-06-07.mp4",
		"{stream_path}/{date}/{time}.{ms}.mp4": "live/camera01/2026-03-04/06-06-07.089.mp4",
		"{pipeline}-{seq}-{timestamp}.mp4":     "default-7-1772600767.mp4",
		"a/b/{stream}.mp4":                     "a/b/live_camera01.mp4",
		"{stream_path}.mp4":                    "live/camera01.mp4",
	} {
		p, err := parsePattern(pattern)
		require.NoError(t, err, pattern)
		require.Equal(t, want, p.name(seg, berlin, 0))
		require.Equal(t, strings.TrimSuffix(want, ".mp4")+"_2.mp4", p.name(seg, berlin, 1))
	}
}

func TestBrokenPatternsAreRefusedWithTheListOfPlaceholders(t *testing.T) {
	for _, p := range []string{
		"", ".mp4", "{stream}", "{stream}.mkv", "{camera}.mp4", "{stream.mp4", "/{stream}.mp4", "../{stream}.mp4",
		"a/../{stream}.mp4", "a//{stream}.mp4", "./{stream}.mp4", "{date}/.mp4", "a\x00{stream}.mp4", ".hidden/{stream}.mp4",
		"{}.mp4", "a:{time}.mp4", "{stream}}.mp4",
	} {
		cfg := Defaults()
		cfg.FilenamePattern = p
		_, err := New(pipeline.Settings{}, cfg)
		require.ErrorContains(t, err, "filename_pattern", p)
		require.ErrorContains(t, err, "{stream_path}", p)
	}
}

func TestBrokenConfigurationsAreRefused(t *testing.T) {
	for want, edit := range map[string]func(*Config){
		"sync: \"always\"":     func(c *Config) { c.Sync = "always" },
		"record_path":          func(c *Config) { c.RecordPath = "" },
		"fragment_duration":    func(c *Config) { c.FragmentDuration = 0 },
		"sync_interval":        func(c *Config) { c.Sync, c.SyncInterval = syncInterval, 0 },
		"timezone: \"Moon/1\"": func(c *Config) { c.Timezone = "Moon/1" },
	} {
		cfg := Defaults()
		edit(&cfg)
		require.ErrorContains(t, cfg.Validate(), want)
	}
	require.NoError(t, Defaults().Validate())
}

func FuzzNamesStayInsideTheDirectory(f *testing.F) {
	for _, s := range []string{"live/cam", "../../etc/passwd", "a/../b", "..", ".", "/abs", "a\x00b", "a\nb", strings.Repeat("x", 600), "\xff\xfe", "con:", "~/x", "{stream}", "a/.mp4", "..mp4"} {
		f.Add(s, "p")
	}
	flat, _ := parsePattern("{stream}_{pipeline}.mp4")
	deep, _ := parsePattern("{stream_path}/{pipeline}.mp4")
	bare, _ := parsePattern("{stream_path}.mp4")
	f.Fuzz(func(t *testing.T, stream, pipeline string) {
		seg := &media.Segment{Stream: stream, Pipeline: pipeline, StartUTC: 1}
		for _, p := range []pattern{flat, deep, bare} {
			for _, n := range []int{0, 1, 98765} {
				name := p.name(seg, time.UTC, n)
				require.True(t, filepath.IsLocal(name), name)
				require.Equal(t, path.Clean(name), name)
				require.True(t, strings.HasSuffix(name, ".mp4"), name)
				for part := range strings.SplitSeq(name+PartSuffix, "/") {
					require.LessOrEqual(t, len(part), 255)
					require.False(t, hidden(part), name)
				}
			}
		}
		require.NotContains(t, flat.name(seg, time.UTC, 0), "/")
	})
}

func FuzzPatternsThatAreTakenMakeGoodNames(f *testing.F) {
	for _, s := range []string{"{stream}_{date}.mp4", "{stream_path}/{ms}.mp4", "../{stream}.mp4", "{", "}", "a{seq}/b.mp4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePattern(s)
		if err != nil {
			return
		}
		name := p.name(&media.Segment{Stream: "a/b", Pipeline: "p"}, time.UTC, 0)
		require.True(t, filepath.IsLocal(name), name)
		require.True(t, strings.HasSuffix(name, ".mp4"), name)
	})
}

func TestTwoRecordingsOfOneNameDoNotCollide(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	cfg := Defaults()
	cfg.RecordPath = t.TempDir()
	var open []*session
	seg := make([]*media.Segment, 3)
	for i := range seg {
		s := newSession(t, cfg, nil)
		set, chunks := src.chunks(t, pool, time.Second, nil)
		require.NoError(t, s.Open(context.Background()))
		seg[i] = segment(set, 1)
		require.NoError(t, s.put(seg[i], chunks))
		open = append(open, s)
	}
	// Somebody puts a file where the first one wants to be at last.
	taken := filepath.Join(cfg.RecordPath, "live_cam_2026-03-04_05-06-07.mp4")
	require.NoError(t, os.WriteFile(taken, []byte("precious"), 0o600))
	for i, s := range open {
		require.NoError(t, s.end(seg[i], media.EndStop))
		require.NoError(t, s.Close())
		requireSame(t, src, s.path(s.last()))
	}
	b, err := os.ReadFile(taken)
	require.NoError(t, err)
	require.Equal(t, "precious", string(b))
	require.Len(t, files(cfg.RecordPath), 4)
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}

func TestSymbolicLinksDoNotLeadOut(t *testing.T) {
	src, pool, outside := record(t, avc(4)), media.NewCheckedPool(), t.TempDir()
	cfg := Defaults()
	cfg.RecordPath, cfg.FilenamePattern = t.TempDir(), "{stream_path}/{seq}.mp4"
	require.NoError(t, os.Symlink(outside, filepath.Join(cfg.RecordPath, "live")))
	s := newSession(t, cfg, nil)
	set, chunks := src.chunks(t, pool, time.Second, nil)
	require.NoError(t, s.Open(context.Background()))
	require.Error(t, s.put(segment(set, 1), chunks))
	require.NoError(t, s.Close())
	require.Empty(t, files(outside))
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}

func TestSwappedDirectoryIsRefused(t *testing.T) {
	src, pool, base := record(t, avc(4)), media.NewCheckedPool(), t.TempDir()
	cfg := Defaults()
	cfg.RecordPath = filepath.Join(base, "disk")
	s := newSession(t, cfg, nil)
	set, chunks := src.chunks(t, pool, time.Second, nil)
	require.NoError(t, s.Open(context.Background()))
	require.NoError(t, s.put(segment(set, 1), chunks[:1]))
	require.NoError(t, s.end(nil, media.EndStop))

	require.NoError(t, os.Rename(cfg.RecordPath, filepath.Join(base, "unmounted")))
	require.NoError(t, os.Mkdir(cfg.RecordPath, 0o755))
	require.ErrorIs(t, s.put(segment(set, 2), chunks[1:]), ErrSwapped)
	require.NoError(t, s.Close())
	again := newSession(t, cfg, nil) // the run is started again
	require.ErrorIs(t, again.Open(context.Background()), ErrSwapped)
	other := media.NewID(start).String()
	require.NoError(t, os.WriteFile(filepath.Join(cfg.RecordPath, IdentityFile), []byte(other+"\n"), 0o600))
	require.ErrorIs(t, again.Open(context.Background()), ErrSwapped, "another disk of ours")
	require.Empty(t, files(cfg.RecordPath))

	require.NoError(t, os.RemoveAll(cfg.RecordPath))
	require.NoError(t, os.Rename(filepath.Join(base, "unmounted"), cfg.RecordPath))
	require.NoError(t, again.Open(context.Background()), "the disk is back")
	require.NoError(t, again.Close())
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}
