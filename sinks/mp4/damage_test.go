package mp4

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// killedFile is a growing file with the offsets of its chunks' ends.
type killedFile struct {
	src      *source
	fragment bool
	data     []byte
	ends     []int64 // ends[0] is the begin of the first chunk
}

// older returns the bytes that another recording of the same media left on the disk's blocks: its
// chunks have the same offsets.
func (k killedFile) older(t testing.TB) []byte {
	t.Helper()
	other := grow(t, k.src, k.fragment)
	require.Equal(t, k.ends, other.ends)
	return other.data
}

func grow(t testing.TB, src *source, fragment bool) killedFile {
	t.Helper()
	return growBy(t, src, fragment, time.Second)
}

func growBy(t testing.TB, src *source, fragment bool, flush time.Duration) killedFile {
	t.Helper()
	pool, cfg := media.NewCheckedPool(), Defaults()
	cfg.Fragment, cfg.Sync = fragment, syncNone
	s := newSession(t, cfg, nil)
	require.NoError(t, s.Open(context.Background()))
	set, chunks := src.chunks(t, pool, flush, nil)
	k := killedFile{src: src, fragment: fragment}
	seg := segment(set, 1)
	for i, c := range chunks {
		require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, First: i == 0, Chunk: c}, s.emit))
		if i == 0 {
			k.ends = append(k.ends, s.file.lay.chunksAt)
		}
		k.ends = append(k.ends, s.file.sizeBytes)
	}
	var err error
	k.data, err = os.ReadFile(s.path(s.last()))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Zero(t, pool.Outstanding(), pool.Leaks())
	return k
}

// repaired writes bytes as a killed file and repairs it.
func repaired(t testing.TB, dir string, data []byte) (Repaired, string) {
	t.Helper()
	name := filepath.Join(dir, "x.mp4.part")
	require.NoError(t, os.WriteFile(name, data, 0o600))
	_ = os.Remove(filepath.Join(dir, "x.mp4"))
	r, _ := Repair(name)
	return r, filepath.Join(dir, r.Recording.Path)
}

// TestDamage is a table of damages that disks cause, with the number of chunks that must survive.
func TestDamage(t *testing.T) {
	t.Parallel()
	last := func(k killedFile) (from, to int64) { n := len(k.ends); return k.ends[n-2], k.ends[n-1] }
	killed := map[bool]killedFile{}
	for _, fragment := range []bool{false, true} {
		killed[fragment] = grow(t, record(t, avc(8)), fragment)
	}
	for name, c := range map[string]struct {
		damage func(k killedFile, b []byte) []byte
		lost   func(n int) int // number of lost chunks of n
	}{
		"nothing":          {func(_ killedFile, b []byte) []byte { return b }, func(int) int { return 0 }},
		"last byte gone":   {func(_ killedFile, b []byte) []byte { return b[:len(b)-1] }, func(int) int { return 1 }},
		"zero tail":        {func(_ killedFile, b []byte) []byte { return append(b, make([]byte, 1<<20)...) }, func(int) int { return 0 }},
		"garbage tail":     {func(_ killedFile, b []byte) []byte { return append(b, bytes.Repeat([]byte{0xa5}, 5000)...) }, func(int) int { return 0 }},
		"last chunk zeros": {func(k killedFile, b []byte) []byte { f, e := last(k); clear(b[f:e]); return b }, func(int) int { return 1 }},
		"last payload zeros": {func(k killedFile, b []byte) []byte {
			f, e := last(k)
			clear(b[(f+e)/2 : e])
			return b
		}, func(int) int { return 1 }},
		"flip in the middle":       {func(k killedFile, b []byte) []byte { b[(k.ends[2]+k.ends[3])/2] ^= 1; return b }, func(int) int { return 1 }},
		"flip in the first":        {func(k killedFile, b []byte) []byte { b[(k.ends[0]+k.ends[1])/2] ^= 1; return b }, func(int) int { return 1 }},
		"flip in a moof":           {func(k killedFile, b []byte) []byte { b[k.ends[3]+isobmff.PrftBytes+100] ^= 1; return b }, func(int) int { return 1 }},
		"boxes of the middle gone": {func(k killedFile, b []byte) []byte { clear(b[k.ends[2]:k.ends[3]]); return b }, func(n int) int { return n - 2 }},
		"a chunk of its own again": {func(k killedFile, b []byte) []byte {
			return append(b, b[k.ends[1]:k.ends[2]]...)
		}, func(int) int { return 0 }},
		"the next chunk of an older file": {func(k killedFile, b []byte) []byte {
			return append(b[:k.ends[4]], k.older(t)[k.ends[4]:k.ends[5]]...)
		}, func(n int) int { return n - 4 }},
		"the rest of an older file": {func(k killedFile, b []byte) []byte {
			return append(b[:k.ends[7]], k.older(t)[k.ends[7]:]...)
		}, func(int) int { return 1 }},
		"a chunk of an older file in the middle": {func(k killedFile, b []byte) []byte {
			copy(b[k.ends[2]:k.ends[3]], k.older(t)[k.ends[2]:])
			return b
		}, func(int) int { return 1 }},
	} {
		for _, k := range killed {
			t.Run(name, func(t *testing.T) {
				chunks := len(k.ends) - 1
				r, file := repaired(t, memory(t), c.damage(k, bytes.Clone(k.data)))
				require.NoError(t, r.Err)
				require.Equal(t, media.StateRecovered, r.Recording.State)
				lost := c.lost(chunks)
				if lost > 0 { // the duration of a damaged tail can only be estimated
					require.Positive(t, r.Lost, r.Reason)
				}
				seen := probe(t, file)
				require.Len(t, seen.of(0), 200-25*lost)
				requirePlays(t, file)
				if lost == 1 {
					require.InDelta(t, float64(time.Second), float64(r.Lost), float64(400*time.Millisecond))
				}
				if r.LostBytes > 0 {
					require.NotEmpty(t, r.Reason)
				}
			})
		}
	}
}

// TestDamageCostsTheRestOfItsGOP checks that the chunks after a damaged one, which cannot be decoded
// before the next key frame, are not kept.
func TestDamageCostsTheRestOfItsGOP(t *testing.T) {
	t.Parallel()
	for _, fragment := range []bool{false, true} {
		k := growBy(t, record(t, avc(8)), fragment, 400*time.Millisecond) // 3 chunks a GOP
		b := bytes.Clone(k.data)
		b[(k.ends[6]+k.ends[7])/2] ^= 1 // the first of the third GOP
		r, file := repaired(t, t.TempDir(), b)
		require.NoError(t, r.Err)
		require.InDelta(t, float64(time.Second), float64(r.Lost), float64(100*time.Millisecond))
		seen := probe(t, file)
		require.Len(t, seen.of(0), 175)
		require.Equal(t, byte('K'), seen.of(0)[50].Flags[0])
		requirePlays(t, file)
	}
}

// memory returns a directory in memory if the system has one: otherwise thousands of repairs would
// wait for fsync.
func memory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "mp4")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestTruncationAtEveryByte truncates a file at every byte of its last two chunks' boxes, at steps
// through their payloads, and at every byte of its header.
func TestTruncationAtEveryByte(t *testing.T) {
	t.Parallel()
	for _, fragment := range []bool{false, true} {
		k := grow(t, record(t, avc(4)), fragment)
		dir, n := memory(t), len(k.ends)
		for cut := k.ends[n-3]; cut < k.ends[n-1]; cut++ {
			if cut > k.ends[n-3]+1500 && cut < k.ends[n-2]-20 || cut > k.ends[n-2]+1500 && cut < k.ends[n-1]-20 {
				cut = min(cut+997, k.ends[n-1]-1)
			}
			chunks := int64(n - 3)
			if cut >= k.ends[n-2] {
				chunks++
			}
			r, file := repaired(t, dir, k.data[:cut])
			require.NoError(t, r.Err, "cut at %d", cut)
			require.Equal(t, chunks, (r.Recording.DurationNS+int64(200*time.Millisecond))/int64(time.Second), "cut at %d", cut)
			entry, err := ReadEntry(file)
			require.NoError(t, err)
			require.Equal(t, r.Recording.DurationNS, entry.DurationNS)
		}
		for cut := int64(0); cut < k.ends[0]; cut++ {
			if cut > 200 && cut < k.ends[0]-2000 {
				cut = min(cut+4999, k.ends[0]-1)
			}
			r, _ := repaired(t, dir, k.data[:cut])
			require.NoError(t, r.Err, "cut at %d", cut)
			require.True(t, r.Removed, "cut at %d", cut)
		}
	}
}

// TestFlippedHeaderWithoutItsMoov checks a disk that kept the flip and lost the moov behind it,
// despite the fsync between them.
func TestFlippedHeaderWithoutItsMoov(t *testing.T) {
	k := grow(t, record(t, avc(4)), false)
	b := bytes.Clone(k.data)
	ftyp, _ := isobmff.ParseHeader(b)
	at := int(ftyp.SizeBytes)
	copy(b[at:], []byte{0, 0, 0, 8})
	r, file := repaired(t, t.TempDir(), b)
	require.NoError(t, r.Err)
	require.Zero(t, r.Lost)
	requireSame(t, k.src, file)
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	src := record(t, avc(4))
	foreign, err := os.ReadFile(src.file)
	require.NoError(t, err)
	for name, b := range map[string][]byte{
		"of another program": foreign, "text": bytes.Repeat([]byte("hello "), 1000),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r, _ := repaired(t, dir, b)
			require.Error(t, r.Err)
			left, err := os.ReadFile(filepath.Join(dir, "x.mp4.part"))
			require.NoError(t, err)
			require.Equal(t, b, left)
		})
	}
}

// closed is a disk with unreadable directories.
type closed struct {
	disk.FS
	dirs map[string]error
}

func (c closed) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := c.dirs[name]; err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return c.FS.ReadDir(name)
}

// TestRecoverySkipsUnreadableDirectories checks that recovery skips root's lost+found, which exists if
// record_path is the root of a disk, and that it reports a damaged directory and recovers the files
// of the others.
func TestRecoverySkipsUnreadableDirectories(t *testing.T) {
	dir := t.TempDir()
	b := grow(t, record(t, avc(4)), false).data
	for _, sub := range []string{"a", "broken", "lost+found", "z"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, sub), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, sub, "x.mp4"+media.PartSuffix), b, 0o600))
	}
	d, err := disk.Open(dir)
	require.NoError(t, err)
	defer d.Close()
	var found []string
	recovered := func(dirs map[string]error) error {
		return recoverDir(t.Context(), closed{d, dirs}, dir, func(r Repaired) {
			require.NoError(t, r.Err)
			found = append(found, r.File)
		})
	}
	err = recovered(map[string]error{"lost+found": fs.ErrPermission, "broken": unix.EIO})
	require.ErrorIs(t, err, unix.EIO)
	require.ErrorContains(t, err, "broken")
	require.Equal(t, []string{"a/x.mp4.part", "z/x.mp4.part"}, found)
	require.NoError(t, recovered(map[string]error{"lost+found": fs.ErrPermission}))
	require.Equal(t, []string{"a/x.mp4.part", "z/x.mp4.part", "broken/x.mp4.part"}, found)
	require.ErrorIs(t, recovered(map[string]error{".": fs.ErrPermission}), fs.ErrPermission)
}

func TestRecoveryLeavesFilesOfLiveWritersAlone(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	s := newSession(t, Defaults(), nil)
	set, chunks := src.chunks(t, pool, time.Second, nil)
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, chunks))
	name := filepath.Join(s.dir, s.last().Path)
	require.NoError(t, Recover(context.Background(), s.dir, func(r Repaired) { t.Errorf("touched %v", r) }))
	disk.Unregister(name) // as seen from another process: only the lock is left
	require.NoError(t, Recover(context.Background(), s.dir, func(r Repaired) { t.Errorf("touched %v", r) }))
	_, err := Repair(name)
	require.ErrorIs(t, err, disk.ErrOwned)
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	requireSame(t, src, s.path(s.last()))
}
