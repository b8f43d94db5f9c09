package live

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/publishload"
)

// long returns a clip of 10 pictures with a GOP of 5, all different.
func long() *clip.Clip {
	c := &clip.Clip{FPS: 25}
	for i := range 10 {
		kind := byte(0x41)
		if i%5 == 0 {
			kind = 0x65
		}
		c.Units = append(c.Units, clip.Unit{NALs: [][]byte{{9, 0xf0}, {kind, 0x88, byte(i)}, {kind, 0x40, byte(i)}}, IDR: i%5 == 0})
	}
	return c
}

// stored returns the n-th picture as a recorder stores it: without the delimiter.
func stored(c *clip.Clip, n int64) (unit []byte) {
	for _, nal := range c.Units[n%int64(len(c.Units))].NALs[1:] {
		unit = append(append(unit, 0, 0, 0, byte(len(nal))), nal...)
	}
	return unit
}

func TestEveryMissingPictureIsFound(t *testing.T) {
	const sent = 40
	for name, c := range map[string]struct {
		kept  func(n int64) bool
		lost  int64
		first string
	}{
		"all":                    {func(int64) bool { return true }, 0, ""},
		"from the second GOP on": {func(n int64) bool { return n >= 5 }, 0, ""},
		"without the last":       {func(n int64) bool { return n < sent-1 }, 0, ""},
		"one in between":         {func(n int64) bool { return n != 17 }, 1, "pictures 17 to 17 of those sent are missing"},
		"a GOP":                  {func(n int64) bool { return n < 10 || n >= 15 }, 5, "pictures 10 to 14"},
		"from the third GOP on":  {func(n int64) bool { return n >= 9 }, 4, "pictures 5 to 8"},
		"the last three GOPs":    {func(n int64) bool { return n < 25 }, 10, "pictures 25 to 34"},
		"none":                   {func(int64) bool { return false }, 30, "pictures 5 to 34"},
	} {
		t.Run(name, func(t *testing.T) {
			r := recorded{clip: long(), nextPicture: -1, nextFrame: -1}
			for n := range int64(sent) {
				if c.kept(n) {
					require.NoError(t, r.picture(stored(r.clip, n)))
				}
			}
			r.end(publishload.Sent{Pictures: sent})
			require.Equal(t, c.lost, r.lost)
			require.Contains(t, r.first, c.first)
		})
	}
}

func TestMediaThatWasNotSentIsAnError(t *testing.T) {
	c := long()
	r := recorded{clip: c, nextPicture: -1, nextFrame: -1}
	require.NoError(t, r.picture(stored(c, 0)))
	cut := stored(c, 1)
	require.ErrorContains(t, r.picture(cut[:len(cut)-7]), "picture 1 is none of the clip", "a slice is missing")
	require.ErrorContains(t, r.picture([]byte{0, 0, 0, 9, 0x41}), "picture 1", "a length past the end")
	require.ErrorContains(t, r.frame([]byte{1, 2}), "frame of sound")
}

func TestABlockMayEndAnywhereInAnAccessUnit(t *testing.T) {
	p := blocks{[][]byte{{1, 2, 3}, {4}, {5, 6}}}
	require.Equal(t, []byte{1, 2}, p.next(nil, 2))
	require.Equal(t, []byte{3, 4, 5}, p.next(nil, 3))
	require.Equal(t, []byte{6}, p.next(nil, 2), "the payload ends")
}
