package hub_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/stages/hub"
)

// A stream that falls silent causes one warning and a problem; the log reports when it sends again. A slow stream is
// not silent before the time that its own rate allows.
func TestASilentStreamIsWarnedOfOnce(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, hub.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	now := time.Now()
	look := func(after time.Duration) { now = now.Add(after); hub.LookForSilence(r.Hub, now) }
	said := func(what string) int { return strings.Count(log.String(), what) }
	r.subscribe(t, "live/a") // it is recorded: its stream stays when its publisher leaves
	pub := r.publish(t, "live/a")
	slow := r.publish(t, "live/slow")
	for i := range 30 {
		require.NoError(t, pub.Write(0, frame(i, true)))
		if i%10 == 0 {
			require.NoError(t, slow.Write(0, frame(i, true)))
		}
		look(time.Second)
	}
	for range 4 {
		look(time.Second)
	}
	require.Empty(t, r.Problems("live/a"))
	look(2 * time.Second)
	look(time.Second)
	require.Equal(t, 1, said("the stream is silent"), log.String())
	require.Contains(t, log.String(), `level=WARN msg="the stream is silent" stream=live/a`)
	require.Equal(t, "silent", r.Problems("live/a")[0].Problem)
	require.Empty(t, r.Problems("live/slow"))

	require.NoError(t, pub.Write(0, frame(31, true)))
	look(time.Second)
	require.Empty(t, r.Problems("live/a"))
	require.Contains(t, log.String(), `level=INFO msg="the stream sends again" stream=live/a silent_for=8s`)
	look(time.Minute)
	require.NotEmpty(t, r.Problems("live/slow"), "no pace allows that")
	require.Equal(t, 3, said("the stream is silent"))
	pub.Close(endcause.SourceLost)
	require.Empty(t, r.Problems("live/a"), "a stream without a publisher is not silent")
	look(time.Second)
	pub = r.publish(t, "live/a")
	require.NoError(t, pub.Write(0, frame(1, true)))
	look(time.Second)
	require.Equal(t, 2, said("the stream sends again"))
}

// The absence of a publisher that had fallen silent counts from its silence, not from the end of its connection.
func TestASilentPublisherLeftWhenItFellSilent(t *testing.T) {
	r := newRig(t, hub.Config{Log: slog.New(slog.DiscardHandler)})
	var left []hub.Departure
	r.WatchDepartures(func(d hub.Departure) { left = append(left, d) })
	pub := r.publish(t, "live/a")
	now := time.Now().Add(-time.Hour)
	for i := range 20 {
		require.NoError(t, pub.Write(0, frame(i, true)))
		hub.LookForSilence(r.Hub, now)
		now = now.Add(time.Second)
	}
	hub.LookForSilence(r.Hub, now.Add(10*time.Second))
	pub.Close(endcause.SourceLost)
	require.Len(t, left, 1)
	require.Equal(t, "live/a", left[0].Path)
	require.Equal(t, frame(19, true).UTC, left[0].Last.UnixNano())
	require.True(t, now.Add(-time.Second).Equal(left[0].Since))

	r.publish(t, "live/a").Close(endcause.SourceLost)
	require.WithinDuration(t, time.Now(), left[1].Since, time.Minute)
	announced, err := r.Publish("live/a", hub.PublishOptions{})
	require.NoError(t, err)
	announced.Close(endcause.SourceLost)
	require.Len(t, left, 2, "it had no tracks")
}
