package units

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
)

// missing returns rows of recordings whose files are missing. By their anchors they begin later than by their rows.
func missing(n int) (all rows) {
	for i := range n {
		at := int64(i) * int64(3*time.Hour)
		all = append(all, media.Record{Recording: media.Recording{
			ID: media.ID{1, byte(i >> 8), byte(i)}, Stream: "a", Path: "a.mp4", Pipeline: "p", State: media.StateFinished, StartUTC: at,
			EndUTC: at + int64(10*time.Second), Anchors: media.Anchors{{UTC: at + int64(50*time.Millisecond)}},
		}})
	}
	return all
}

// counted counts the queries of a catalogue.
type counted struct {
	rows
	queries int
}

func (c *counted) Records(ctx context.Context, q media.Query) (media.Page, error) {
	c.queries++
	return c.rows.Records(ctx, q)
}

func newLibrary(t *testing.T, c clip.Catalogue) *Library {
	t.Helper()
	files := playback.NewDir(t.TempDir(), func(string) (string, int64, bool) { return "", 0, false })
	return &Library{Recordings: &clip.Library{Files: files}, Catalogue: c, Readers: &playback.Readers{}}
}

func TestTheNewestRecordingIsSoughtAmongMissingOnes(t *testing.T) {
	for n, queries := range map[int]int{1: 2 + 3, 20: 2 + 41, maxGone + 100: 2 + 2*maxGone} {
		c := &counted{rows: missing(n)}
		_, err := newLibrary(t, c).Extent(t.Context(), "a", footage.Oldest)
		require.ErrorIs(t, err, footage.ErrNone)
		require.Equal(t, queries, c.queries)
	}
}
