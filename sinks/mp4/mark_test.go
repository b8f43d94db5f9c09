package mp4

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// finishedIn records a file in one form, with events that come while it grows.
func finishedIn(t *testing.T, src *source, form string, during ...media.Event) (*session, media.Recording) {
	t.Helper()
	cfg, pool := Defaults(), media.NewCheckedPool()
	cfg.Fragment = forms[form].fragment
	s := newSession(t, cfg, nil)
	if forms[form].tail {
		s.reserve = func(*media.Segment, Config) int64 { return 0 }
	}
	set, chunks := src.chunks(t, pool, time.Second, nil)
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, chunks))
	for _, e := range during {
		require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, Event: &e}, s.emit))
	}
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	require.Zero(t, pool.Outstanding(), pool.Leaks())
	data, err := os.ReadFile(s.path(s.last()))
	require.NoError(t, err)
	requireForm(t, form, data)
	return s, s.last()
}

// TestEventIsWrittenIntoAFinishedFile of each form, beside those that it names,
// and joins what it knows of the same event; nothing else of the file changes.
func TestEventIsWrittenIntoAFinishedFile(t *testing.T) {
	src := record(t, avc(8))
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			for name, during := range map[string][]media.Event{"none before": nil, "one before": {eventNo(1)}} {
				s, rec := finishedIn(t, src, form, during...)
				file := s.path(rec)
				before, err := os.ReadFile(file)
				require.NoError(t, err)
				require.NoError(t, AddEvents(file, rec.ID, []media.Event{eventNo(2), eventNo(3)}), name)
				longer := eventNo(2)
				longer.End += 60e9
				require.NoError(t, AddEvents(file, rec.ID, []media.Event{longer}))
				want := rec
				want.Path, want.Directory = filepath.Base(file), ""
				want.Events = append(during[:len(during):len(during)], longer, eventNo(3))
				entry, err := ReadEntry(file)
				require.NoError(t, err)
				require.Equal(t, want, entry)

				after, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Len(t, after, len(before))
				require.Less(t, lastDifference(before, after)-firstDifference(before, after), eventsRoom, "in the list alone")
				requireSame(t, src, file)
			}
		})
	}
}

func firstDifference(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

func lastDifference(a, b []byte) int {
	for i := len(a) - 1; i >= 0; i-- {
		if a[i] != b[i] {
			return i
		}
	}
	return 0
}

// TestFileThatNamesTheEventIsNotWritten: what a client has of it stays valid.
func TestFileThatNamesTheEventIsNotWritten(t *testing.T) {
	s, rec := finishedIn(t, record(t, avc(4)), "moov first", eventNo(1))
	file := s.path(rec)
	long := time.Unix(1e9, 0)
	require.NoError(t, os.Chtimes(file, long, long))
	require.NoError(t, AddEvents(file, rec.ID, []media.Event{eventNo(1)}))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, long, info.ModTime())
	require.NoError(t, AddEvents(file, rec.ID, []media.Event{eventNo(1), eventNo(2)}))
	info, err = os.Stat(file)
	require.NoError(t, err)
	require.True(t, info.ModTime().After(long), "its bytes are other ones now")
}

// TestFullListStaysAsItIs: an event that has no room costs no other one its place.
func TestFullListStaysAsItIs(t *testing.T) {
	src := record(t, avc(8))
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			s, rec := finishedIn(t, src, form, eventNo(0))
			file := s.path(rec)
			kept := rec.Events
			for n := 1; ; n++ {
				err := AddEvents(file, rec.ID, []media.Event{eventNo(n)})
				if err != nil {
					require.ErrorIs(t, err, ErrNoRoom)
					break
				}
				kept = append(kept, eventNo(n))
			}
			require.Greater(t, len(kept), 4)
			require.Less(t, len(kept), 20)
			entry, err := ReadEntry(file)
			require.NoError(t, err)
			require.Equal(t, kept, entry.Events)
			requireSame(t, src, file)
		})
	}
}

// TestTornListOfAFinishedFileIsMended. A power cut leaves any of the blocks of the
// one write, old ones or new: the file keeps all else, names the events of before,
// all, or none, and the next write that has all of them brings them back.
func TestTornListOfAFinishedFileIsMended(t *testing.T) {
	src := record(t, avc(8))
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			old := []media.Event{eventNo(1), eventNo(2), eventNo(3)}
			all := append(old[:3:3], eventNo(4), eventNo(5))
			s, rec := finishedIn(t, src, form, old...)
			file := s.path(rec)
			before, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, AddEvents(file, rec.ID, all))
			after, err := os.ReadFile(file)
			require.NoError(t, err)
			from, to := firstDifference(before, after), lastDifference(before, after)+1
			rapid.Check(t, func(rt *rapid.T) {
				torn := bytes.Clone(before)
				for i := from; i < to; {
					n := rapid.IntRange(1, 512).Draw(rt, "bytes")
					if rapid.Bool().Draw(rt, "new") {
						copy(torn[i:min(i+n, to)], after[i:])
					}
					i += n
				}
				require.NoError(rt, os.WriteFile(file, torn, 0o644))
				entry, err := ReadEntry(file)
				require.NoError(rt, err)
				require.Contains(rt, [][]media.Event{nil, old, all}, entry.Events)
				require.Equal(rt, rec.Duration, entry.Duration)
				require.NoError(rt, AddEvents(file, rec.ID, all))
				entry, err = ReadEntry(file)
				require.NoError(rt, err)
				require.Equal(rt, all, entry.Events)
			})
			requireSame(t, src, file)
		})
	}
}

// TestEventsAreNotWrittenWhereTheyDoNotBelong: into a file that grows, whose writer
// would not know; into another recording's file; into one that is not ours, or gone.
func TestEventsAreNotWrittenWhereTheyDoNotBelong(t *testing.T) {
	src := record(t, avc(4))
	for _, fragment := range []bool{false, true} {
		pool := media.NewCheckedPool()
		s, seg := noted(t, src, pool, fragment, nil)
		unchanged(t, s.path(s.last()), s.last().ID, disk.ErrOwned)
		require.NoError(t, s.end(seg, endcause.Stop))
		require.NoError(t, s.Close())
		unchanged(t, s.path(s.last()), media.ID{9}, ErrOtherRecording)
	}
	foreign := filepath.Join(t.TempDir(), "x.mp4")
	require.NoError(t, os.WriteFile(foreign, []byte("\x00\x00\x00\x08free"), 0o644))
	unchanged(t, foreign, media.ID{9}, ErrNotOurs)
	require.ErrorIs(t, AddEvents(foreign+".gone", media.ID{9}, []media.Event{eventNo(1)}), os.ErrNotExist)
}

func unchanged(t *testing.T, file string, id media.ID, want error) {
	t.Helper()
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	err = AddEvents(file, id, []media.Event{eventNo(1)})
	require.Error(t, err)
	if want != nil {
		require.ErrorIs(t, err, want)
	}
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// TestFileOfAnEarlierVersionHasNoRoom for events: its entry ends with the identity.
func TestFileOfAnEarlierVersionHasNoRoom(t *testing.T) {
	s, rec := finishedIn(t, record(t, avc(4)), "moov first")
	data, err := os.ReadFile(s.path(rec))
	require.NoError(t, err)
	copy(data[bytes.Index(data, []byte(eventsMark)):], make([]byte, len(eventsMark)))
	require.NoError(t, os.WriteFile(s.path(rec), data, 0o644))
	unchanged(t, s.path(rec), rec.ID, ErrNoRoom)
}
