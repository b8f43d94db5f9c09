package mp4

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// refusing returns the calls of a file system that refuses all special calls with the given errors.
func refusing(names, others unix.Errno) filesystem.Calls {
	name := func(int, string, string) error { return names }
	other := func(int) error { return others }
	return filesystem.Calls{
		Renameat2: name, Linkat: name, Flock: other, Fdatasync: other, Fsync: other, FsyncDir: other,
		Fallocate: func(int, uint32, int64, int64) error { return others },
	}
}

func onRefusing(calls filesystem.Calls) func(disk.FS) disk.FS {
	return func(d disk.FS) disk.FS { d.(*disk.Dir).Calls = calls; return d }
}

// TestAFileSystemWithoutSpecialCallsIsRecordedTo checks that files are recorded and finished in the
// same form as elsewhere, that two files of one name get different names, and that no lock stays.
func TestAFileSystemWithoutSpecialCallsIsRecordedTo(t *testing.T) {
	t.Parallel()
	src := record(t, avc(4))
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			pool, cfg := media.NewCheckedPool(), Defaults()
			cfg.Fragment, cfg.FilenamePattern, cfg.RecordPath = form.fragment, "a/same.mp4", t.TempDir()
			for n := range 2 {
				s := newSession(t, cfg, onRefusing(refusing(unix.EINVAL, unix.ENOSYS)))
				if form.tail {
					s.reserve = func(*media.Segment, Config) int64 { return 0 }
				}
				r := s.record(t, src, pool, nil)
				require.Equal(t, []string{"a/same.mp4", "a/same_2.mp4"}[n], r.Path)
				require.Equal(t, media.StateFinished, r.State)
				requireSame(t, src, s.path(r))
			}
			entries, err := os.ReadDir(filepath.Join(cfg.RecordPath, "a"))
			require.NoError(t, err)
			require.Len(t, entries, 2, "%v", entries)
		})
	}
}

// TestEachRefusalIsUnderstood checks each error that a file system may refuse with.
func TestEachRefusalIsUnderstood(t *testing.T) {
	src := record(t, avc(2))
	for _, names := range []unix.Errno{unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM} {
		for _, others := range []unix.Errno{unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOTTY} {
			t.Run(fmt.Sprint(names, ", ", others), func(t *testing.T) {
				s := newSession(t, Defaults(), onRefusing(refusing(names, others)))
				r := s.record(t, src, media.NewCheckedPool(), nil)
				require.Equal(t, media.StateFinished, r.State)
				require.Equal(t, []string{"ftyp", "free", "moov", "free", "mdat"}, order(t, s.path(r)))
			})
		}
	}
}

// TestRecoveryWithoutSpecialCalls kills the recorder at each operation on such a file
// system.
func TestRecoveryWithoutSpecialCalls(t *testing.T) {
	src := record(t, avc(4))
	calls := refusing(unix.EPERM, unix.EOPNOTSUPP)
	calls.Flock = nil // its lock would end with the process, which the test cannot kill
	cfg := Defaults()
	cfg.FilenamePattern = "{stream_path}/{seq}.mp4"
	base := memory(t)
	for n := 1; ; n++ {
		pool, disk := media.NewCheckedPool(), &faultFS{fault: killAt(n), torn: true, under: onRefusing(calls)}
		s, written, err := killed(t, src, pool, filepath.Join(base, fmt.Sprint(n)), cfg, false, disk)
		if err == nil {
			require.Greater(t, n, 15, "the run must have failed before")
			return
		}
		require.ErrorIs(t, err, errKilled)
		requireRecovered(t, src, s.dir, written, fmt.Sprintf("operation %d, %s", n, disk.log[n-1]))
	}
}

// TestALockOfAnotherHostIsReported checks that a lock that another host may hold is reported and nothing
// is changed.
func TestALockOfAnotherHostIsReported(t *testing.T) {
	dir := t.TempDir()
	d, err := disk.Open(dir)
	require.NoError(t, err)
	defer d.Close()
	d.Calls = filesystem.Calls{Flock: func(int) error { return unix.ENOLCK }}
	for name, text := range map[string]string{
		"left.mp4.part":       "",
		".left.mp4.part.lock": `host="another" boot=x space=pid:[1] pid=1 began=1`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	told := 0
	require.NoError(t, recoverDir(t.Context(), d, dir, func(r Repaired) {
		told++
		require.ErrorIs(t, r.Err, filesystem.ErrPerhapsLocked)
		require.ErrorContains(t, r.Err, `made by host="another"`)
	}))
	require.Equal(t, 1, told)
	require.FileExists(t, filepath.Join(dir, "left.mp4.part"))
}

// TestARefusedNameIsReported checks that a name that the file system refuses is reported with the
// character, and not as a missing disk.
func TestARefusedNameIsReported(t *testing.T) {
	for e, says := range map[unix.Errno]string{
		unix.EINVAL: "refuses this name", unix.ENOENT: "refuses this name",
		unix.EILSEQ: "refuses this name", unix.ENAMETOOLONG: "file name too long",
	} {
		pool := media.NewCheckedPool()
		cfg := Defaults()
		cfg.FilenamePattern = "a/grün_{seq}.mp4"
		faulty := &faultFS{fault: func(_ int, op string) error {
			if op == "create" {
				return e
			}
			return nil
		}}
		s := newSession(t, cfg, func(d disk.FS) disk.FS { faulty.FS = d; return faulty })
		set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 1}.make(t, pool)
		require.NoError(t, s.Open(t.Context()))
		err := s.put(segment(set, 1), chunks)
		require.ErrorContains(t, err, says, "%v", e)
		require.ErrorContains(t, err, `character 5, 'ü'`)
		require.NotContains(t, err.Error(), "mount it again")
		require.NoError(t, s.Close())
		require.Zero(t, pool.Outstanding(), pool.Leaks())
	}
}
