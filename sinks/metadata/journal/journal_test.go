package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/sinks/metadata/row"
)

// journalOf opens a journal with a constant clock, and collects the changes that it delivers.
func journalOf(t *testing.T, dir string) (*Journal, Replayed, *[]Change) {
	t.Helper()
	j, old, err := Open(durable.Disk{}, dir, func() int64 { return 1000 })
	require.NoError(t, err)
	var got []Change
	j.deliver = func(ops []Change) { got = append(got, ops...) }
	t.Cleanup(func() { _ = j.Close() })
	return j, old, &got
}

// recording returns the nth recording of a stream.
func recording(n int, stream string) media.Recording {
	start := time.Date(2026, 11, 1, 0, n, 0, 0, time.UTC)
	return media.Recording{
		ID: media.NewID(start), Stream: stream, Pipeline: "main", Path: fmt.Sprintf("%s/%d.mp4", stream, n), State: media.StateFinished,
		StartUTC: start.UnixNano(), EndUTC: start.Add(time.Minute).UnixNano(), DurationNS: int64(time.Minute), SizeBytes: 1 << 20,
	}
}

func add(t *testing.T, j *Journal, n int) int64 {
	t.Helper()
	r, err := row.Of(recording(n, "live/a"), "node1")
	require.NoError(t, err)
	rev, err := j.Append(Put, r, 0)
	require.NoError(t, err)
	return rev
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+fileSuffix))
	require.NoError(t, err)
	return names
}

func TestJournalReplaysAppendedChangesInOrder(t *testing.T) {
	dir := t.TempDir()
	j, _, got := journalOf(t, dir)
	var last int64
	for n := range 20 {
		rev := add(t, j, n)
		require.Greater(t, rev, last, "revisions grow though the clock stands")
		last = rev
	}
	require.NoError(t, j.Close())
	k, old, _ := journalOf(t, dir)
	require.Equal(t, *got, old.Changes)
	require.Zero(t, old.DamagedBytes)
	require.Equal(t, j.id, k.id, "the journal keeps its name over a restart")
	require.Greater(t, add(t, k, 1), last, "and its revisions")
	require.Len(t, files(t, dir), 2, "a file of an earlier process is not appended to")
}

func TestConcurrentAppendsShareWritesAndKeepOrder(t *testing.T) {
	dir := t.TempDir()
	j, _, got := journalOf(t, dir)
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() { add(t, j, n) })
	}
	wg.Wait()
	require.Len(t, *got, 64)
	for i := 1; i < 64; i++ {
		require.Greater(t, (*got)[i].Revision, (*got)[i-1].Revision)
	}
	require.NoError(t, j.Close())
	_, old, _ := journalOf(t, dir)
	require.Equal(t, *got, old.Changes)
}

func TestAppliedFilesGoAndTheNewestStays(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := journalOf(t, dir)
	var revs []int64
	for n := range 4 {
		revs = append(revs, add(t, j, n))
		j.fileBytes = RotateBytes // the next append begins a file
	}
	require.Len(t, files(t, dir), 4)
	require.NoError(t, j.Trim(func(int64) int64 { return revs[1] }))
	require.Len(t, files(t, dir), 2)
	require.NoError(t, j.Trim(func(int64) int64 { return revs[3] }))
	require.Len(t, files(t, dir), 1)
	require.NoError(t, j.Close())
	k, _, _ := journalOf(t, dir)
	require.Greater(t, add(t, k, 9), revs[3])
}

// TestDamageCostsOnlyTheRecordsItHits is a table of damages, with the number of the ten records
// that must be read afterwards.
func TestDamageCostsOnlyTheRecordsItHits(t *testing.T) {
	for name, tc := range map[string]struct {
		damage func(b []byte, at []int) []byte // at: offset of each record
		want   int
		whole  bool // no damage to report
	}{
		"none":                     {func(b []byte, _ []int) []byte { return b }, 10, true},
		"empty file":               {func([]byte, []int) []byte { return nil }, 0, true},
		"header cut":               {func(b []byte, _ []int) []byte { return b[:headerBytes-1] }, 0, false},
		"header only":              {func(b []byte, _ []int) []byte { return b[:headerBytes] }, 0, true},
		"last record cut by one":   {func(b []byte, _ []int) []byte { return b[:len(b)-1] }, 9, false},
		"last record's head cut":   {func(b []byte, at []int) []byte { return b[:at[9]+5] }, 9, false},
		"last record's marker":     {func(b []byte, at []int) []byte { return b[:at[9]+1] }, 9, false},
		"zero tail":                {func(b []byte, at []int) []byte { clear(b[at[8]+30:]); return b }, 8, false},
		"zeros behind":             {func(b []byte, _ []int) []byte { return append(b, make([]byte, 4096)...) }, 10, false},
		"bit in a body":            {func(b []byte, at []int) []byte { b[at[4]+60] ^= 1; return b }, 9, false},
		"bit in a length":          {func(b []byte, at []int) []byte { b[at[4]+4] ^= 1; return b }, 9, false},
		"length beyond the file":   {func(b []byte, at []int) []byte { b[at[4]+6] = 0xf; return b }, 9, false},
		"length beyond all bounds": {func(b []byte, at []int) []byte { b[at[4]+7] = 0xff; return b }, 9, false},
		"bit in a checksum":        {func(b []byte, at []int) []byte { b[at[0]+8] ^= 1; return b }, 9, false},
		"bit in a revision":        {func(b []byte, at []int) []byte { b[at[3]+12] ^= 1; return b }, 9, false},
		"bit in a kind":            {func(b []byte, at []int) []byte { b[at[3]+20] ^= 2; return b }, 9, false},
		"marker gone":              {func(b []byte, at []int) []byte { b[at[5]] = 'x'; return b }, 9, false},
		"header damaged":           {func(b []byte, _ []int) []byte { b[3] ^= 1; return b }, 10, false},
		"a block of zeros":         {func(b []byte, at []int) []byte { clear(b[at[2]+3 : at[5]+3]); return b }, 6, false},
		"a record twice":           {func(b []byte, at []int) []byte { return append(b, b[at[9]:]...) }, 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j, _, _ := journalOf(t, dir)
			for n := range 10 {
				add(t, j, n)
			}
			require.NoError(t, j.Close())
			path := files(t, dir)[0]
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, tc.damage(b, begins(b)), 0o600))
			_, old, _ := journalOf(t, dir)
			require.Len(t, old.Changes, tc.want)
			require.Equal(t, tc.whole, old.DamagedBytes == 0)
			require.Equal(t, tc.whole, len(old.Notes) == 0)
		})
	}
}

func begins(b []byte) (at []int) {
	for i := 0; i < len(b); i++ {
		if bytes.HasPrefix(b[i:], recordMarker) {
			at = append(at, i)
		}
	}
	return at
}

// TestChangesOfANewerVersionAreKeptAndAreNoDamage covers records of an unknown kind, records whose
// row cannot be read, and a file of another format.
func TestChangesOfANewerVersionAreKeptAndAreNoDamage(t *testing.T) {
	reseal := func(b []byte, at []int) []byte {
		binary.LittleEndian.PutUint32(b[at[2]+8:], recordSum(b[at[2]:at[3]]))
		return b
	}
	for name, tc := range map[string]struct {
		write  func(b []byte, at []int) []byte
		format bool
	}{
		"kind": {write: func(b []byte, at []int) []byte { b[at[2]+20] = 99; return reseal(b, at) }},
		"row": {write: func(b []byte, at []int) []byte {
			copy(b[at[2]:at[3]], bytes.Replace(b[at[2]:at[3]], []byte(`{"id":"`), []byte(`{"ID":[0`), 1)[:at[3]-at[2]])
			b[at[3]-1] = '}'
			return reseal(b, at)
		}},
		"format": {format: true, write: func(b []byte, _ []int) []byte {
			b[7] = '2'
			binary.LittleEndian.PutUint32(b[32:], crc32.Checksum(b[:32], castagnoli))
			return b
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j, _, _ := journalOf(t, dir)
			var revs []int64
			for n := range 5 {
				revs = append(revs, add(t, j, n))
			}
			require.NoError(t, j.Close())
			path := files(t, dir)[0]
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			newer := tc.write(b, begins(b))
			require.NoError(t, os.WriteFile(path, newer, 0o600))

			k, old, _ := journalOf(t, dir)
			require.Zero(t, old.DamagedBytes, old.Notes)
			require.Len(t, old.NewerNotes, 1)
			require.ErrorContains(t, fmt.Errorf("%s", old.NewerNotes[0]), filepath.Base(path))
			if tc.format {
				require.Empty(t, old.Changes)
				require.Equal(t, int64(math.MaxInt64), old.Newer)
			} else {
				require.Len(t, old.Changes, 4)
				require.Equal(t, revs[2], old.Newer)
			}
			require.Equal(t, j.id, k.id)
			next := add(t, k, 9)
			require.Greater(t, next, revs[0])
			k.fileBytes = RotateBytes
			add(t, k, 10)
			below := revs[2] - 1
			if tc.format {
				below = next
			}
			require.NoError(t, k.Trim(func(int64) int64 { return below }))
			kept, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, newer, kept, "byte for byte")
		})
	}
}

// TestEveryTornLengthIsRead cuts the file at every byte: the records before the cut are read, and
// a process can go on from any such file.
func TestEveryTornLengthIsRead(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := journalOf(t, dir)
	for n := range 3 {
		add(t, j, n)
	}
	require.NoError(t, j.Close())
	b, err := os.ReadFile(files(t, dir)[0])
	require.NoError(t, err)
	ends := append(begins(b)[1:], len(b))
	for n := range len(b) {
		torn := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(torn, filepath.Base(files(t, dir)[0])), b[:n], 0o600))
		want := 0
		for _, end := range ends {
			if n >= end {
				want++
			}
		}
		k, old, err := Open(durable.Disk{}, torn, func() int64 { return 2000 })
		require.NoError(t, err)
		require.Len(t, old.Changes, want, "cut at %d", n)
		require.NoError(t, k.Close())
	}
}

func TestAJournalThatCannotBeWrittenStillDelivers(t *testing.T) {
	dir := t.TempDir()
	j, _, got := journalOf(t, dir)
	add(t, j, 1)
	// A descriptor that cannot be written stands for a disk that fails.
	broken, err := os.Open(files(t, dir)[0])
	require.NoError(t, err)
	whole := j.file
	j.file = broken
	r, err := row.Of(recording(2, "live/a"), "node1")
	require.NoError(t, err)
	_, err = j.Append(Put, r, 0)
	require.ErrorIs(t, err, ErrNotDurable)
	require.ErrorIs(t, err, unix.EBADF)
	require.ErrorContains(t, err, "offset")
	require.NoError(t, whole.Close())
	require.Len(t, *got, 2, "delivered all the same")
	add(t, j, 3) // the next write repeats the failed one, into a new file
	failures, _, now := j.Health()
	require.EqualValues(t, 1, failures)
	require.NoError(t, now)
	require.NoError(t, j.Close())
	_, old, _ := journalOf(t, dir)
	require.Equal(t, *got, old.Changes)
}

func TestAClosedJournalTakesNothing(t *testing.T) {
	j, _, _ := journalOf(t, t.TempDir())
	require.NoError(t, j.Close())
	r, err := row.Of(recording(1, "live/a"), "node1")
	require.NoError(t, err)
	_, err = j.Append(Put, r, 0)
	require.ErrorIs(t, err, ErrClosed)
}

// The journal consists of record heads, each of which overlaps many others.
func TestTheCostOfAJournalIsProportional(t *testing.T) {
	pipelinetest.Proportional(t, 64<<10, 0, func(n int) int64 {
		var b []byte
		for len(b) < n {
			b = append(append(b, recordMarker...), binary.LittleEndian.AppendUint32(nil, uint32(max(n/2, 64)))...)
			b = append(b, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, byte(Put), '{', '}', '}')
		}
		body := int(binary.LittleEndian.Uint32(b[4:]))
		for at := 0; at+recordHeadBytes+body <= len(b); at += 24 {
			b[at+recordHeadBytes+body-1] = '}'
		}
		spare := 16 * (len(b) + maxBodyBytes)
		damaged, left := scanWithin(b, spare, func(Change) { t.Error("no record is there") })
		require.Equal(t, len(b), damaged)
		require.LessOrEqual(t, spare-left, spare+len(b))
		return int64(spare - left)
	})
}

func FuzzScanRecords(f *testing.F) {
	r, _ := row.Of(recording(1, "live/a"), "node1")
	o := Change{Revision: 5, Kind: Put, Row: r}
	one, _ := appendRecord(nil, o)
	f.Add(one)
	f.Add(append(one[:40:40], one...))
	f.Add([]byte("rec\nrec\nrec\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		total := int64(0)
		damaged := scanRecords(b, func(o Change) {
			total += o.SizeBytes
			if o.Row == nil { // a newer version's change
				return
			}
			again, err := appendRecord(nil, o)
			require.NoError(t, err)
			spare := 0
			same, _, ok := readRecord(again, &spare)
			require.True(t, ok)
			require.Equal(t, o.Revision, same.Revision)
		})
		require.Equal(t, int64(len(b)), total+int64(damaged), "every byte is read or counted")
		_, _, _, _ = parseHeader(b)
	})
}
