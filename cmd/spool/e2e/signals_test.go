package e2e

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// SIGTERM finishes what grows, ordinary and fragmented.
func TestTermFinishesFiles(t *testing.T) {
	t.Parallel()
	r := serve(t, `
streams:
  live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25"}
  live/b: {pull: "testpattern://?size=320x180&fps=25&gop=25&audio=off"}
pipelines:
  all: {record: always, stages: [source, gop_ring, segmenter, {mp4: {fragment: true}}, metadata]}
`)
	r.awaitUnits("live/a", 150)
	r.awaitUnits("live/b", 50)
	require.Equal(t, 0, r.signal(syscall.SIGTERM))
	r.allFinished()
	files := r.list(".mp4")
	require.Len(t, files, 2)
	for _, f := range files {
		fragmented(t, f)
		decodes(t, f)
	}
	for _, stream := range []string{"live/a", "live/b"} {
		require.Equal(t, "shutdown", r.await("recording finished", "stream", stream).text("reason"))
	}
	r.await("drained")
}

// A second signal aborts: what grows is left as a crash would leave it. Both are
// pending before the process goes on, so that no drain is faster than the second.
func TestSecondSignalAborts(t *testing.T) {
	t.Parallel()
	r := serve(t, camera25)
	r.start("live/a", "")
	r.awaitUnits("live/a", 150)
	r.expect("aborted by a second signal")
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGTERM, syscall.SIGINT} {
		require.NoError(t, r.cmd.Process.Signal(s))
	}
	code := r.signal(syscall.SIGCONT)
	r.await("draining")
	if files := r.list(".mp4"); len(files) > 0 { // it was faster than both
		require.Empty(t, r.list(".part"))
		decodes(t, files[0])
		return
	}
	require.Equal(t, 1, code)
	again := launch(t, racyBinary, r.dir, camera25)
	again.await("a file that a crash left is finished")
	rec := again.awaitRecords("live/a", 1)[0]
	require.Equal(t, "recovered crash", rec.State+" "+rec.EndReason)
	decodes(t, again.path(rec.File))
}

// The same signal twice at once is one wish: timeout(1) sends it to the process
// and to its group.
func TestEchoOfTheSignalDoesNotAbort(t *testing.T) {
	t.Parallel()
	r := serve(t, camera25)
	r.start("live/a", "")
	r.awaitUnits("live/a", 150)
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGINT))
	r.await("draining")
	_ = r.cmd.Process.Signal(syscall.SIGINT) // it may be gone already
	require.Equal(t, 0, r.exit())
	r.allFinished()
}
