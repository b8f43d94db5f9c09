package mp4

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// TestAFileIsFinishedWithoutAFurtherDescriptor checks that a file is renamed and announced when the
// process cannot open another file.
func TestAFileIsFinishedWithoutAFurtherDescriptor(t *testing.T) {
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	cfg := Defaults()
	cfg.FilenamePattern = "{stream_path}/{seq}.mp4"
	s := newSession(t, cfg, nil)
	pool := media.NewCheckedPool()
	set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 2}.make(t, pool)
	require.NoError(t, s.Open(t.Context()))
	seg := segment(set, 1)
	require.NoError(t, s.Process(t.Context(), media.Part{Segment: seg, First: true, Chunk: chunks[0]}, s.emit))
	// No parallel test runs during a test that is not parallel.
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: before.Max}))
	defer func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	require.NoError(t, s.end(seg, endcause.MaxDuration))
	require.Equal(t, media.StateFinished, s.last().State)
	chunks[1].Release()
	require.NoError(t, s.Close())
}
