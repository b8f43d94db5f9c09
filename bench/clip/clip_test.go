package clip

import (
	"os/exec"
	"path/filepath"
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

// Tests that run in parallel make the same clip in one directory.
func TestAClipIsMadeSeveralTimesAtOnce(t *testing.T) {
	dir := t.TempDir()
	errs := make(chan error)
	for range 4 {
		go func() {
			_, err := Make(t.Context(), dir, Spec{Size: "64x64", Seconds: 1, Bitrate: 1e5})
			errs <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-errs)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, left, 1)
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
