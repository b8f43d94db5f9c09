package e2e

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// SIGTERM finishes the growing files, ordinary and fragmented.
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

// A second signal aborts and leaves the growing files as a crash does.
func TestSecondSignalAborts(t *testing.T) {
	t.Parallel()
	for range 5 {
		if dir := aborted(t); dir != "" {
			again := launch(t, racyBinary, dir, camera25)
			again.await("recording recovered after a crash")
			rec := again.awaitRecords("live/a", 1)[0]
			require.Equal(t, "recovered crash", rec.State+" "+rec.EndReason)
			decodes(t, again.path(rec.File))
			return
		}
	}
	t.Error("five drains were faster than a second signal that was pending with the first")
}

// aborted sends two signals. Both are pending before the process continues. If it drains before
// it receives the second one, the result is empty.
func aborted(t *testing.T) (dir string) {
	t.Helper()
	r := serve(t, camera25)
	r.start("live/a", "")
	r.awaitUnits("live/a", 150)
	r.expect("aborted by a second signal")
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGTERM, syscall.SIGINT} {
		require.NoError(t, r.cmd.Process.Signal(s))
	}
	if r.signal(syscall.SIGCONT) == 0 {
		r.allFinished()
		return ""
	}
	require.Equal(t, 1, r.cmd.ProcessState.ExitCode())
	require.Len(t, r.list(".mp4.part"), 1)
	return r.dir
}

// The same signal twice at once counts as one: timeout(1) sends it to the process and to its
// group.
func TestEchoOfTheSignalDoesNotAbort(t *testing.T) {
	t.Parallel()
	r := serve(t, camera25)
	r.start("live/a", "")
	r.awaitUnits("live/a", 150)
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGINT))
	r.await("draining")
	_ = r.cmd.Process.Signal(syscall.SIGINT) // the process may have ended
	require.Equal(t, 0, r.exit())
	r.allFinished()
}
