package mp4

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestRepairUnderAFinishedName checks that a growing file that an operator renamed is finished in
// place, that a finished file is not changed, and that neither is ever deleted.
func TestRepairUnderAFinishedName(t *testing.T) {
	for _, fragment := range []bool{false, true} {
		k := grow(t, record(t, avc(4)), fragment)
		name := filepath.Join(t.TempDir(), "holiday.mp4")
		require.NoError(t, os.WriteFile(name, k.data, 0o600))
		r, err := Repair(name)
		require.NoError(t, err)
		require.Equal(t, media.StateRecovered, r.Recording.State)
		require.Equal(t, "holiday.mp4", r.Recording.Path)
		requireSame(t, k.src, name)

		before, err := os.ReadFile(name)
		require.NoError(t, err)
		_, err = Repair(name)
		require.NoError(t, err)
		after, err := os.ReadFile(name)
		require.NoError(t, err)
		require.True(t, bytes.Equal(before, after))
	}
}

// TestRepairDeletesOnlyOurEmptyFiles checks that a file without a whole chunk is removed only if it is
// ours and has the name of a growing file.
func TestRepairDeletesOnlyOurEmptyFiles(t *testing.T) {
	k := grow(t, record(t, avc(4)), false)
	foreign, err := os.ReadFile(k.src.file)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		file    string
		data    []byte
		removed bool
	}{
		"ours, header cut":          {"a.mp4.part", k.data[:1000], true},
		"ours, five bytes":          {"a.mp4.part", k.data[:5], true},
		"ours, first chunk torn":    {"a.mp4.part", k.data[:k.ends[0]+500], true},
		"zeros":                     {"a.mp4.part", make([]byte, 3<<20), true},
		"empty":                     {"a.mp4.part", nil, true},
		"ours, under another name":  {"a.mp4", k.data[:k.ends[0]+500], false},
		"zeros, under another name": {"a.mp4", make([]byte, 5000), false},
		"another's, cut":            {"a.mp4.part", foreign[:30], false},
		"another's, in its moov":    {"a.mp4.part", foreign[:len(foreign)-100], false},
		"text":                      {"a.mp4.part", []byte("no video at all, but another program's file"), false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), c.file)
			require.NoError(t, os.WriteFile(file, c.data, 0o600))
			r, err := Repair(file)
			require.Equal(t, c.removed, r.Removed)
			if c.removed {
				require.NoError(t, err)
				require.NoFileExists(t, file)
				return
			}
			require.Error(t, err)
			after, err := os.ReadFile(file)
			require.NoError(t, err)
			require.True(t, bytes.Equal(c.data, after), "changed")
		})
	}
}
