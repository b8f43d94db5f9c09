package webhook

import (
	"crypto/sha256"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
)

// A notice on a full disk is written into a spare file. It outlives the process there, the next process sends it, and
// the spare files are made again.
func TestSpareRoomTakesANoticeOfAFullDisk(t *testing.T) {
	noLeak(t)
	dir := filepath.Join(t.TempDir(), "outbox")
	server := listen(t, func(int, string) int { return http.StatusServiceUnavailable })
	p := begin(t, dir, pipeline.SystemClock)
	require.NoError(t, p.Put(notice(pipeline.SystemClock, server.URL, `{"n":1}`)))
	require.Equal(t, spareFiles, files(t, p.spareDir()))
	n := notice(pipeline.SystemClock, server.URL, `{"n":2}`)
	text, err := encode(&n)
	require.NoError(t, err)
	full := p.Outbox
	full.storing.Lock()
	require.NoError(t, full.takeSpare(filepath.Join(dir, "ffffffffffffffff"+suffix), text))
	require.Error(t, full.takeSpare(filepath.Join(dir, "fffffffffffffffe"+suffix), make([]byte, spareBytes+1)), "it is too large")
	full.storing.Unlock()
	require.Equal(t, 2, files(t, dir))
	require.Equal(t, spareFiles-1, files(t, p.spareDir()))
	p.end(t)

	next := begin(t, dir, pipeline.SystemClock)
	require.Len(t, next.spares, spareFiles-1)
	read, _, err := next.read("ffffffffffffffff" + suffix)
	require.NoError(t, err)
	require.JSONEq(t, `{"n":2}`, string(read.Body))
	require.NoError(t, next.Put(notice(pipeline.SystemClock, server.URL, `{"n":3}`)))
	require.Equal(t, spareFiles, files(t, next.spareDir()))
}

// A notice that could not be stored is stored as soon as that works, unless it has arrived by then.
func TestUnstoredNoticeIsStoredLater(t *testing.T) {
	noLeak(t)
	dir := filepath.Join(t.TempDir(), "outbox")
	server := listen(t, func(int, string) int { return http.StatusServiceUnavailable })
	p := begin(t, dir, newClock())
	require.NoError(t, os.RemoveAll(dir))
	require.ErrorIs(t, p.Put(notice(pipeline.SystemClock, server.URL, `{"n":1}`)), ErrUnstored)
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.Eventually(t, func() bool { return files(t, dir) == 1 }, time.Minute, time.Millisecond)
}

// failing is a disk that cannot create files for a time.
type failing struct {
	durable.FS
	fails atomic.Bool
}

func (f *failing) Read(name string) ([]byte, error) {
	if f.fails.Load() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: unix.EIO}
	}
	return f.FS.Read(name)
}

// A notice that cannot be read at the moment is not lost.
func TestNoticeThatCannotBeReadNowIsSentLater(t *testing.T) {
	noLeak(t)
	dir := filepath.Join(t.TempDir(), "outbox")
	up := make(chan struct{})
	server := listen(t, func(int, string) int { <-up; return http.StatusOK })
	p := begin(t, dir, newClock())
	file := filepath.Join(dir, "0000000000000001"+suffix)
	disk := &failing{FS: p.disk}
	disk.fails.Store(true)
	p.disk = disk
	n := notice(pipeline.SystemClock, server.URL, `{"n":1}`)
	text, err := encode(&n)
	require.NoError(t, err)
	p.queue(&entry{name: filepath.Base(file), sum: sha256.Sum256(text), target: n.Target}, server.URL)
	require.Eventually(t, func() bool { return p.Counts().Failed > 0 }, time.Minute, time.Millisecond)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	disk.fails.Store(false)
	close(up)
	settled(t, p.Outbox)
	require.Equal(t, []string{`{"n":1}`}, server.heard())
}
