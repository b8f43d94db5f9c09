package h264

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// requirePrefixFree checks that no word begins another, and what share of all
// bit strings the words leave unused.
func requirePrefixFree(t *testing.T, unused float64, words []code) {
	t.Helper()
	left := 1.0
	for i, a := range words {
		if a.n == 0 {
			continue
		}
		left -= math.Pow(2, -float64(a.n))
		for j, b := range words {
			if i != j && b.n >= a.n {
				require.NotEqual(t, a.bits, b.bits>>(b.n-a.n), "word %d begins word %d", i, j)
			}
		}
	}
	require.InDelta(t, unused, left, 1e-9)
}

func TestTablesAreCodes(t *testing.T) {
	// 9-5 keeps 0000 0000 0000 001 back, and 15 zeros.
	requirePrefixFree(t, 1.0/(1<<14)-1.0/(1<<15), lumaCodes.token)
	requirePrefixFree(t, 0, chromaCodes.token)
	for i, row := range lumaCodes.zeros {
		if i == 0 {
			requirePrefixFree(t, 1.0/(1<<9), row) // 0000 0000 0 is kept back
			continue
		}
		requirePrefixFree(t, 0, row)
	}
	for _, row := range chromaCodes.zeros {
		requirePrefixFree(t, 0, row)
	}
	for _, row := range runBefore[:6] {
		requirePrefixFree(t, 0, row)
	}
	requirePrefixFree(t, 1.0/(1<<11), runBefore[6])
}

func TestExpGolombWordsAreThoseOfTheStandard(t *testing.T) {
	var w writer
	for _, v := range []uint32{0, 1, 2, 3, 7} {
		w.ue(v)
	}
	for _, v := range []int32{0, 1, -1, 2} {
		w.se(v)
	}
	n := w.Len()
	w.Align()
	var digits strings.Builder
	for _, b := range w.Bytes() {
		digits.WriteString(strconv.FormatUint(uint64(b)+256, 2)[1:])
	}
	require.Equal(t, "1"+"010"+"011"+"00100"+"0001000"+"1"+"010"+"011"+"00100", digits.String()[:n])
}

func TestStartCodesCannotAppearInAUnit(t *testing.T) {
	got := appendNAL(nil, 0x41, []byte{0, 0, 0, 0, 0, 1, 0, 0, 3, 0, 0, 4, 0, 0})
	require.Equal(t, []byte{0x41, 0, 0, 3, 0, 0, 3, 0, 1, 0, 0, 3, 3, 0, 0, 4, 0, 0}, got)
}

func TestLevelIsTheLowestThatHolds(t *testing.T) {
	for _, c := range []struct {
		width, height, rate, bitrate int
		level                        uint8
	}{
		{16, 16, 25, 0, 20},
		{352, 288, 30, 0, 20},
		{640, 360, 25, 0, 30},
		{640, 360, 25, 12_000_000, 31},
		{1280, 720, 30, 0, 31},
		{1920, 1080, 25, 0, 40},
		{1920, 1080, 60, 0, 42},
		{3840, 2160, 60, 0, 52},
		{1920, 16, 5, 0, 31}, // wide: sides are bounded too
	} {
		level, err := Config{Width: c.width, Height: c.height, FrameRateNum: c.rate, FrameRateDen: 1, Bitrate: c.bitrate}.level()
		require.NoError(t, err)
		require.Equal(t, c.level, level, "%+v", c)
	}
	_, err := NewEncoder(Config{Width: 3840, Height: 2160, FrameRateNum: 120, FrameRateDen: 1}, NewMosaic(3840, 2160))
	require.ErrorContains(t, err, "beyond H.264 level 5.2")
	for _, size := range [][2]int{{15, 16}, {17, 16}, {16, 0}, {14, 14}} {
		_, err := NewEncoder(Config{Width: size[0], Height: size[1], FrameRateNum: 25, FrameRateDen: 1}, NewMosaic(16, 16))
		require.ErrorContains(t, err, "no picture size")
	}
}

func TestFillerHasTheSizeAskedForAndNoStartCode(t *testing.T) {
	e := &Encoder{}
	require.Nil(t, e.Filler(fillerMinimum-1))
	for _, n := range []int{fillerMinimum, 100, 300, 5000, 100_000} {
		f := e.Filler(n)
		require.InEpsilon(t, n, len(f), 0.01)
		require.NotContains(t, string(f), "\x00")
	}
	require.LessOrEqual(t, len(e.Filler(1<<30)), MaxFillerBytes*256/255+2)
}
