package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fileSystem is a file system that spool records to in the field.
type fileSystem struct {
	size  string
	mkfs  []string                              // the image is appended
	mount func(t *testing.T, image, dir string) // nil: mount of a loop device
	lacks []string                              // all the lacking features that spool reports
	warns bool                                  // a guarantee is lost
}

var fileSystems = map[string]fileSystem{
	"xfs":   {size: "300M", mkfs: []string{"mkfs.xfs", "-q"}},
	"btrfs": {size: "128M", mkfs: []string{"mkfs.btrfs", "-q"}},
	"tmpfs": {mount: func(t *testing.T, _, dir string) { mounting(t, "mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", dir) }},
	"overlayfs": {mount: func(t *testing.T, _, dir string) {
		layers := memoryDisk(t, "64m") // it cannot lie on another overlay, which a container's files may be
		for _, name := range []string{"lower", "upper", "work"} {
			require.NoError(t, os.Mkdir(filepath.Join(layers, name), 0o755))
		}
		mounting(t, "mount", "-t", "overlay", "-o", fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", layers), "overlay", dir)
	}},
	"ntfs-3g": {size: "64M", mkfs: []string{"mkfs.ntfs", "-q", "-f", "-F"}, mount: throughFUSE("ntfs-3g"), warns: true,
		lacks: []string{"fallocate", "holes", "RENAME_NOREPLACE", "permissions"}},
	"exfat-fuse": {size: "64M", mkfs: []string{"mkfs.exfat"}, mount: throughFUSE("mount.exfat-fuse"), warns: true,
		lacks: []string{"fallocate", "holes", "RENAME_NOREPLACE and hard links", "sparse files", "permissions", "times finer", "difference between capital"}},
}

func throughFUSE(program string) func(t *testing.T, image, dir string) {
	return func(t *testing.T, image, dir string) {
		device := strings.TrimSpace(mounting(t, "losetup", "-f", "--show", image))
		defer mounting(t, "losetup", "-d", device) // after the unmount
		mounting(t, program, device, dir)
	}
}

// newDisk makes and mounts a file system. Mounts that a killed earlier run left do not matter:
// images are in directories of their own.
func (f fileSystem) newDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	image := filepath.Join(t.TempDir(), "image")
	if f.mkfs != nil {
		tool(t, "truncate", "-s", f.size, image)
		_, complaint, err := run(t, f.mkfs[0], append(f.mkfs[1:], image)...)
		require.NoError(t, err, complaint)
	}
	if f.mount != nil {
		f.mount(t, image, dir)
	} else {
		mounting(t, "mount", "-o", "loop", image, dir)
	}
	t.Cleanup(func() { mounting(t, "umount", "-l", dir) })
	return dir
}

const fileSystemConfig = `
flush_interval: 0.2
mp4: {max_duration: 1, filename_pattern: "{stream_path}/{date}_{time}_{ms}.mp4"}
streams:
  live/cam: {pull: "testpattern://?size=64x64&fps=25&gop=5&bitrate=10M"}
  live/Cam: {pull: "testpattern://?size=64x64&fps=25&gop=10&bitrate=10M"}
`

// TestFileSystemsOfTheField records to each file system through kills. Every file plays and has
// its row, no file stays unfinished, and the lacking features are reported. Then recordings are
// protected, deleted by request, and deleted by age.
func TestFileSystemsOfTheField(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("did not run: file systems are made and mounted here, which takes root")
	}
	for name, f := range fileSystems {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			recordThroughKills(t, f, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

func recordThroughKills(t *testing.T, f fileSystem, chance *rand.Rand) {
	disk, dir := f.newDisk(t), t.TempDir()
	recordings := filepath.Join(disk, "recordings")
	start := func(args ...string) *recorder {
		r := launch(t, staticBinary, dir, fileSystemConfig, append(args, "--record-path", recordings)...)
		r.files = recordings
		r.expect("held no complete chunk", "journal damaged", "media is missing")
		if f.warns {
			r.expect("the file system lacks something", "a restart forgets")
		}
		return r
	}
	for n := range 3 {
		r := start()
		r.rowsAreFiles(fmt.Sprint("start ", n))
		for _, stream := range []string{"live/cam", "live/Cam"} {
			r.start(stream, "")
		}
		<-time.After(time.Duration(chance.Int64N(int64(1500 * time.Millisecond)))) // any instant will do
		require.Equal(t, -1, r.signal(syscall.SIGKILL))
	}

	r := start()
	r.rowsAreFiles("after the last kill")
	for _, stream := range []string{"live/cam", "live/Cam"} {
		r.start(stream, "")
	}
	id := func() string {
		var first []row
		eventually(t, "a finished recording", func() bool {
			first = r.rows("state=finished&order=asc&protected=false&stream=live/cam", 1)
			return len(first) > 0
		})
		return first[0].ID
	}
	first := id()
	resp, body := r.send("DELETE", "/mp4/records/"+first, "")
	require.Equal(t, 200, resp.StatusCode, body)
	trigger, err := json.Marshal(map[string]any{"before": 0.5, "after": 0.5, "protect": true})
	require.NoError(t, err)
	resp, body = r.send("POST", "/mp4/event/live/Cam", string(trigger), "Content-Type", "application/json")
	require.Equal(t, 200, resp.StatusCode, body)
	var guarded []row
	eventually(t, "the event's recording is finished", func() bool {
		guarded = r.rows("state=finished&protected=true&stream=live/Cam", 10)
		return len(guarded) > 0
	})
	resp, body = r.send("DELETE", "/mp4/records/"+guarded[0].ID, "")
	require.Equal(t, 409, resp.StatusCode, body)
	// The kills may have come before the first whole chunk.
	eventually(t, "five finished files", func() bool { return len(r.list(".mp4")) > 4 })
	require.Equal(t, 0, r.signal(syscall.SIGINT), "%s", r.book)
	r.allFinished()
	before := r.list(".mp4")
	require.Greater(t, len(before), 4)
	for _, file := range before {
		decodes(t, file)
	}
	checked := r.command("check", "--record-path", recordings)
	said := checked[strings.LastIndex(checked, recordings):]
	require.Len(t, regexp.MustCompile("[:;] no ").FindAllString(said, -1), len(f.lacks), said)
	for _, lack := range f.lacks {
		require.Contains(t, said, "no "+lack)
	}

	there := func() []string { // directories are removed meanwhile, which would fail a walk
		files, err := filepath.Glob(filepath.Join(recordings, "live", "*", "*.mp4"))
		require.NoError(t, err)
		return files
	}
	r = start("--set", "retention/max_bytes=1MiB") // less than the protected recordings
	// btrfs frees space with its next commit, and a directory is removed while the catalogue is
	// compared with the disk.
	r.expect("deleting recordings gives no room back", "it is tried again")
	eventually(t, "only protected recordings are left", func() bool {
		return len(there()) == len(r.rows("protected=true", 10))
	})
	eventually(t, "rows are files with retention", func() bool {
		rows := map[string]bool{}
		for _, rec := range r.rows("state=finished", 1000) {
			rows[r.path(rec.File)] = true
		}
		for _, rec := range r.rows("state=recovered", 1000) {
			rows[r.path(rec.File)] = true
		}
		for _, file := range there() {
			if !rows[file] {
				return false
			}
			delete(rows, file)
		}
		return len(rows) == 0
	})
	require.FileExists(t, r.path(guarded[0].File))
	require.Equal(t, 0, r.signal(syscall.SIGINT), "%s", r.book)
	r.allFinished()
	left, err := filepath.Glob(filepath.Join(recordings, ".spool-probe-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
