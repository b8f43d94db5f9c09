package mp4

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

func eventNo(n int) media.Event {
	const second = int64(time.Second)
	return media.Event{
		ID: media.ID{7, byte(n), byte(n >> 8)}, Key: "k", Name: "door", Data: json.RawMessage(`{"n":1}`),
		AtUTC: int64(n) * second, StartUTC: int64(n-5) * second, EndUTC: int64(n+5) * second,
	}
}

// noted records a source with events on the way, and leaves the file growing.
func noted(t *testing.T, src *source, pool *media.Pool, fragment bool, first []media.Event, later ...media.Event) (*session, *media.Segment) {
	t.Helper()
	cfg := Defaults()
	cfg.Fragment = fragment
	s := newSession(t, cfg, nil)
	set, chunks := src.chunks(t, pool, time.Second, nil)
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	seg.Events = first
	require.NoError(t, s.put(seg, chunks))
	for _, e := range later {
		require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, Event: &e}, s.emit))
	}
	return s, seg
}

// TestEventsStandInTheFile checks the events, and the protection that they require, in a growing
// file, in a finished one, and after a crash.
func TestEventsStandInTheFile(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	longer := eventNo(2)
	longer.EndUTC += 60e9
	guarded := eventNo(3)
	guarded.Protect = true
	want := []media.Event{eventNo(1), longer, guarded}
	for _, fragment := range []bool{false, true} {
		s, seg := noted(t, src, pool, fragment, want[:1], eventNo(2), longer, guarded)
		require.Equal(t, want, s.last().Events, "told as they come")
		require.Equal(t, media.StateRecording, s.last().State)
		require.True(t, s.last().Protected)
		grown := s.path(s.last())
		entry, err := ReadEntry(grown)
		require.NoError(t, err)
		require.Equal(t, want, entry.Events)
		left, err := os.ReadFile(grown)
		require.NoError(t, err)

		require.NoError(t, s.end(seg, endcause.Event))
		require.NoError(t, s.Close())
		require.Equal(t, want, s.last().Events)
		_, mended := repaired(t, t.TempDir(), left)
		for _, name := range []string{s.path(s.last()), mended} {
			entry, err := ReadEntry(name)
			require.NoError(t, err)
			require.Equal(t, want, entry.Events)
			require.True(t, entry.Protected)
			require.NotEqual(t, media.StateRecording, entry.State)
			requireSame(t, src, name)
		}
	}
	require.Zero(t, pool.Outstanding())
}

// TestMoreEventsThanHaveRoom checks that a growing file keeps the latest events, that a finished file
// names the permitted maximum, and that the excess is counted.
func TestMoreEventsThanHaveRoom(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	var many []media.Event
	for i := range media.MaxEvents + 3 {
		many = append(many, eventNo(i))
	}
	for _, fragment := range []bool{false, true} {
		s, seg := noted(t, src, pool, fragment, nil, many...)
		entry, err := ReadEntry(s.path(s.last()))
		require.NoError(t, err)
		require.NotEmpty(t, entry.Events)
		require.Less(t, len(entry.Events), 40)
		require.Equal(t, many[media.MaxEvents-1], entry.Events[len(entry.Events)-1])
		require.Len(t, s.report().Warnings, 1)
		require.True(t, strings.HasPrefix(s.report().Warnings[0], "3 events"), s.report().Warnings[0])
		require.NoError(t, s.end(seg, endcause.Stop))
		require.NoError(t, s.Close())
		require.Equal(t, many[:media.MaxEvents], s.last().Events)
		require.Equal(t, many[media.MaxEvents:], beyond(s.told), "each is told of once")
		entry, err = ReadEntry(s.path(s.last()))
		require.NoError(t, err)
		if !fragment {
			require.Equal(t, many[:media.MaxEvents], entry.Events)
		}
		requireSame(t, src, s.path(s.last()))
	}
}

func beyond(told []media.Recording) (all []media.Event) {
	for _, r := range told {
		all = append(all, r.Beyond...)
	}
	return all
}

// TestMoreEventsThanAFileNamesLast checks events that last into the next file: it names as many as it
// can and reports the rest.
func TestMoreEventsThanAFileNamesLast(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	var many []media.Event
	for i := range media.MaxEvents + 3 {
		many = append(many, eventNo(i))
	}
	s, seg := noted(t, src, pool, false, many)
	require.Equal(t, many[:media.MaxEvents], s.last().Events)
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	require.Equal(t, many[media.MaxEvents:], beyond(s.told))
	require.True(t, strings.HasPrefix(s.report().Warnings[0], "3 events"))
}

// TestAnEventOfMuchDataCostsTheOthersNothing checks that a growing file leaves out an event that does
// not fit its list, and keeps the others.
func TestAnEventOfMuchDataCostsTheOthersNothing(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	large := eventNo(2)
	large.Data = json.RawMessage(`{"n":"` + strings.Repeat("x", eventsRoomBytes) + `"}`)
	s, seg := noted(t, src, pool, false, nil, eventNo(1), large, eventNo(3))
	entry, err := ReadEntry(s.path(s.last()))
	require.NoError(t, err)
	require.Equal(t, []media.Event{eventNo(1), eventNo(3)}, entry.Events)
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	entry, err = ReadEntry(s.path(s.last()))
	require.NoError(t, err)
	require.Equal(t, []media.Event{eventNo(1), large, eventNo(3)}, entry.Events)
}

// TestTornListOfEventsCountsAsEmpty checks that a power cut during a write of the list does not damage
// the rest of the entry.
func TestTornListOfEventsCountsAsEmpty(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	s, _ := noted(t, src, pool, false, nil, eventNo(1), eventNo(2))
	data, err := os.ReadFile(s.path(s.last()))
	require.NoError(t, err)
	at := bytes.Index(data, []byte(eventsMark))
	require.Positive(t, at)
	rapid.Check(t, func(rt *rapid.T) {
		torn := bytes.Clone(data)
		i := at + rapid.IntRange(0, eventsFixedBytes+200).Draw(rt, "byte")
		if i >= at+4 && i < at+8 {
			i += 4 // the room is written once, and a slightly smaller value does no harm
		}
		torn[i] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		name := filepath.Join(t.TempDir(), "x.mp4.part")
		require.NoError(rt, os.WriteFile(name, torn, 0o644))
		entry, err := ReadEntry(name)
		require.NoError(rt, err)
		require.Empty(rt, entry.Events)
		require.Equal(rt, "live/cam", entry.Stream)
	})
	require.NoError(t, s.Close())
}

// TestEventBeforeAnyChunkIsNoError checks a segment without a file, because its first chunk could not
// be written.
func TestEventBeforeAnyChunkIsNoError(t *testing.T) {
	s := newSession(t, Defaults(), nil)
	require.NoError(t, s.Open(context.Background()))
	e := eventNo(1)
	require.NoError(t, s.Process(context.Background(), media.Part{Segment: &media.Segment{}, Event: &e}, s.emit))
	require.Empty(t, s.told)
	require.NoError(t, s.Close())
}
