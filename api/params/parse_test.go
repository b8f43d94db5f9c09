package params

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSecondsAreReadExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, math.MaxInt64-2e9).Draw(t, "ns"))
		text := fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second)
		got, err := parseSeconds(text)
		if err != nil || got != d {
			t.Fatalf("%s is %d, %v", text, got, err)
		}
	})
}

func TestTimesAreReadInBothForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(0, rapid.Int64Range(0, 9_180_000_000_000_000_000).Draw(t, "ns")).UTC()
		zone := time.FixedZone("", rapid.IntRange(-12*3600/60, 14*3600/60).Draw(t, "minutes")*60)
		for _, text := range []string{at.In(zone).Format(time.RFC3339Nano), at.Format("2006-01-02T15:04:05.000000000Z"), fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond())} {
			got, err := ParseTime(text)
			if err != nil || !got.Equal(at) {
				t.Fatalf("%s is %v, %v", text, got, err)
			}
		}
	})
}

func TestSecondsThatNoTimeCanHoldAreOutOfRange(t *testing.T) {
	for _, text := range []string{"9999999999", "99999999999999999999", "2262-01-01T00:00:00Z", "1969-12-31T23:59:59Z"} {
		_, err := ParseTime(text)
		require.ErrorContains(t, err, "out of range: from 1970 to 2261", text)
	}
}

func FuzzTimes(f *testing.F) {
	for _, seed := range []string{"60", "1.5", "1h30m", "2026-01-02T03:04:05.6Z", "-1", "1e9", "999999999999999999999", "0x1p5", "٣", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDuration(text); err == nil && (d <= 0 || d > maxSpan) {
			t.Fatalf("%q is the duration %v", text, d)
		}
		if at, err := ParseTime(text); err == nil && (at.UnixNano() < 0 || !time.Unix(0, at.UnixNano()).Equal(at)) {
			t.Fatalf("%q is the time %v, which nanoseconds cannot hold", text, at)
		}
	})
}

func TestBooleansAreTwoWords(t *testing.T) {
	for _, text := range []string{"1", "0", "yes", "True", "TRUE", "t", "", " true"} {
		_, err := parseBool(text)
		require.Error(t, err, text)
	}
}
