package seen

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func paths(s *Streams) (out []string) {
	for _, st := range s.Remembered() {
		out = append(out, st.Path)
	}
	return out
}

// Seen streams survive a restart, and forgotten streams stay forgotten. Beyond the limit the
// oldest are dropped.
func TestStreamsAreRememberedUntilTheyAreForgotten(t *testing.T) {
	dir, at := t.TempDir(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var live []media.StreamInfo
	book := &pipelinetest.Log{}
	open := func() *Streams {
		return Open(dir, func() []media.StreamInfo { return live }, slog.New(slog.NewTextHandler(book, nil)))
	}
	s := open()
	live = []media.StreamInfo{{Path: "live/a", State: "live"}, {Path: "live/b", State: "live"}, {Path: "live/armed", State: "waiting"}}
	s.look(at)
	s.write()
	live = nil
	s = open()
	require.Equal(t, []string{"live/a", "live/b"}, paths(s))
	require.Equal(t, media.StreamInfo{Path: "live/a", State: "offline", LastAccessUnit: at}, s.Remembered()[0])
	require.True(t, s.Forget("live/a"))
	require.False(t, s.Forget("live/a"))
	require.Equal(t, []string{"live/b"}, paths(open()))

	for i := range Most {
		s.Saw(fmt.Sprint("more/", i), at.Add(time.Duration(i+1)*time.Second))
	}
	require.Len(t, paths(s), Most)
	require.NotContains(t, paths(s), "live/b")

	file := filepath.Join(dir, ".spool-streams.json")
	require.NoError(t, os.WriteFile(file, []byte("rubbish"), 0o600))
	require.Empty(t, paths(open()))
	require.Contains(t, book.String(), "level=WARN")
	require.NoError(t, os.WriteFile(file, []byte(`{"a/../b": "2026-03-01T12:00:00Z", "ok": "2026-03-01T12:00:00Z"}`), 0o600))
	require.Equal(t, []string{"ok"}, paths(open()))
}
