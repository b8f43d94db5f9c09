package mp4

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/isobmff"
	samples "github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/facts"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// built returns the index that is built from a file.
func built(t *testing.T, file string) ([]byte, *samples.Index) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	entry, err := ReadEntry(file)
	require.NoError(t, err)
	text, err := sampleindex.Build(bytes.NewReader(data), samples.Source{Recording: entry.ID, Bytes: info.Size(), ModifiedNS: sampleindex.Modified(info)})
	require.NoError(t, err)
	x, err := samples.Open(bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	return text, x
}

// indexFile returns the path of a recording's index.
func indexFile(dir string, id media.ID) string {
	return filepath.Join(dir, sampleindex.Directory, id.String()[:6], id.String())
}

// requireIndexed compares an index with the packets that ffprobe reads from the file: times, sizes,
// offsets and sync samples.
func requireIndexed(t *testing.T, what, file string, x *samples.Index) {
	t.Helper()
	got := probeBoxes(t, file)
	require.Len(t, x.Tracks, len(got.Streams), what)
	for i := range x.Tracks {
		read, err := x.Append(nil, i, 0, x.Tracks[i].Samples)
		require.NoError(t, err)
		packets := got.of(i)
		require.Len(t, read, len(packets), "%s: track %d", what, i)
		for k, p := range packets {
			s := &read[k]
			at, size := strconv.FormatInt(s.At, 10), strconv.FormatUint(uint64(s.SizeBytes), 10)
			require.Equal(t, []any{p.Pos, p.Size, p.Flags[0] == 'K', p.PTS - p.DTS}, []any{at, size, s.Sync, int64(s.OffsetTicks)}, "%s: track %d, sample %d", what, i, k)
			require.InDelta(t, p.DTS, s.DTS, 1, "%s: DTS of track %d, sample %d", what, i, k)
		}
	}
}

// TestAnIndexMatchesTheFile checks each form and each codec. The index written when a
// file is finished or recovered must equal the one built from the file.
func TestAnIndexMatchesTheFile(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]*source{"avc": record(t, avc(8)), "hevc": record(t, hevc(8))} {
		for form, file := range everyForm(t, src, time.Second) {
			text, x := built(t, file)
			requireIndexed(t, name+", "+form, file, x)
			root, err := facts.Root(file, disk.IdentityFile)
			require.NoError(t, err)
			if form[:8] != "finished" { // the others are in no record directory
				require.NoDirExists(t, filepath.Join(root, sampleindex.Directory))
				continue
			}
			kept, err := os.ReadFile(indexFile(root, x.Source.Recording))
			require.NoError(t, err, "%s, %s", name, form)
			require.Equal(t, text, kept, "%s, %s", name, form)
		}
	}
}

// TestRecoveryKeepsAnIndex checks recovery, and a repair in the record directory.
func TestRecoveryKeepsAnIndex(t *testing.T) {
	src := record(t, avc(4))
	for _, fragment := range []bool{false, true} {
		for _, one := range []bool{false, true} {
			pool, cfg := media.NewCheckedPool(), Defaults()
			cfg.Fragment, cfg.FilenamePattern = fragment, "{stream_path}/{seq}.mp4"
			s := newSession(t, cfg, nil)
			set, chunks := src.chunks(t, pool, time.Second, nil)
			require.NoError(t, s.Open(context.Background()))
			require.NoError(t, s.put(segment(set, 1), chunks))
			require.NoError(t, s.Close())
			if part := s.path(s.last()); one {
				_, err := Repair(part)
				require.NoError(t, err)
			} else {
				require.NoError(t, Recover(context.Background(), s.dir, func(r Repaired) { require.NoError(t, r.Err) }))
			}
			file := filepath.Join(s.dir, files(s.dir)[0])
			text, x := built(t, file)
			requireIndexed(t, "recovered", file, x)
			kept, err := os.ReadFile(indexFile(s.dir, s.last().ID))
			require.NoError(t, err)
			require.Equal(t, text, kept)
		}
	}
}

// TestAnIndexOfTracksThatBeginLate checks tracks behind an empty edit in the finished file.
func TestAnIndexOfTracksThatBeginLate(t *testing.T) {
	t.Parallel()
	src := record(t, avc(8))
	for name, only := range map[string]func(unit) bool{
		"sound late":    func(u unit) bool { return u.track == 0 || u.au.MonoNS > 3e9 },
		"pictures late": func(u unit) bool { return u.track == 1 || u.au.MonoNS >= 2.9e9 },
		"no sound":      func(u unit) bool { return u.track == 0 },
	} {
		for _, fragment := range []bool{false, true} {
			pool, cfg := media.NewCheckedPool(), Defaults()
			cfg.Fragment = fragment
			s := newSession(t, cfg, nil)
			set, chunks := src.chunks(t, pool, time.Second, only)
			s.write(t, pool, segment(set, 1), chunks)
			text, x := built(t, s.path(s.last()))
			kept, err := os.ReadFile(indexFile(s.dir, s.last().ID))
			require.NoError(t, err)
			require.Equal(t, text, kept, name)
			if name != "no sound" { // ffprobe shows a track without samples in a fragmented file
				requireIndexed(t, name, s.path(s.last()), x)
			}
		}
	}
}

// TestAnIndexIsMadeAgain checks an index that is missing, damaged, of an older state of the file or
// of another recording.
func TestAnIndexIsMadeAgain(t *testing.T) {
	s, rec := finishedIn(t, record(t, avc(4)), "moov first")
	name := indexFile(s.dir, rec.ID)
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	f, err := os.Open(s.path(rec))
	require.NoError(t, err)
	defer f.Close()
	older := bytes.Clone(want)
	var e samples.Encoder
	stale, err := e.Finish(samples.Source{Recording: rec.ID, Bytes: rec.SizeBytes, Moov: 1})
	require.NoError(t, err)
	older[8]++
	for how, text := range map[string][]byte{
		"missing": nil, "empty": {}, "torn": want[:len(want)/2], "another version": older, "another moov": stale,
	} {
		require.NoError(t, os.Remove(name))
		if text != nil {
			require.NoError(t, os.WriteFile(name, text, 0o600))
		}
		x, err := sampleindex.In(s.dir).Open(f, rec.ID)
		require.NoError(t, err, how)
		require.NoError(t, x.Check())
		require.NoError(t, x.Close())
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, got, how)
	}
}

// TestTheIndexGoesWithItsRecording checks that it is removed when the recording is deleted, and when
// no catalogue knows the recording.
func TestTheIndexGoesWithItsRecording(t *testing.T) {
	s, rec := finishedIn(t, record(t, avc(4)), "fragmented")
	require.FileExists(t, indexFile(s.dir, rec.ID))
	removed, err := ForgetOrphans(s.dir, func(media.ID) (bool, error) { return true, nil }, unshared)
	require.NoError(t, err)
	require.Zero(t, removed)
	require.FileExists(t, indexFile(s.dir, rec.ID))
	require.NoError(t, Forget(s.dir, rec.ID))
	require.NoDirExists(t, filepath.Dir(indexFile(s.dir, rec.ID)))
	require.NoError(t, rebuildIndex(s.dir, s.path(rec), rec.ID))
	removed, err = ForgetOrphans(s.dir, func(media.ID) (bool, error) { return false, nil }, unshared)
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	require.NoFileExists(t, indexFile(s.dir, rec.ID))
}

// TestAnIndexThatCannotBeWrittenCostsNoRecording checks that the file is finished and announced
// without it.
func TestAnIndexThatCannotBeWrittenCostsNoRecording(t *testing.T) {
	s := newSession(t, Defaults(), nil)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, sampleindex.Directory), nil, 0o600))
	rec := s.record(t, record(t, avc(4)), media.NewCheckedPool(), nil)
	require.Equal(t, media.StateFinished, rec.State)
	requirePlays(t, s.path(rec))
}

// TestAnIndexOfAFileThatStaysAsItGrew checks a file without room for a sidx or a final moov.
func TestAnIndexOfAFileThatStaysAsItGrew(t *testing.T) {
	s := newSession(t, Defaults(), nil)
	set, chunks := synthetic{fps: 30, gop: 30, picture: 500, sound: true, flush: time.Second, chunks: 5}.make(t, media.NewCheckedPool())
	require.NoError(t, s.Open(t.Context()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, chunks))
	f := s.file
	f.conclude(media.StateFinished, endcause.Stop)
	_, err := f.finishAsGrown()
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(s.dir, f.name))
	require.NoError(t, err)
	text, err := f.sampleIndex(seg.ID, sampleindex.Modified(info))
	require.NoError(t, err)
	again, x := built(t, filepath.Join(s.dir, f.name))
	require.Equal(t, again, text)
	require.NoError(t, x.Check())
	require.EqualValues(t, f.units, x.Tracks[0].Samples+x.Tracks[1].Samples)
	require.Equal(t, isobmff.FourCC([]byte("soun")), x.Tracks[1].Handler)
	require.NoError(t, s.Close())
}

// TestTheIndexOfFootageOfAnEncoder checks the size that package index documents for H.264 with
// B-frames and AAC, in bytes an access unit beyond the fixed size of an index.
func TestTheIndexOfFootageOfAnEncoder(t *testing.T) {
	t.Parallel()
	for form, file := range everyForm(t, record(t, avc(8)), time.Second) {
		text, x := built(t, file)
		units := x.Tracks[0].Samples + x.Tracks[1].Samples
		each := float64(len(text)-68-2*130) / float64(units)
		t.Logf("%s: %.2f bytes an access unit of %d, %d bytes", form, each, units, len(text))
		require.LessOrEqual(t, each, 2.0, form)
	}
}

// TestAnIndexStaysInTheDirectoryThatIsOpen checks a path that leads elsewhere when the file is
// finished.
func TestAnIndexStaysInTheDirectoryThatIsOpen(t *testing.T) {
	s, pool, src := newSession(t, Defaults(), nil), media.NewCheckedPool(), record(t, avc(4))
	set, chunks := src.chunks(t, pool, time.Second, nil)
	seg := segment(set, 1)
	require.NoError(t, s.Open(context.Background()))
	require.NoError(t, s.put(seg, chunks))
	away, elsewhere := s.dir+".away", t.TempDir()
	require.NoError(t, os.Rename(s.dir, away))
	require.NoError(t, os.Symlink(elsewhere, s.dir))
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	left, err := os.ReadDir(elsewhere)
	require.NoError(t, err)
	require.Empty(t, left)
	require.FileExists(t, filepath.Join(away, s.last().Path))
	require.FileExists(t, indexFile(away, s.last().ID))
}

// TestALinkInThePlaceOfAnIndexIsNotFollowed checks that the index is built in memory or replaces the
// link.
func TestALinkInThePlaceOfAnIndexIsNotFollowed(t *testing.T) {
	s, rec := finishedIn(t, record(t, avc(4)), "moov first")
	f, err := os.Open(s.path(rec))
	require.NoError(t, err)
	defer f.Close()
	name, outside := indexFile(s.dir, rec.ID), t.TempDir()
	for _, planted := range []string{name, filepath.Dir(name), filepath.Join(s.dir, sampleindex.Directory)} {
		require.NoError(t, os.RemoveAll(planted))
		require.NoError(t, os.Symlink(outside, planted))
		x, err := sampleindex.In(s.dir).Open(f, rec.ID)
		require.NoError(t, err, planted)
		require.NoError(t, x.Check())
		require.Equal(t, planted == name, x.Unkept == nil)
		require.NoError(t, x.Close())
		left, err := os.ReadDir(outside)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}
