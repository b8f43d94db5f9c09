package units

import (
	"context"
	"errors"
	"io/fs"
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

// noFiles has no file. If entered is set, it tells of each file that is sought, and waits.
type noFiles struct {
	entered, goOn chan struct{}
}

func (f noFiles) Open(string) (playback.File, error) {
	if f.entered != nil {
		f.entered <- struct{}{}
		<-f.goOn
	}
	return playback.File{}, fs.ErrNotExist
}

func TestTheNewestRecordingIsSoughtAmongMissingOnes(t *testing.T) {
	for n, queries := range map[int]int{1: 2 + 3, 20: 2 + 41, maxGone + 100: 2 + 2*maxGone} {
		c := &counted{rows: missing(n)}
		l := New(&clip.Library{Files: noFiles{}}, c, &playback.Readers{})
		_, err := l.Extent(t.Context(), "a", footage.Oldest)
		require.ErrorIs(t, err, footage.ErrNone)
		require.Equal(t, queries, c.queries)
	}
}

func TestFewRecordingsAreOpenedAtOnce(t *testing.T) {
	f := noFiles{make(chan struct{}), make(chan struct{})}
	l := New(&clip.Library{Files: f}, missing(1), &playback.Readers{})
	ended := make(chan error)
	for range maxTurns {
		go func() {
			_, err := l.Extent(t.Context(), "a", footage.Oldest)
			ended <- err
		}()
		<-f.entered
	}
	left := errors.New("the client has left")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		_, err := l.Extent(ctx, "a", footage.Oldest)
		ended <- err
	}()
	cancel(left)
	select {
	case err := <-ended:
		require.ErrorIs(t, err, left)
	case <-f.entered:
		require.Fail(t, "it has no turn")
	}
	close(f.goOn)
	for range maxTurns {
		require.ErrorIs(t, <-ended, footage.ErrNone)
	}
	require.Empty(t, l.turns)
}
