package retention

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// growingFile is a file that a recorder writes chunk by chunk.
type growingFile struct {
	r            *fixture
	name, stream string
	size         int64
}

const chunk = 256 << 10

func (r *fixture) tape(name, stream string) *growingFile {
	r.t.Helper()
	f := &growingFile{r, name, stream, 0}
	r.put(f.part(), stream, 0, 8192, func(rec *media.Recording) { rec.State = media.StateRecording })
	r.written[f.part()] = true
	f.size = 8192
	f.tell()
	r.lookIfWoken()
	return f
}

func (f *growingFile) part() string { return f.name + media.PartSuffix }

func (f *growingFile) tell() { f.r.k.Grew(f.r.path(f.part()), f.stream, f.size) }

// grow writes chunks; the keeper looks only when it is woken.
func (f *growingFile) grow(chunks int) {
	f.r.t.Helper()
	for range chunks {
		file, err := os.OpenFile(f.r.path(f.part()), os.O_WRONLY|os.O_APPEND, 0)
		require.NoError(f.r.t, err)
		_, err = file.Write(make([]byte, chunk))
		require.NoError(f.r.t, err)
		require.NoError(f.r.t, file.Close())
		f.size += chunk
		f.tell()
		f.r.lookIfWoken()
	}
}

// finish renames the file and writes a finished state.
func (f *growingFile) finish() {
	f.r.t.Helper()
	require.NoError(f.r.t, os.Remove(f.r.path(f.part())))
	f.r.put(f.name, f.stream, 0, f.size)
	delete(f.r.written, f.part())
	f.r.k.Closed(f.r.path(f.part()), f.r.path(f.name))
}

func (r *fixture) lookIfWoken() {
	r.t.Helper()
	for {
		select {
		case <-r.k.wake:
			r.look(time.Millisecond)
		default:
			return
		}
	}
}

// sum returns the length of all files.
func (r *fixture) sum() (n int64) {
	for _, name := range r.files() {
		info, err := os.Stat(r.path(name))
		require.NoError(r.t, err)
		n += info.Size()
	}
	return n
}

// entriesRead counts the files that are opened.
func (r *fixture) entriesRead() *int {
	n, read := new(int), r.k.index.read.Entry
	r.k.index.read.Entry = func(path string) (media.Recording, error) { *n++; return read(path) }
	return n
}

// TestMaxBytesAreCountedAsFilesGrow checks that the limit holds while files grow between two
// looks, without a scan.
func TestMaxBytesAreCountedAsFilesGrow(t *testing.T) {
	r := newFixture(t, limits(Limits{MaxBytes: 10 * mib}))
	for n := range 50 { // older footage, which must not be opened again
		r.put(number(n), "live/old", 0, 4096, protected)
	}
	r.look(0)
	r.look(time.Second)
	scanned, opened, files := r.k.scanned, r.entriesRead(), 0
	for n := range 8 {
		a, b := r.tape(number(1000+2*n), "live/a"), r.tape(number(1001+2*n), "live/b")
		files += 2
		for range 8 {
			a.grow(1)
			require.LessOrEqual(t, r.sum(), 10*int64(mib)+2*chunk)
			b.grow(1)
			require.LessOrEqual(t, r.sum(), 10*int64(mib)+2*chunk)
		}
		a.finish()
		b.finish()
	}
	require.Greater(t, r.sum(), 7*int64(mib), "no more goes than is needed")
	require.Contains(t, r.files(), number(1015))
	require.NotContains(t, r.files(), number(1000))
	require.Equal(t, scanned, r.k.scanned)
	require.LessOrEqual(t, *opened, 3*files, "each file when it comes, is finished and goes")

	r.k.takeNotices(r.now)
	before := r.k.totals
	require.NoError(t, r.k.refresh(t.Context(), r.now))
	require.Equal(t, before.all, r.k.totals.all, "the account is what a scan finds")
	require.Equal(t, before.byStream["live/a"], r.k.totals.byStream["live/a"])
}

func TestMaxBytesOfAStreamAreCountedAsFilesGrow(t *testing.T) {
	r := newFixture(t, Policy{Streams: map[string]StreamPolicy{"live/a": {Limits: Limits{MaxBytes: 4 * mib}}}})
	r.look(0)
	for n := range 20 {
		a, b := r.tape(number(2*n), "live/a"), r.tape(number(2*n+1), "live/b")
		a.grow(3)
		b.grow(3)
		a.finish()
		b.finish()
		require.LessOrEqual(t, r.k.totals.byStream["live/a"]+r.k.ledger.since.byStream["live/a"], int64(4*mib))
	}
	r.look(0)
	require.Equal(t, int64(20*(8192+3*chunk)), r.k.totals.byStream["live/b"])
}

// TestTheDiskStaysWithinItsMarksAtAnyRate checks that the marks hold when the disk fills faster
// than before, without waiting for the next look.
func TestTheDiskStaysWithinItsMarksAtAnyRate(t *testing.T) {
	for name, policy := range map[string]Policy{
		"disk_max_percent":         {DiskMaxPercent: 80},
		"min_free_bytes":           limits(Limits{MinFreeBytes: 20 * mib}),
		"min_free_bytes of stream": {Streams: map[string]StreamPolicy{"live/cam": {Limits: Limits{MinFreeBytes: 20 * mib}}}},
	} {
		r := newFixture(t, policy)
		r.other = 65 * mib
		r.look(0)
		for n := range 16 {
			f := r.tape(number(n), "live/cam")
			f.grow(6)
			space, err := r.disk("")
			require.NoError(t, err)
			require.LessOrEqual(t, space.UsedBytes(), int64(80*mib+chunk), name)
			f.finish()
		}
		space, _ := r.disk("")
		require.Greater(t, space.UsedBytes(), int64(60*mib), "%s: no more goes than is needed", name)
	}
}

// TestOneFileThatIsTooLongForItsLimit checks that the recording stops when all files are growing,
// and that the keeper is not woken repeatedly until then.
func TestOneFileThatIsTooLongForItsLimit(t *testing.T) {
	r := newFixture(t, limits(Limits{MaxBytes: 2 * mib}))
	r.running = []string{"live/a"}
	r.look(0)
	r.put("kept.mp4", "live/a", time.Hour, 4096, protected)
	f := r.tape("a.mp4", "live/a")
	for len(r.running) > 0 {
		f.grow(1)
		r.look(time.Second)
	}
	require.LessOrEqual(t, f.size, int64(3*mib))
	require.True(t, r.says("recording stopped: there is no room"))
	f.grow(4) // chunks that were in flight
	select {
	case <-r.k.wake:
		require.Fail(t, "woken for what it cannot help")
	default:
	}
	f.finish()
	r.look(time.Second)
	require.Equal(t, []string{"kept.mp4"}, r.files(), "the oldest goes, and it is the only one")
}

// TestChangesByOthersNeedNoScan checks that deletions by the API and finished files need no
// scan.
func TestChangesByOthersNeedNoScan(t *testing.T) {
	r := newFixture(t, limits(Limits{MaxBytes: 20 * mib}))
	for n := range 4 {
		r.put(number(n), "live/a", time.Hour, mib)
	}
	r.look(0)
	require.NoError(t, os.Remove(r.path(number(0))))
	r.put(number(9), "live/b", time.Hour, 2*mib)
	r.k.Changed(number(0), number(9), "", "../x")
	f := r.tape(number(5), "live/a")
	f.grow(1)
	require.NoError(t, os.Remove(r.path(f.part()))) // the recorder gave it up
	r.k.Closed(r.path(f.part()), r.path(f.part()))
	r.look(time.Second)
	require.Equal(t, int64(5*mib), r.k.totals.all)
	require.Equal(t, int64(3*mib), r.k.totals.byStream["live/a"])
	r.k.Grew("/elsewhere/a.mp4.part", "live/a", 99*mib)
	r.k.Closed("/elsewhere/a.mp4.part", "/elsewhere/a.mp4")
	r.look(time.Second)
	require.Equal(t, int64(5*mib), r.k.totals.all)
	require.NoError(t, os.Symlink("live", r.path("link")))
	r.k.Grew(r.path("link/cam/000001.mp4"), "live/a", 99*mib)
	r.k.Changed("link/cam/000002.mp4")
	r.look(time.Second)
	require.Equal(t, int64(5*mib), r.k.totals.all, "a scan does not follow it either")
	r.k.Changed("link/cam/000001.mp4")
	require.Empty(t, r.k.ledger.open)
	require.Empty(t, r.k.ledger.ahead.byStream)
}

// TestNoticesWithoutAPolicyAreNotKept checks that notices are dropped without a policy, since no
// keeper would take them.
func TestNoticesWithoutAPolicyAreNotKept(t *testing.T) {
	r := newFixture(t, Policy{})
	r.k.Grew(r.path("a.mp4.part"), "live/a", 1)
	r.k.Closed(r.path("a.mp4.part"), r.path("a.mp4"))
	r.k.Changed("b.mp4")
	require.Empty(t, r.k.ledger.open)
	require.Empty(t, r.k.ledger.again)
}

func TestANoticeAllocatesNothing(t *testing.T) {
	r := newFixture(t, limits(Limits{MaxBytes: 1 << 40}))
	r.look(0)
	path, size := r.path("live/a.mp4.part"), int64(0)
	r.k.Grew(path, "live/a", size)
	require.Zero(t, testing.AllocsPerRun(100, func() { size += chunk; r.k.Grew(path, "live/a", size) }))
}
