package media

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIDIsVersion7(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)
	seen := map[ID]bool{}
	for range 1000 {
		id := NewID(at)
		s := id.String()
		require.Equal(t, byte('7'), s[14], "version")
		require.Contains(t, "89ab", s[19:20], "variant")
		ms := int64(id[0])<<40 | int64(id[1])<<32 | int64(id[2])<<24 | int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5])
		require.Equal(t, at.UnixMilli(), ms)
		require.False(t, seen[id], "made twice")
		seen[id] = true
	}
}

func TestIDsSortByTime(t *testing.T) {
	at := time.UnixMilli(1<<32 - 500)
	var ids []string
	for range 1000 { // over a carry between the two halves of the time
		ids = append(ids, NewID(at).String())
		at = at.Add(time.Millisecond)
	}
	require.True(t, slices.IsSorted(ids))
}

func TestParseIDRefuses(t *testing.T) {
	good := NewID(time.Now()).String()
	for _, bad := range []string{
		"", good[:35], good + "0", strings.ReplaceAll(good, "-", ""), strings.Replace(good, "-", "+", 1),
		"g" + good[1:], "{" + good[1:35] + "}", strings.Repeat("-", 36), good[:8] + "é" + good[10:],
	} {
		_, err := ParseID(bad)
		require.ErrorContains(t, err, "is not a UUID", bad)
	}
	_, err := ParseID(strings.Repeat("x", 1<<20))
	require.Less(t, len(err.Error()), 100, "an error must not carry a megabyte")
}

func FuzzParseID(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			require.Zero(t, id)
			return
		}
		require.Equal(t, strings.ToLower(s), id.String())
	})
}
