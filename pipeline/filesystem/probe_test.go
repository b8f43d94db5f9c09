package filesystem

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// lacked returns the names of the features that a report lists.
func lacked(r Report) (names []string) {
	for _, l := range r.Lacks {
		names = append(names, l.What)
	}
	return names
}

// The temporary directory has every call that the platform has; the probe leaves no file.
func TestTheTemporaryDirectoryHasEveryCall(t *testing.T) {
	dir := t.TempDir()
	r := (&Calls{}).Probe(dir, "ordinary", "größer")
	require.NoError(t, r.Unknown)
	require.ElementsMatch(t, lackedByPlatform, lacked(r))
	require.Empty(t, r.Refused)
	require.False(t, r.Gone())
	require.Equal(t, len(lackedByPlatform) == 0, strings.HasSuffix(r.String(), ": nothing is lacking"), r.String())
	empty(t, dir)
}

// Each refused call is reported once, with its meaning. Any other error ends the probe, and no call counts as missing.
func TestTheProbeNamesRefusedCalls(t *testing.T) {
	for what, errs := range refusals {
		for _, e := range errs {
			c := refuse(what, e)
			if what == link {
				c.Renameat2 = func(int, string, string) error { return unix.EINVAL }
			}
			dir := t.TempDir()
			r := c.Probe(dir)
			require.NoError(t, r.Unknown, "%s: %v", what, e)
			require.NotEmpty(t, r.Lacks, "%s: %v", what, e)
			want := string(what)
			if what == sync {
				want = string(datasync)
			}
			require.Contains(t, r.String(), want)
			empty(t, dir)
		}
		for _, e := range real {
			r := refuse(what, e).Probe(t.TempDir())
			if what == link {
				continue // it is not come to
			}
			require.ErrorIs(t, r.Unknown, e, "%s", what)
			require.Subset(t, lackedByPlatform, lacked(r), "%s: %v", what, e)
			require.Contains(t, r.String(), "unknown")
		}
	}
}

func TestMissingPromisesOfAFileSystem(t *testing.T) {
	for what, gone := range map[call]bool{
		lock: false, allocate: false, punch: false, datasync: false, sync: true, syncDir: true,
		renameNoReplace: false, link: true, mapping: false, recordLock: true, chmod: true,
	} {
		c := refuse(what, unix.ENOSYS)
		if what == link {
			c.Renameat2 = func(int, string, string) error { return unix.ENOSYS }
		}
		require.Equal(t, gone, c.Probe(t.TempDir()).Gone(), "%s", what)
	}
}

// A missing directory, or one that is not writable, gives no result.
func TestAnUnreadableDirectoryIsUnknown(t *testing.T) {
	r := (&Calls{}).Probe(filepath.Join(t.TempDir(), "not there"))
	require.ErrorIs(t, r.Unknown, os.ErrNotExist)
	require.Empty(t, r.Lacks)
	require.Contains(t, r.String(), "unknown")
}

// A probe removes the directory of a killed probe, and leaves that of a running one.
func TestAProbeRemovesLeftoversOfAKilledOne(t *testing.T) {
	dir := t.TempDir()
	dead, alive, none := filepath.Join(dir, scratchPrefix+"4194304-1"), filepath.Join(dir, scratchPrefix+strconv.Itoa(os.Getppid())+"-1"), filepath.Join(dir, scratchPrefix+"x")
	for _, d := range []string{dead, alive, none} {
		require.NoError(t, os.MkdirAll(filepath.Join(d, "names"), 0o700))
	}
	(&Calls{}).Probe(dir)
	require.NoDirExists(t, dead)
	require.DirExists(t, alive)
	require.DirExists(t, none)
}

// If a file system refuses a name, the probe reports the character.
func TestARefusedNameReportsItsCharacter(t *testing.T) {
	r := (&Calls{}).Probe(t.TempDir(), "fits", "a\x00b", strings.Repeat("x", 300))
	require.Len(t, r.Refused, 2)
	require.Contains(t, r.String(), `"a\x00b" for its character 2, '\x00' (invalid argument)`)
	require.Contains(t, r.String(), "file name too long")
}

func TestTheLongestFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "a"))
	require.NoError(t, err)
	defer f.Close()
	require.Greater(t, MaxFileBytes(f), int64(worthSaying))
}

func TestTheMountOfAPath(t *testing.T) {
	const mounts = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /mnt/a\040b rw - fuse.sshfs user@nas:/x rw
31 22 0:27 / /mnt/a\040b/c rw - xfs /dev/sda1 rw
32 22 0:28 / /data rw - tmpfs tmpfs rw
33 22 0:29 / /data rw - fuseblk /dev/sdb1 rw
broken line
`
	for path, want := range map[string]string{
		"/": "ext4", "/x": "ext4", "/mnt/a b/x": "fuse.sshfs (user@nas:/x)", "/mnt/a b/c": "xfs",
		"/mnt/a bc": "ext4", "/data/y": "fuseblk (/dev/sdb1)", "/database": "ext4",
	} {
		require.Equal(t, want, mountedAt(mounts, path), path)
	}
	require.Equal(t, "unknown", mountedAt("", "/x"))
}
