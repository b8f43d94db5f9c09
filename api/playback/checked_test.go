package playback

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestACheckCountsForOneFileAndASecond(t *testing.T) {
	var c Checked
	name := filepath.Join(t.TempDir(), "a.mp4")
	write := func(text string) os.FileInfo {
		require.NoError(t, os.WriteFile(name+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(name+".new", name))
		info, err := os.Stat(name)
		require.NoError(t, err)
		return info
	}
	file, now := write("first"), time.Now()
	id := media.NewID(now)
	require.False(t, c.Has("a.mp4", id, file, now))
	c.Add("a.mp4", id, file, now)
	require.True(t, c.Has("a.mp4", id, file, now.Add(checkedFor-1)))
	require.False(t, c.Has("a.mp4", id, file, now.Add(checkedFor)), "the second is over")
	require.False(t, c.Has("a.mp4", id, file, now.Add(-1)), "the clock was set back")
	require.False(t, c.Has("b.mp4", id, file, now), "another name")
	require.False(t, c.Has("a.mp4", media.ID{}, file, now), "another recording")
	other := write("other")
	require.NoError(t, os.Chtimes(name, time.Time{}, file.ModTime()))
	require.False(t, c.Has("a.mp4", id, other, now), "another file of the same size")
	c.Add("a.mp4", id, other, now)
	require.NoError(t, os.Truncate(name, 3))
	shorter, err := os.Stat(name)
	require.NoError(t, err)
	require.False(t, c.Has("a.mp4", id, shorter, now), "the file has changed")
}

func TestChecksAreBounded(t *testing.T) {
	var c Checked
	file, err := os.Stat(".")
	require.NoError(t, err)
	for i := range maxChecked + 1 {
		c.Add(fmt.Sprint(i), media.ID{}, file, time.Now())
		require.LessOrEqual(t, len(c.files), maxChecked)
	}
}
