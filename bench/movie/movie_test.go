package movie

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/pipeline/media"
)

func TestMovieHasPictureAndSoundOfItsLength(t *testing.T) {
	c := &clip.Clip{FPS: 30, Units: []clip.Unit{{NALs: [][]byte{{0x65, 1}}, IDR: true}, {NALs: [][]byte{{0x41}, {6}}}}}
	m, err := newMovie(Spec{Codec: "h264", FPS: 30, Length: 10*time.Second + time.Second/2}, c)
	require.NoError(t, err)
	var pictures, sound int
	last := 0.0
	require.NoError(t, m.Each(func(track int, au *media.AU) error {
		at := float64(au.DTS) / VideoScale
		if track == AudioTrack {
			at = float64(au.DTS) / AudioScale
			require.EqualValues(t, sound*AudioStep, au.DTS)
			sound++
		} else {
			require.EqualValues(t, pictures*3000, au.DTS)
			require.Equal(t, pictures%2 == 0, au.Sync)
			pictures++
		}
		require.Greater(t, at, last-0.04, "by time, within a picture")
		last = at
		return nil
	}))
	require.Equal(t, 300, pictures)
	require.Equal(t, 469, sound)
	require.Equal(t, 769, m.Units)
	require.EqualValues(t, 150*(4+2)+150*(4+1+4+1)+469*341, m.Bytes)
	require.Equal(t, []byte{0, 0, 0, 2, 0x65, 1, 0, 0}, m.Lap[:8])
}

func TestPatternHasItsBitrate(t *testing.T) {
	for _, codec := range []string{"h264", "h265"} {
		m, err := Pattern(Spec{Codec: codec, Bitrate: 4e6, FPS: 25, GOP: 2 * time.Second, Length: time.Minute})
		require.NoError(t, err)
		require.InEpsilon(t, 60*(4e6+128e3)/8, m.Bytes, 0.02)
		require.InEpsilon(t, m.Bytes/6, len(m.Lap), 0.01, "ten seconds of it are in memory")
	}
}
