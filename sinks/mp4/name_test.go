package mp4

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

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
	// Another program creates a file under the final name of the first recording.
	taken := filepath.Join(cfg.RecordPath, "live_cam_20260304_050607.mp4")
	require.NoError(t, os.WriteFile(taken, []byte("precious"), 0o600))
	for i, s := range open {
		require.NoError(t, s.end(seg[i], endcause.Stop))
		require.NoError(t, s.Close())
		requireSame(t, src, s.path(s.last()))
	}
	b, err := os.ReadFile(taken)
	require.NoError(t, err)
	require.Equal(t, "precious", string(b))
	require.Len(t, files(cfg.RecordPath), 4)
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}

// TestAnAbandonedFileKeepsItsName checks that an abandoned file under the next recording's name stays,
// byte by byte, and that the recording gets the next name.
func TestAnAbandonedFileKeepsItsName(t *testing.T) {
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
			left := filepath.Join(cfg.RecordPath, "live_cam.mp4"+media.PartSuffix)
			require.NoError(t, leave(left))
			before, err := os.Lstat(left)
			require.NoError(t, err)
			s := newSession(t, cfg, nil)
			require.Equal(t, "live_cam_2.mp4", s.record(t, src, pool, nil).Path)
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
	require.NoError(t, s.end(nil, endcause.Stop))

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
