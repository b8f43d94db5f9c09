package config_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline/config"
)

func TestDurationsAreSecondsOrGoDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "10": 10 * time.Second, "2.5": 2500 * time.Millisecond, "1h30m": 90 * time.Minute,
		"250ms": 250 * time.Millisecond, " 5s ": 5 * time.Second, "-1": -time.Second, "28800": 8 * time.Hour,
	} {
		d, err := config.ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, d.D(), text)
	}
	for _, text := range []string{"", "x", "10 s", "1d", "nan", "inf", "1e11", "9223372037"} {
		_, err := config.ParseDuration(text)
		require.Error(t, err, text)
	}
}

func TestDurationsAreShownShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 10 * time.Second: "10s", time.Minute: "1m", 90 * time.Minute: "1h30m", time.Hour: "1h", time.Hour + time.Second: "1h0m1s",
	} {
		require.Equal(t, want, config.Duration(d).String())
	}
}

func TestSizesHaveUnits(t *testing.T) {
	for text, want := range map[string]config.Size{
		"0": 0, "1000": 1000, "1KiB": 1024, "1kb": 1000, "64MiB": 64 << 20, "1.5GiB": 3 << 29, "2 GB": 2e9, "1TiB": 1 << 40,
		"512B": 512, "0.5KiB": 512, "8388607TiB": 8388607 << 40, "1e3": 1000,
	} {
		n, err := config.ParseSize(text)
		require.NoError(t, err, text)
		require.Equal(t, want, n, text)
	}
	for _, text := range []string{"", "B", "MiB", "x", "1XB", "nan", "inf", "8388608TiB", "9223372036854775808", "1e300GiB"} {
		_, err := config.ParseSize(text)
		require.Error(t, err, text)
	}
}

// A conversion of 4 GiB to an int of 32 bits would give 0, which is no limit.
func TestSizesBeyondAnIntStayLarge(t *testing.T) {
	for _, n := range []config.Size{0, 1, 64 << 20, 1 << 31, 4 << 30, math.MaxInt64} {
		require.Equal(t, min(int64(n), math.MaxInt), int64(n.Int()), n)
	}
}

func TestShownUnitsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := config.Duration(rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "d"))
		back, err := config.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, back)
		n := config.Size(rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "n"))
		size, err := config.ParseSize(n.String())
		require.NoError(t, err)
		require.Equal(t, n, size)
	})
	var back struct {
		D config.Duration
		N config.Size
	}
	text, err := json.Marshal(struct {
		D config.Duration
		N config.Size
	}{config.Duration(time.Second), 1 << 20})
	require.NoError(t, err)
	require.JSONEq(t, `{"D":"1s","N":"1MiB"}`, string(text))
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, config.Size(1<<20), back.N)
}

func FuzzUnits(f *testing.F) {
	f.Add("10s")
	f.Add("1.5MiB")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := config.ParseDuration(text); err == nil {
			back, err := config.ParseDuration(d.String())
			require.NoError(t, err)
			require.Equal(t, d, back)
		}
		if n, err := config.ParseSize(text); err == nil {
			back, err := config.ParseSize(n.String())
			require.NoError(t, err)
			require.Equal(t, n, back)
		}
	})
}
