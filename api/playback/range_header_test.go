package playback

import (
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRangesFollowTheRFC(t *testing.T) {
	for _, c := range []struct{ header, want string }{
		{"bytes=0-9", "bytes=0-9"},
		{"bytes=0-0", "bytes=0-0"},
		{"bytes=90-", "bytes=90-99"},
		{"bytes=-10", "bytes=90-99"},
		{"bytes=-1000", "bytes=0-99"},
		{"bytes=50-1000", "bytes=50-99"},
		{"BYTES=5-6", "bytes=5-6"},
		{"bytes= 5-6 , 8-9", "bytes=5-6,8-9"},
		{"bytes=,,5-6,", "bytes=5-6"},
		{"bytes=5-6,200-300", "bytes=5-6"},
		{"bytes=99999999999999999999-", "bytes=100-"},
		{"bytes=5-99999999999999999999", "bytes=5-99"},
		{"bytes=-99999999999999999999", "bytes=0-99"},
		{"bytes=100-", "bytes=100-"},
		{"bytes=-0", "bytes=100-"},
		{"bytes=", "bytes=100-"},
		{"bytes=9-5", "bytes=100-"},
		{"bytes=99999999999999999999-99999999999999999998", "bytes=100-"},
		{"bytes=a-b", "bytes=100-"},
		{"bytes=1-2-3", "bytes=100-"},
		{"bytes=+1-2", "bytes=100-"},
		{"bytes=--1", "bytes=100-"},
		{"bytes=-", "bytes=100-"},
		{"bytes=0x1-2", "bytes=100-"},
		{"items=0-9", ""},
		{"bytes", ""},
		{"bytes=" + strings.Repeat("0-1,", maxRanges) + "5-6", ""},
	} {
		h := http.Header{"Range": {c.header}}
		normaliseRange(h, 100)
		require.Equal(t, c.want, h.Get("Range"), c.header)
	}
	h := http.Header{"Range": {"bytes=0-1", "bytes=2-3"}}
	normaliseRange(h, 100)
	require.Empty(t, h.Get("Range"), "two headers are ignored")
}

// parseRange agrees with integers of unlimited size, however long the two numbers are.
func TestRangesAgreeWithBigIntegers(t *testing.T) {
	number := rapid.OneOf(rapid.StringMatching(`0{0,3}[0-9]{1,3}`), rapid.StringMatching(`[0-9]{17,22}`))
	rapid.Check(t, func(t *rapid.T) {
		first, last := number.Draw(t, "first"), number.Draw(t, "last")
		size := rapid.Int64Range(1, 2000).Draw(t, "size")
		a, _ := new(big.Int).SetString(first, 10)
		b, _ := new(big.Int).SetString(last, 10)
		got, ok := parseRange(first+"-"+last, size)
		if want := a.Cmp(b) <= 0; ok != want {
			t.Fatalf("%s-%s of %d: readable %v, want %v", first, last, size, ok, want)
		}
		if !ok {
			return
		}
		end := new(big.Int).Sub(new(big.Int).SetInt64(size), big.NewInt(1))
		if b.Cmp(end) < 0 {
			end = b
		}
		if want := new(big.Int).Sub(end, a).Int64() + 1; a.Cmp(big.NewInt(size)) >= 0 && got.length != 0 ||
			a.Cmp(big.NewInt(size)) < 0 && (got.start != a.Int64() || got.length != want) {
			t.Fatalf("%s-%s of %d: %+v", first, last, size, got)
		}
	})
}

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-9", "bytes=-5", "bytes=5-", "bytes=0-1,2-3", "bytes=-0", "x=1", "bytes=99999999999999999999-"} {
		f.Add(seed, int64(100))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 1 {
			return
		}
		_, set, _ := strings.Cut(header, "=")
		for _, s := range parseRanges(set, size) {
			if s.start < 0 || s.length < 1 || s.start > size-s.length {
				t.Fatalf("%q of %d gives %+v", header, size, s)
			}
		}
	})
}

// A header with more ranges than clients send is ignored, and the accepted ranges never add up to several times the
// file.
func TestTheCostOfRangesIsBounded(t *testing.T) {
	for _, n := range []int{1, 10, 1000, 100_000} {
		h := http.Header{"Range": {"bytes=" + strings.Repeat("0-,", n) + "0-"}}
		normaliseRange(h, 1<<40)
		require.LessOrEqual(t, strings.Count(h.Get("Range"), ","), maxRanges)
	}
}
