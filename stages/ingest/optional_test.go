package ingest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
)

var asc = []byte{0x11, 0x90} // AAC-LC, 48 kHz, stereo

// soundFeed is a feed with a track of sound, and another one that may never send.
func soundFeed(t *testing.T) (f *Feed, out *shelf) {
	t.Helper()
	out = &shelf{}
	f = NewFeed(out, slog.New(slog.DiscardHandler))
	for _, optional := range []bool{false, true} {
		_, err := f.AddTrack(TrackConfig{Codec: codec.AAC, Timescale: 48000, ParameterSets: [][]byte{asc}, Optional: optional})
		require.NoError(t, err)
	}
	return f, out
}

func sendFrame(t *testing.T, f *Feed, track int, pts int64) {
	t.Helper()
	f.hear(track, pts*1e9/48000+1)
	u := f.Take()
	u.PTS, u.DTS, u.Mono = pts, pts, pts*1e9/48000+1
	u.Put([]byte{1, 2, 3})
	require.NoError(t, f.Unit(track, u))
}

func TestATrackThatMayNeverSendIsNotWaitedForNorMissed(t *testing.T) {
	f, out := soundFeed(t)
	sendFrame(t, f, 0, 0)
	require.Len(t, out.units, 1, "the feed waits for it")
	require.Len(t, out.sets[0], 1, "it is published")
	at := time.Now()
	f.look(at, 100e9)
	require.NotContains(t, out.problems, 1, "it is missed")
	sendFrame(t, f, 1, 4800)
	f.Close()
	require.Len(t, out.sets[len(out.sets)-1], 2, "it does not count although it sends")
	require.Len(t, out.units, 2)
}

func TestATrackThatIsLeftIsATrackNoMore(t *testing.T) {
	f, out := soundFeed(t)
	f.Leave(0)
	sendFrame(t, f, 1, 0)
	require.Len(t, out.units, 1, "the feed waits for what is left")
	require.Len(t, out.sets[0], 1)
	sendFrame(t, f, 0, 48000)
	f.look(time.Now(), 100e9)
	require.NotNil(t, out.problems[1], "nothing of it comes")
	f.Leave(1)
	require.Nil(t, out.problems[1], "a problem outlives its track")
	sendFrame(t, f, 0, 96000)
	f.Close()
	require.Len(t, out.units, 3, "what came is kept")
	require.Len(t, out.sets[len(out.sets)-1], 1, "it is published although it was left")
}
