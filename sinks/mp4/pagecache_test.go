package mp4

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// TestALongRecordingLeavesThePageCacheToOthers checks that all but the newest bytes of a recording
// of 120 MB leave the page cache, and that a film that another program reads stays in it.
func TestALongRecordingLeavesThePageCacheToOthers(t *testing.T) {
	dir, err := os.MkdirTemp(".", "cache-test-") // a disk: tmpfs is always in memory
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	film := filepath.Join(dir, "film")
	require.NoError(t, os.WriteFile(film, make([]byte, 8<<20), 0o600))

	pool, cfg := media.NewPool(1<<20), Defaults()
	cfg.RecordPath, cfg.Sync = filepath.Join(dir, "rec"), syncChunk
	s := newSession(t, cfg, nil)
	require.NoError(t, s.Open(context.Background()))
	set, chunks := synthetic{fps: 30, gop: 30, picture: 100_000, sound: true, flush: time.Second, chunks: 40}.make(t, pool)
	require.NoError(t, s.put(segment(set, 1), chunks))

	size := s.file.sizeBytes
	require.Greater(t, size, int64(110<<20))
	cached := resident(t, filepath.Join(cfg.RecordPath, s.file.name))
	require.Less(t, cached, int64(3*disk.EaseEveryBytes), "of %d MB", size>>20)
	require.Positive(t, cached, "the newest stretch is still there for those who watch")
	require.Equal(t, int64(8<<20), resident(t, film))
	require.NoError(t, s.Close())
	require.Zero(t, pool.Outstanding())
}

// resident returns the number of bytes of a file in the page cache (mincore(2)).
func resident(t *testing.T, name string) (bytes int64) {
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(m)) }()
	pages := make([]byte, (len(m)+pageBytes-1)/pageBytes)
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(unsafe.Pointer(&pages[0])))
	require.Zero(t, errno)
	for _, p := range pages {
		bytes += int64(p&1) * pageBytes
	}
	return bytes
}
