package ingest

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

const second = int64(1_000_000_000)

func TestLateArrivalsAreBackDated(t *testing.T) {
	var w wallclock
	const utc = 1_700_000_000 * second // of steady time 0
	for i := range int64(50) {
		media := i * second / 25
		late := (i % 5) * second / 100
		w.observe(media+late, media)
		require.Equal(t, utc+media, w.at(media, utc+media+late, media+late), "unit %d", i)
	}
}

func TestNoUnitIsDatedAfterItsArrival(t *testing.T) {
	var w wallclock
	for i := range int64(1000) { // sent twenty times as fast as it plays
		media, mono := i*second/25, i*second/500
		w.observe(mono, media)
		require.LessOrEqual(t, w.at(media, mono, mono), mono)
	}
}

func TestAStepOfTheWallClockIsFollowedAtOnce(t *testing.T) {
	var w wallclock
	w.observe(0, 0)
	w.observe(second, second)
	require.Equal(t, 3601*second, w.at(second, 3601*second, second), "an hour forward")
	require.Equal(t, -3599*second, w.at(second, -3599*second, second), "an hour back")
}

// TestASlowSenderIsFollowed uses a sender's clock that loses 100 parts in a million.
func TestASlowSenderIsFollowed(t *testing.T) {
	var w wallclock
	for i := range int64(3600) {
		mono := i * second
		media := mono - mono/10_000
		w.observe(mono, media)
		require.InDelta(t, mono, w.at(media, mono, mono), 20e6, "second %d", i)
	}
}

func TestMediaTimeSetBackIsFollowed(t *testing.T) {
	var w wallclock
	w.observe(0, 3600*second)
	w.observe(second, 0) // the sender started over
	require.Equal(t, second, w.at(0, second, second))
}

// The date of a report ends with the report, and the next one counts at once.
func TestAReportOfAnotherSenderIsForgotten(t *testing.T) {
	f := &Feed{log: slog.New(slog.DiscardHandler)}
	track := &Track{feed: f}
	f.sender.wanted = true
	for _, ahead := range []int64{20 * second, -9 * second} {
		f.sender.report(track, ahead, 0)
		require.Equal(t, ahead, f.sender.apart(f, 0, 0, 0))
		track.ForgetReport()
		require.Zero(t, f.sender.apart(f, 0, 0, 0))
	}
}

// A step of this machine's clock does not move the dates of a sender whose reports count.
func TestThisMachineIsSetWhileTheSenderIsRight(t *testing.T) {
	f := &Feed{log: slog.New(slog.DiscardHandler)}
	track := &Track{feed: f}
	f.sender.wanted = true
	const utc = 1_700_000_000 * second // of time 0 of the feed, by the sender
	f.sender.report(track, utc, 0)
	for i := range int64(50) {
		stepped := i / 20 % 2 * 8 * second
		arrived := utc + i*second + second/10 + stepped
		if i == 30 {
			f.sender.report(track, utc+i*second, i*second)
		}
		require.Equal(t, utc+i*second, arrived+f.sender.apart(f, i*second, arrived, stepped), "unit %d", i)
	}
}
