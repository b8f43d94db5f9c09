package ingest

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

var asc = []byte{0x11, 0x90} // AAC-LC, 48 kHz, stereo

// soundFeed returns a feed with a track of sound, and another one that may never send.
func soundFeed(t *testing.T) (f *Feed, out *ingesttest.Publisher) {
	t.Helper()
	out = &ingesttest.Publisher{}
	f = NewFeed(out, slog.New(slog.DiscardHandler))
	for _, optional := range []bool{false, true} {
		_, err := f.AddTrack(TrackConfig{Codec: codec.AAC, Timescale: 48000, ParameterSets: [][]byte{asc}, Optional: optional})
		require.NoError(t, err)
	}
	return f, out
}

func sendFrame(t *testing.T, f *Feed, track int, pts int64) {
	t.Helper()
	f.tracks[track].Hear(pts*1e9/48000 + 1)
	u := f.Take()
	u.PTS, u.DTS, u.MonoNS = pts, pts, pts*1e9/48000+1
	u.Put([]byte{1, 2, 3})
	require.NoError(t, f.tracks[track].Unit(u))
}

func TestATrackThatMayNeverSendIsNotWaitedForNorMissed(t *testing.T) {
	f, out := soundFeed(t)
	sendFrame(t, f, 0, 0)
	require.Len(t, out.Units, 1, "the feed waits for it")
	require.Len(t, out.Sets[0], 1, "it is published")
	f.Look(epoch.Add(100e9))
	require.NotContains(t, out.Problems, 1, "it is missed")
	sendFrame(t, f, 1, 4800)
	f.Close()
	require.Len(t, out.Sets[len(out.Sets)-1], 2, "it does not count although it sends")
	require.Len(t, out.Units, 2)
}

func TestATrackThatIsLeftIsATrackNoMore(t *testing.T) {
	f, out := soundFeed(t)
	f.tracks[0].Leave()
	sendFrame(t, f, 1, 0)
	require.Len(t, out.Units, 1, "the feed waits for the remaining track")
	require.Len(t, out.Sets[0], 1)
	sendFrame(t, f, 0, 48000)
	f.Look(epoch.Add(100e9))
	require.NotNil(t, out.Problems[1], "nothing of it comes")
	f.tracks[1].Leave()
	require.Nil(t, out.Problems[1], "a problem outlives its track")
	sendFrame(t, f, 0, 96000)
	f.Close()
	require.Len(t, out.Units, 3, "the received units are kept")
	require.Len(t, out.Sets[len(out.Sets)-1], 1, "it is published although it was left")
}

// A track that left and comes back is present again, like one of two formats between which a sender switches.
func TestATrackThatWasLeftComesBack(t *testing.T) {
	f, out := soundFeed(t)
	sendFrame(t, f, 0, 0)
	sendFrame(t, f, 1, 1024)
	f.tracks[0].Leave()
	sendFrame(t, f, 1, 2048)
	require.Len(t, out.Sets[len(out.Sets)-1], 1)
	sendFrame(t, f, 0, 3072)
	f.tracks[1].Leave()
	sendFrame(t, f, 0, 4096)
	sendFrame(t, f, 1, 5120)
	f.Close()
	require.Len(t, out.Units, 6, "received units are kept")
	require.Len(t, out.Sets[len(out.Sets)-1], 2)
	require.Zero(t, f.memory.heldBytes)
}
