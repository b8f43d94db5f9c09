package clip

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	c, err := Parse([]byte{
		0, 0, 0, 1, 9, 0xf0,
		0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 0x88, 0, 0, 1, 0x65, 0x40, // two slices
		0, 0, 0, 1, 0x41, 0x9a, 0, 0, 0, // trailing zeros
		0, 0, 1, 0x41, 0x9b, 0, 0, 1, 0x06, 5, 0, 0, 1, 0x41, 0x9c,
	})
	require.NoError(t, err)
	require.Equal(t, []Unit{
		{NALs: [][]byte{{0x67, 1}, {0x68, 2}, {0x65, 0x88}, {0x65, 0x40}}, IDR: true},
		{NALs: [][]byte{{0x41, 0x9a}}},
		{NALs: [][]byte{{0x41, 0x9b}}},
		{NALs: [][]byte{{0x06, 5}, {0x41, 0x9c}}},
	}, c.Units)
	for _, bad := range [][]byte{nil, {0, 0, 1}, {0, 0, 1, 0x41, 0x9a}, {0, 0, 1, 0x65, 0x88}} {
		_, err := Parse(bad)
		require.ErrorIs(t, err, ErrNoIDR)
	}
}

func TestMakeReachesItsBitrate(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is not installed: apt-get install ffmpeg")
	}
	dir := t.TempDir()
	c, err := Make(t.Context(), dir, Spec{Size: "320x240", Seconds: 4, Bitrate: 1e6})
	require.NoError(t, err)
	require.Len(t, c.Units, 100)
	require.InEpsilon(t, 1e6, c.Bitrate(), 0.2)
	for i := range c.Units {
		require.Equal(t, i%50 == 0, c.Units[i].IDR, "picture %d", i)
	}
	again, err := Make(t.Context(), dir, Spec{Size: "320x240", Seconds: 4, Bitrate: 1e6})
	require.NoError(t, err)
	require.Equal(t, c, again)
}

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		require.LessOrEqual(t, c.Bytes(), len(b))
		for i := range c.Units {
			require.NotEmpty(t, c.Units[i].NALs)
		}
	})
}

func TestMovieHasPictureAndSoundOfItsLength(t *testing.T) {
	c := &Clip{FPS: 30, Units: []Unit{{NALs: [][]byte{{0x65, 1}}, IDR: true}, {NALs: [][]byte{{0x41}, {6}}}}}
	m := NewMovie(c, 10)
	var pictures, sound int
	last := 0.0
	for _, f := range m.Frames {
		at := float64(f.DTS) / VideoScale
		if f.Track == AudioTrack {
			at = float64(f.DTS) / AudioScale
			require.EqualValues(t, sound*AudioStep, f.DTS)
			sound++
		} else {
			require.EqualValues(t, pictures*3000, f.DTS)
			require.Equal(t, pictures%2 == 0, f.Sync)
			pictures++
		}
		require.Greater(t, at, last-0.04, "by time, within a picture")
		last = at
	}
	require.Equal(t, 300, pictures)
	require.Equal(t, 469, sound)
	require.EqualValues(t, 150*(4+2)+150*(4+1+4+1)+469*341, m.Bytes)
	require.Len(t, m.Mdat(), int(m.Bytes))
	require.Equal(t, []byte{0, 0, 0, 2, 0x65, 1, 0, 0}, m.Mdat()[:8])
}
