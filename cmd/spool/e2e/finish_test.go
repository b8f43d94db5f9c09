package e2e

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	footage "github.com/gospool/spool/bench/clip"
)

// Finishing a minute of 4 Mbit/s writes the moov and moves no media.
func TestFinishingWritesTheMoovOnly(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, "streams: {live/a: {}}")
	r.expect("the stream is silent") // while the test waits for a slow disk
	c, err := footage.Make(t.Context(), workshop, footage.Spec{Size: "640x360", Seconds: 10})
	require.NoError(t, err)
	const rounds = 6
	r.start("live/a", "?wait=true")
	cam := newCamera(t, r.rtsp+"/live/a", c)
	var units uint64
	var at uint32
	var s status
	for range rounds { // no faster than the disk: a full ring drops media
		at = cam.send(c.Units, at)
		units += uint64(len(c.Units))
		s = r.awaitUnits("live/a", units-50) // all but the chunk that is being filled
	}
	growing, err := os.ReadFile(r.path(s.File))
	require.NoError(t, err)
	cam.leave(r, "live/a", int(units))
	rec := r.awaitRecords("live/a", 1)[0]
	file := r.path(rec.File)
	finished := r.await("recording finished", "stream", "live/a")
	r.stop("live/a")

	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, int(units), frames(t, file))
	require.InDelta(t, 60, rec.Duration, 0.04)
	wrote := int64(finished["finish_wrote"].(float64))
	require.Equal(t, rec.Size, info.Size())
	require.EqualValues(t, finished["bytes"], info.Size())
	require.Positive(t, wrote)
	require.Less(t, wrote*200, info.Size(), "more than 0.5 %% of the file was written at the stop")
	t.Logf("finishing wrote %d bytes of %d: %.3f %%", wrote, info.Size(), float64(wrote)*100/float64(info.Size()))
	ordinary(t, file)
	unmoved(t, growing, file)
}

// unmoved requires that the media of the growing file is at the same offsets in the finished
// file. The space before the first fragment belongs to the moov.
func unmoved(t *testing.T, growing []byte, file string) {
	t.Helper()
	at := bytes.Index(growing, []byte("moof")) - 4
	require.Positive(t, at)
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, io.NewSectionReader(f, int64(at), int64(len(growing)-at)))
	require.NoError(t, err)
	require.Equal(t, sha256.Sum256(growing[at:]), [32]byte(h.Sum(nil)), "media was moved")
}

// After a stop by request GET /mp4/status reports how much finishing wrote.
func TestStatusReportsTheBytesThatFinishingWrote(t *testing.T) {
	t.Parallel()
	r := serve(t, `streams: {live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25"}}`)
	r.start("live/a", "")
	r.awaitUnits("live/a", 150)
	r.stop("live/a")
	s := r.status("live/a")
	rec := r.records("live/a")[0]
	require.Equal(t, rec.File, s.Finish.File)
	require.Equal(t, rec.Size, s.Finish.FileBytes)
	require.Positive(t, s.Finish.BytesWritten)
	require.Less(t, s.Finish.BytesWritten, s.Finish.FileBytes)
	finished := r.await("recording finished", "stream", "live/a")
	require.EqualValues(t, s.Finish.BytesWritten, finished["finish_wrote"])
}
