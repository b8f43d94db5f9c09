package mp4

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/facts"
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

// TestEventIsAddedToAFinishedFile checks in each form that the event joins those that the file
// names, or the same event, and that the file does not change.
func TestEventIsAddedToAFinishedFile(t *testing.T) {
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
				longer.EndUTC += 60e9
				require.NoError(t, AddEvents(file, rec.ID, []media.Event{longer}))
				want := rec
				want.Path, want.Directory = filepath.Base(file), ""
				want.Events = append(during[:len(during):len(during)], longer, eventNo(3))
				entry, err := ReadEntry(file)
				require.NoError(t, err)
				require.Equal(t, want, entry)

				after, err := os.ReadFile(file)
				require.NoError(t, err)
				require.True(t, bytes.Equal(before, after))
				requireSame(t, src, file)
			}
		})
	}
}

// TestAFinishedFileIsNotWritten checks that no change of a recording writes its file: a client's copy
// stays valid.
func TestAFinishedFileIsNotWritten(t *testing.T) {
	src := record(t, avc(8))
	for form := range forms {
		s, rec := finishedIn(t, src, form, eventNo(1))
		file := s.path(rec)
		long := time.Unix(1e9, 0)
		require.NoError(t, os.Chtimes(file, long, long))
		before, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, AddEvents(file, rec.ID, []media.Event{eventNo(1)}))
		require.NoFileExists(t, factsFile(s, rec), "it says so itself")
		require.NoError(t, SetProtected(file, rec.ID, false))
		require.NoFileExists(t, factsFile(s, rec))
		require.NoError(t, AddEvents(file, rec.ID, []media.Event{eventNo(1), eventNo(2)}))
		require.NoError(t, SetProtected(file, rec.ID, true))
		require.FileExists(t, factsFile(s, rec))
		after, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, bytes.Equal(before, after))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, long, info.ModTime())
	}
}

func factsFile(s *session, r media.Recording) string {
	return filepath.Join(s.dir, facts.Directory, r.ID.String())
}

// TestFullListStaysAsItIs checks that an event without room does not displace another one.
func TestFullListStaysAsItIs(t *testing.T) {
	s, rec := finishedIn(t, record(t, avc(4)), "moov first", eventNo(0))
	file, kept := s.path(rec), rec.Events
	for n := 1; n < media.MaxEvents; n++ {
		kept = append(kept, eventNo(n))
	}
	kept = kept[:media.Namable(kept)]
	require.NoError(t, AddEvents(file, rec.ID, kept))
	require.ErrorIs(t, AddEvents(file, rec.ID, []media.Event{eventNo(media.MaxEvents)}), ErrNoRoom)
	entry, err := ReadEntry(file)
	require.NoError(t, err)
	require.Equal(t, kept, entry.Events)
}

// TestTornListOfAnEarlierVersionIsMended checks files of earlier versions, which wrote the events of
// a finished file in place, after a power cut kept any of those blocks: the rest of the file is
// intact, it names the previous events or none, and AddEvents with all events restores them.
func TestTornListOfAnEarlierVersionIsMended(t *testing.T) {
	t.Parallel()
	src := record(t, avc(8))
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			old := []media.Event{eventNo(1), eventNo(2), eventNo(3)}
			all := append(old[:3:3], eventNo(4), eventNo(5))
			s, rec := finishedIn(t, src, form, old...)
			file := s.path(rec)
			before, err := os.ReadFile(file)
			require.NoError(t, err)
			from := bytes.Index(before, []byte(eventsMark)) + 8
			to := from + 8 + len(old)*150
			rapid.Check(t, func(rt *rapid.T) {
				torn := bytes.Clone(before)
				for i := from; i < to; {
					n := rapid.IntRange(1, 512).Draw(rt, "bytes")
					if rapid.Bool().Draw(rt, "new") {
						for k := i; k < min(i+n, to); k++ {
							torn[k] ^= 0x21
						}
					}
					i += n
				}
				require.NoError(rt, os.WriteFile(file, torn, 0o644))
				require.NoError(rt, Forget(s.dir, rec.ID))
				entry, err := ReadEntry(file)
				require.NoError(rt, err)
				require.Contains(rt, [][]media.Event{nil, old}, entry.Events)
				require.Equal(rt, rec.DurationNS, entry.DurationNS)
				require.NoError(rt, AddEvents(file, rec.ID, all))
				entry, err = ReadEntry(file)
				require.NoError(rt, err)
				require.Equal(rt, all, entry.Events)
			})
		})
	}
}

// TestEventsAreNotWrittenWhereTheyDoNotBelong checks a growing file, whose writer would not know, a
// file of another recording, a file that is not ours, and a missing file.
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

// TestFileOfAnEarlierVersionTakesEvents checks an entry that ends with the identity.
func TestFileOfAnEarlierVersionTakesEvents(t *testing.T) {
	s, rec := finishedIn(t, record(t, avc(4)), "moov first")
	data, err := os.ReadFile(s.path(rec))
	require.NoError(t, err)
	for _, mark := range []string{eventsMark, gapsMark} {
		if at := bytes.Index(data, []byte(mark)); at > 0 {
			copy(data[at:], make([]byte, len(mark)))
		}
	}
	require.NoError(t, os.WriteFile(s.path(rec), data, 0o644))
	require.NoError(t, AddEvents(s.path(rec), rec.ID, []media.Event{eventNo(1)}))
	entry, err := ReadEntry(s.path(rec))
	require.NoError(t, err)
	require.Equal(t, []media.Event{eventNo(1)}, entry.Events)
	require.Empty(t, entry.Anchors)
}

// TestFactsGoWithTheirRecording checks that facts are removed when their recording is deleted, when
// recovery removes its file, and when no catalogue knows it, and that other facts stay.
func TestFactsGoWithTheirRecording(t *testing.T) {
	s, rec := finishedIn(t, record(t, avc(4)), "moov first")
	require.NoError(t, SetProtected(s.path(rec), rec.ID, true))
	unsure := errors.New("unsure")
	removed, err := ForgetOrphans(s.dir, func(media.ID) (bool, error) { return false, unsure }, unshared)
	require.ErrorIs(t, err, unsure)
	require.Zero(t, removed)
	removed, err = ForgetOrphans(s.dir, func(media.ID) (bool, error) { return true, nil }, unshared)
	require.NoError(t, err)
	require.Zero(t, removed)
	require.FileExists(t, factsFile(s, rec))
	removed, err = ForgetOrphans(s.dir, func(id media.ID) (bool, error) { return id != rec.ID, nil }, unshared)
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	require.NoFileExists(t, factsFile(s, rec))
	require.NoError(t, SetProtected(s.path(rec), rec.ID, true))
	require.NoError(t, Forget(s.dir, rec.ID))
	require.NoFileExists(t, factsFile(s, rec))
	require.NoError(t, Forget(s.dir, rec.ID))
}

// TestDamagedFactsProtect checks that the file is readable and protected.
func TestDamagedFactsProtect(t *testing.T) {
	s, rec := finishedIn(t, record(t, avc(4)), "moov first")
	require.NoError(t, SetProtected(s.path(rec), rec.ID, true))
	require.NoError(t, SetProtected(s.path(rec), rec.ID, false))
	require.NoError(t, os.Truncate(factsFile(s, rec), 30))
	entry, err := ReadEntry(s.path(rec))
	require.NoError(t, err)
	require.True(t, entry.Protected)
	require.NoError(t, SetProtected(s.path(rec), rec.ID, false))
	entry, err = ReadEntry(s.path(rec))
	require.NoError(t, err)
	require.False(t, entry.Protected)
}

// TestRecoveryKnowsTheFacts checks a file that was protected while it grew.
func TestRecoveryKnowsTheFacts(t *testing.T) {
	src := record(t, avc(4))
	for _, fragment := range []bool{false, true} {
		s, _ := noted(t, src, media.NewCheckedPool(), fragment, nil)
		name, id := s.path(s.last()), s.last().ID
		require.NoError(t, SetProtected(name, id, true))
		s.drop()
		var found []Repaired
		require.NoError(t, Recover(context.Background(), s.dir, func(r Repaired) { found = append(found, r) }))
		require.NoError(t, s.Close())
		require.Len(t, found, 1)
		require.True(t, found[0].Recording.Protected)
	}
}

// unshared calls change for a recording that no other change touches.
func unshared(_ media.ID, change func() error) error { return change() }
