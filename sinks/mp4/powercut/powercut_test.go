package powercut

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// contents returns every state of a disk as "name=bytes name=bytes".
func contents(d *Disk, random int) (out []string) {
	for s := range d.States(Options{Seed: 1, Random: random}) {
		var files []string
		for name, b := range s.Disk.Files() {
			files = append(files, name+"="+strings.ReplaceAll(string(b), "\x00", "0"))
		}
		slices.Sort(files)
		out = append(out, strings.Join(files, " "))
	}
	return out
}

func write(t *testing.T, d *Disk, name, text string) *File {
	t.Helper()
	f, err := d.Create(name)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte(text), 0)
	require.NoError(t, err)
	return f
}

func TestNothingIsOwedWithoutASync(t *testing.T) {
	d := New()
	write(t, d, "a", "xy")
	require.ElementsMatch(t, []string{"", "a=", "a=00", "a=xy"}, contents(d, 50))
}

func TestASyncOwesBytesAndTheDirectoryOwesNames(t *testing.T) {
	d := New()
	f := write(t, d, "a", "xy")
	require.NoError(t, f.Sync())
	d.Note("bytes")
	for s := range d.States(Options{Random: 50}) {
		for _, b := range s.Disk.Files() {
			require.True(t, len(s.Notes) == 0 || string(b) == "xy", "%q", b)
		}
	}
	require.Contains(t, contents(d, 0), "", "the name may be missing still")
	require.NoError(t, d.SyncDir("."))
	d.Note("name")
	for s := range d.States(Options{Random: 50}) {
		if len(s.Notes) == 2 {
			require.Equal(t, map[string][]byte{"a": []byte("xy")}, s.Disk.Files())
		}
	}
}

func TestARenameIsOneOrTheOther(t *testing.T) {
	d := New()
	require.NoError(t, write(t, d, "a", "x").Sync())
	require.NoError(t, d.SyncDir("."))
	d.Note("there")
	require.NoError(t, d.Rename("a", "b"))
	for s := range d.States(Options{Random: 20}) {
		if len(s.Notes) > 0 {
			require.Len(t, s.Disk.Files(), 1)
		}
	}
	states := contents(d, 20)
	require.Subset(t, states, []string{"a=x", "b=x"})
}

func TestWritesAreReorderedAndTornBySector(t *testing.T) {
	d := New()
	f := write(t, d, "a", "")
	require.NoError(t, f.Sync())
	require.NoError(t, d.SyncDir("."))
	_, err := f.WriteAt([]byte(strings.Repeat("A", 512)+strings.Repeat("B", 512)), 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("C"), 1024)
	require.NoError(t, err)
	states := contents(d, 0)
	a, b, zero := strings.Repeat("A", 512), strings.Repeat("B", 512), strings.Repeat("0", 512)
	for what, want := range map[string]string{
		"reordered": zero + zero + "C", "head": a, "head, size": a + zero, "tail": zero + b, "in order": a + b, "all": a + b + "C",
	} {
		require.Contains(t, states, "a="+want, what)
	}
}

// TestFreeBlocksHoldWhatARemovedFileLeft checks that missing bytes of a file that grew may read as
// those of a removed file, and that synced bytes never do.
func TestFreeBlocksHoldWhatARemovedFileLeft(t *testing.T) {
	d := New()
	f := write(t, d, "a", "xy")
	require.NoError(t, f.Sync())
	require.NoError(t, d.SyncDir("."))
	d.Note("there")
	_, err := f.WriteAt([]byte("z"), 2)
	require.NoError(t, err)
	require.NoError(t, f.Allocate(3, 2))
	require.NoError(t, f.Truncate(6))
	var states []string
	for s := range d.States(Options{Seed: 1, Random: 500, Stale: []byte("STALE")}) {
		if len(s.Notes) > 0 {
			states = append(states, strings.ReplaceAll(string(s.Disk.Files()["a"]), "\x00", "0"))
		}
	}
	require.Subset(t, states, []string{"xy", "xyz", "xyA"})
	for _, s := range states {
		require.True(t, strings.HasPrefix(s, "xy"), s)
	}
	require.Contains(t, states, "xyALE", "the allocation's size, without bytes")
	require.Contains(t, states, "xyzLE0", "what a truncate added")
	require.Contains(t, states, "xyz000", "zeros as well")
	require.NoError(t, f.Sync())
	d.Note("all")
	for s := range d.States(Options{Seed: 1, Random: 100, Stale: []byte("STALE")}) {
		require.True(t, len(s.Notes) < 2 || string(s.Disk.Files()["a"]) == "xyz\x00\x00\x00", s.What)
	}
}

// TestEqualDisksHaveEqualSums checks that sums are equal exactly if the disks are, in any walk.
func TestEqualDisksHaveEqualSums(t *testing.T) {
	texts := map[uint64]string{}
	for range 2 {
		d := New()
		write(t, d, "a", "xy")
		require.NoError(t, d.Mkdir("b"))
		for s := range d.States(Options{Seed: 1, Random: 50, Stale: []byte("STALE")}) {
			names, err := s.Disk.ReadDir(".")
			require.NoError(t, err)
			text := fmt.Sprint(names, s.Disk.Files())
			if old, ok := texts[s.Sum]; ok {
				require.Equal(t, old, text)
			}
			texts[s.Sum] = text
		}
	}
	require.Len(t, texts, len(slices.Compact(slices.Sorted(maps.Values(texts)))))
	require.Greater(t, len(texts), 8)
}

func TestAForgottenSyncOwesNothing(t *testing.T) {
	d := New()
	d.Forget(1)
	require.NoError(t, write(t, d, "a", "xy").Sync())
	require.NoError(t, d.SyncDir("."))
	d.Note("promised")
	n, what := d.Syncs()
	require.Equal(t, 2, n)
	require.Equal(t, "fsync of a", what)
	broken := 0
	for s := range d.States(Options{}) {
		if len(s.Notes) > 0 && string(s.Disk.Files()["a"]) != "xy" {
			broken++
		}
	}
	require.Positive(t, broken)
}

func TestAFileInALostDirectoryIsLost(t *testing.T) {
	d := New()
	require.NoError(t, d.Mkdir("d"))
	require.NoError(t, write(t, d, "d/a", "x").Sync())
	require.NoError(t, d.SyncDir("d"))
	require.Contains(t, contents(d, 0), "", "the directory's own name was not synced")
	require.NoError(t, d.SyncDir("."))
	d.Note(1)
	for s := range d.States(Options{}) {
		require.True(t, len(s.Notes) == 0 || len(s.Disk.Files()) == 1)
	}
}

// TestTheDiskIsAsItWasWhenThePowerIsBack checks that a state is a disk of its own, whose operations
// can be cut again.
func TestTheDiskIsAsItWasWhenThePowerIsBack(t *testing.T) {
	d := New()
	require.NoError(t, write(t, d, "a", "x").Sync())
	require.NoError(t, d.SyncDir("."))
	for s := range d.States(Options{}) {
		if s.Cut < 4 {
			continue
		}
		require.NoError(t, s.Disk.Remove("a"))
		require.Equal(t, []string{"a=x", ""}, contents(s.Disk, 0))
	}
	require.Equal(t, "x", string(d.Files()["a"]), "a state is a copy")
}
