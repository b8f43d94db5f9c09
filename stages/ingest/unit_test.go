package ingest

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// The cause of the first loss stays with it, and is dropped with the unit that reports it.
func TestALossKeepsItsCause(t *testing.T) {
	f := NewFeed(ingesttest.Discard{}, slog.New(slog.DiscardHandler))
	track, err := f.AddTrack(TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: ingesttest.SetsOf(codec.H264)})
	require.NoError(t, err)
	damaged, large, kept, next := &Unit{Damaged: true}, &Unit{}, &Unit{}, &Unit{}
	large.refuse(media.DropTooLarge)
	track.leave(damaged)
	track.leave(large)
	track.mark(kept)
	track.mark(next)
	require.Equal(t, 2, kept.lost)
	require.Equal(t, media.DropDamaged, kept.by)
	require.Zero(t, next.lost)
	require.Empty(t, next.by)
	again := &Unit{}
	again.refuse(media.DropTooLarge)
	track.leave(again)
	track.mark(next)
	require.Equal(t, media.DropTooLarge, next.by)
}

// However often an element could not be read, it counts once per position.
func TestAnUnreadableElementIsReportedOnce(t *testing.T) {
	u := &Unit{}
	for range 100 {
		u.Unread()
	}
	u.Put([]byte{1})
	for range 100 {
		u.Unread()
	}
	require.Equal(t, []int{0, 1}, u.gaps)
}
