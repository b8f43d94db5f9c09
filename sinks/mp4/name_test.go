package mp4

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

func TestNames(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	seg := &media.Segment{Stream: "live/camera01", Pipeline: "default", Index: 7, StartUTC: start.UnixNano()}
	for pattern, want := range map[string]string{
		"{stream}_{date}_{time}.mp4":                                  "live_camera01_20260304_060607.mp4",
		"{stream_path}/{date}/{time}.{ms}.mp4":                        "live/camera01/20260304/060607.089.mp4",
		"{pipeline}-{seq}-{timestamp}.mp4":                            "default-7-1772600767.mp4",
		"a/b/{stream}.mp4":                                            "a/b/live_camera01.mp4",
		"{stream_path}.mp4":                                           "live/camera01.mp4",
		"{stream}_{date:%Y-%m-%d}_{time:%H-%M-%S}.mp4":                "live_camera01_2026-03-04_06-06-07.mp4",
		"{date:%Y/%m/%d}/{time:%Hh%M.%L}.mp4":                         "2026/03/04/06h06.089.mp4",
		"{date:%Y-%m-%dT%H%M%S%z}.mp4":                                "2026-03-04T060607+0100.mp4",
		"{time:%s}.{date:%j}.mp4":                                     "1772600767.063.mp4",
		"{date:%a %A %b %B %C %d %f %F %g %G %h %H}.mp4":              "Wed Wednesday Mar March 20 04 089000 2026-03-04 26 2026 Mar 06.mp4",
		"{date:%I %j %L %m %M %N %p %P %Q %s %S}.mp4":                 "06 063 089 03 06 089000000 AM am 1772600767089 1772600767 07.mp4",
		"{time:%u %U %V %w %W %y %Y %z %Z %-d%-m%-H%-I%-M%-S%-j}.mp4": "3 09 10 3 09 26 2026 +0100 CET 43666763.mp4",
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
		require.ErrorContains(t, err, "write", p)
	}
	_, err := parsePattern("{camera}.mp4")
	require.ErrorContains(t, err, "{stream_path}", "what could have been meant is listed")
}

// Where a pattern is wrong, and what to write in its place.
func TestAPatternIsRefusedWithItsPlaceAndARemedy(t *testing.T) {
	for pattern, want := range map[string]struct {
		character int
		remedy    string
	}{
		"é_{day}.mp4":                    {4, "write one of {stream} "},
		"{stream}_{date:%Y-%m-%d.mp4":    {10, "write {date}"},
		"{stream}_{date:%Y{ms}}.mp4":     {10, "write {date}"},
		"{stream}_date}.mp4":             {14, "write {date}"},
		"{stream}_{time:%H:%M}.mp4":      {18, "write - or _"},
		"{stream}_{time:%T}.mp4":         {16, "write %H-%M-%S"},
		"{stream}_{time:%R}.mp4":         {16, "write %H-%M"},
		"{stream}_{date:%D}.mp4":         {16, "write %m-%d-%y"},
		"{stream}_{date:%x}.mp4":         {16, "write %Y-%m-%d"},
		"{stream}_{date:%Y%n}.mp4":       {18, "write _"},
		"{stream}_{date:%Y%%}.mp4":       {18, "write _"},
		"{stream}_{date:%e}.mp4":         {16, "write %d"},
		"{stream}_{date:%Y-%i}.mp4":      {19, "write one of %A %B "},
		"{stream}_{date:%é}.mp4":         {16, "%é is no conversion"},
		"{stream}_{date:%:z}.mp4":        {16, "%: is no conversion"},
		"{stream}_{date:%Ey}.mp4":        {16, "%E is no conversion"},
		"{stream}_{date:%-Y}.mp4":        {16, "%-Y is no conversion"},
		"{stream}_{date:%Y%}.mp4":        {18, "write a conversion"},
		"{stream}_{date:%Y-%-}.mp4":      {19, "%- is no conversion"},
		"{stream}_{date:}.mp4":           {16, "write for example %Y-%m-%d"},
		"{stream}_{date:YYYY-MM-DD}.mp4": {16, "write for example %Y-%m-%d"},
		"{stream}_{date:%Y\x00}.mp4":     {18, "write - or _"},
		"{stream}_{date:%Y\xff}.mp4":     {18, "write - or _"},
		"{date:%Y\\%m}.mp4":              {9, "write - or _"},
		"{date:/%Y}/{time}.mp4":          {1, "write no / at the start"},
		"{date:%Y//%m}/{time}.mp4":       {1, "write no / at the start"},
		"{date:%Y/../%m}/{time}.mp4":     {1, "write no / at the start"},
		"{date:%Y/.%m}/{time}.mp4":       {1, "begins with a dot"},
		"{stream}_{ms:%f}.mp4":           {14, "write {ms}"},
		"{timestamp:%s}.mp4":             {12, "write {timestamp}"},
		"a:{time}.mp4":                   {2, "write - or _"},
		"100%_{time}.mp4":                {4, "write - or _"},
		"{stream}.mkv":                   {12, "write {stream}_{date}_{time}.mp4"},
	} {
		_, err := parsePattern(pattern)
		require.ErrorContains(t, err, fmt.Sprintf("character %d: ", want.character), pattern)
		require.ErrorContains(t, err, want.remedy, pattern)
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
					require.False(t, disk.Hidden(part), name)
				}
			}
		}
		require.NotContains(t, flat.name(seg, time.UTC, 0), "/")
	})
}

func FuzzPatternsThatAreTakenMakeGoodNames(f *testing.F) {
	for _, s := range []string{"{stream}_{date}.mp4", "{stream_path}/{ms}.mp4", "../{stream}.mp4", "{", "}", "a{seq}/b.mp4", "{date:%Y/%m}/{time:%-H%z%Z}.mp4", "{date:%B./%A}.mp4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePattern(s)
		if err != nil {
			return
		}
		for _, at := range []int64{0, start.UnixNano(), math.MaxInt64, math.MinInt64} {
			name := p.name(&media.Segment{Stream: "a/b", Pipeline: "p", StartUTC: at}, time.UTC, 0)
			require.True(t, filepath.IsLocal(name), name)
			require.True(t, strings.HasSuffix(name, ".mp4"), name)
			require.Equal(t, -1, strings.IndexFunc(name, unfitInPath), name)
		}
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
	taken := filepath.Join(cfg.RecordPath, "live_cam_20260304_050607.mp4")
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

// TestNameThatACrashLeftBehind: what has the name that the next recording would
// get, and is nobody's any more, stays as it is, byte by byte; the recording gets
// the next name.
func TestNameThatACrashLeftBehind(t *testing.T) {
	t.Parallel()
	src := record(t, avc(4))
	grown := grow(t, src, false).data
	for name, leave := range map[string]func(part string) error{
		"a growing file": func(part string) error { return os.WriteFile(part, grown, 0o600) },
		"an empty file":  func(part string) error { return os.WriteFile(part, nil, 0o600) },
		"a link to a file": func(part string) error {
			if err := os.WriteFile(part+".elsewhere", grown, 0o600); err != nil {
				return err
			}
			return os.Symlink(filepath.Base(part)+".elsewhere", part)
		},
		"a link to nothing": func(part string) error { return os.Symlink("nothing", part) },
		"a directory":       func(part string) error { return os.Mkdir(part, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg, pool := Defaults(), media.NewCheckedPool()
			cfg.RecordPath, cfg.FilenamePattern = t.TempDir(), "{stream}.mp4"
			left := filepath.Join(cfg.RecordPath, "live_cam.mp4"+PartSuffix)
			require.NoError(t, leave(left))
			before, err := os.Lstat(left)
			require.NoError(t, err)
			s := newSession(t, cfg, nil)
			set, chunks := src.chunks(t, pool, time.Second, nil)
			require.NoError(t, s.Open(context.Background()))
			seg := segment(set, 1)
			require.NoError(t, s.put(seg, chunks))
			require.NoError(t, s.end(seg, media.EndStop))
			require.NoError(t, s.Close())
			require.Zero(t, pool.Outstanding(), pool.Leaks())
			require.Equal(t, "live_cam_2.mp4", s.last().Path)
			requireSame(t, src, s.path(s.last()))
			after, err := os.Lstat(left)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after))
			require.Equal(t, before.ModTime(), after.ModTime())
			if b, err := os.ReadFile(left); err == nil && before.Size() > 0 {
				require.True(t, bytes.Equal(grown, b))
			}
			require.NoFileExists(t, filepath.Join(cfg.RecordPath, "nothing"))
		})
	}
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
	require.NoError(t, s.put(segment(set, 2), chunks[1:]))
	require.ErrorContains(t, s.outageError(), disk.ErrSwapped.Error())
	require.NoError(t, s.Close())
	again := newSession(t, cfg, nil) // the run is started again
	require.NoError(t, again.Open(context.Background()))
	require.ErrorContains(t, again.outageError(), disk.ErrSwapped.Error())
	other := media.NewID(start).String()
	require.NoError(t, os.WriteFile(filepath.Join(cfg.RecordPath, disk.IdentityFile), []byte(other+"\n"), 0o600))
	require.NoError(t, again.Open(context.Background()))
	require.ErrorContains(t, again.outageError(), disk.ErrSwapped.Error(), "another disk of ours")
	require.Empty(t, files(cfg.RecordPath))

	require.NoError(t, os.RemoveAll(cfg.RecordPath))
	require.NoError(t, os.Rename(filepath.Join(base, "unmounted"), cfg.RecordPath))
	require.NoError(t, again.Open(context.Background()), "the disk is back")
	require.NoError(t, again.Close())
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}
