package mp4

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/sinks/mp4/repair"
)

// byFFmpeg returns the source as ffmpeg writes it with some flags.
func byFFmpeg(t testing.TB, src *source, args ...string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ffmpeg.mp4")
	tool(t, "ffmpeg", append(append([]string{"-v", "error", "-i", src.file, "-c", "copy"}, args...), name)...)
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return b
}

var (
	fragmentedAbsolute = []string{"-movflags", "frag_keyframe+empty_moov"}
	fragmentedByMoof   = []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof"}
	fragmentedIndexed  = []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof+global_sidx+skip_trailer"}
	fragmentedShort    = []string{"-movflags", "empty_moov+default_base_moof+separate_moof", "-frag_duration", "500000"}
	moovFirst          = []string{"-movflags", "faststart"}
)

// boxOf returns the range of the n-th top-level box of a type.
func boxOf(t testing.TB, b []byte, fourcc string, n int) extent {
	t.Helper()
	for at := int64(0); at < int64(len(b)); {
		h, ok := isobmff.ParseHeader(b[at:])
		require.True(t, ok)
		if h.Is(fourcc) {
			if n--; n < 0 {
				return extent{at, h.SizeBytes}
			}
		}
		at += h.SizeBytes
	}
	require.Fail(t, "no box", "%s", fourcc)
	return extent{}
}

// mend repairs bytes and checks that the original is unchanged.
func mend(t testing.TB, data []byte, o repair.Options) (Repaired, string, error) {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "clip.mp4")
	require.NoError(t, os.WriteFile(name, data, 0o600))
	r, err := RepairAny(t.Context(), name, o)
	after, readErr := os.ReadFile(name)
	require.NoError(t, readErr)
	require.True(t, bytes.Equal(data, after), "the only copy was changed")
	entries, readErr := os.ReadDir(dir)
	require.NoError(t, readErr)
	if err != nil || r.Copy == "" || o.DryRun {
		require.Len(t, entries, 1, "something was left behind")
	}
	return r, filepath.Join(dir, r.Copy), err
}

// hybrid covers a fragmented file with an mdat, as a hybrid recorder does at the end, without the
// moov that must follow.
func hybrid(t testing.TB, fragmented []byte, between ...byte) []byte {
	ftyp := boxOf(t, fragmented, "ftyp", 0).bytes
	out := bytes.Clone(fragmented[:ftyp])
	out = append(out, 0, 0, 0, 1, 'm', 'd', 'a', 't')
	out = binary.BigEndian.AppendUint64(out, uint64(16+len(between)+len(fragmented))-uint64(ftyp))
	return append(append(out, between...), fragmented[ftyp:]...)
}

// TestForeignFiles is a table of files that other programs leave behind, with the number of frames
// to recover from eight GOPs of a second.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	src := record(t, avc(8))
	zeroTail := func(b []byte, from int64) []byte { b = bytes.Clone(b); clear(b[from:]); return b }
	for name, c := range map[string]struct {
		args   []string
		damage func(b []byte) []byte
		found  repair.Found
		frames int // of 200
		lost   time.Duration
	}{
		"fragmented, cut in an mdat": {fragmentedByMoof, func(b []byte) []byte {
			at := boxOf(t, b, "mdat", 5)
			return b[:at.at+at.bytes/2]
		}, repair.Fragmented, 125, time.Second},
		"fragmented, absolute offsets, cut in a moof": {fragmentedAbsolute, func(b []byte) []byte {
			return b[:boxOf(t, b, "moof", 6).at+50]
		}, repair.Fragmented, 150, 0},
		"fragmented, zero tail": {fragmentedByMoof, func(b []byte) []byte {
			return zeroTail(b, boxOf(t, b, "mdat", 4).at+2000)
		}, repair.Fragmented, 100, time.Second}, // the lost duration of zeros is unknown
		"fragmented, zeros behind the end": {fragmentedByMoof, func(b []byte) []byte {
			return append(b[:boxOf(t, b, "mfra", 0).at:boxOf(t, b, "mfra", 0).at], make([]byte, 1<<20)...)
		}, repair.Fragmented, 200, 0},
		"fragmented, damage in the middle": {fragmentedAbsolute, func(b []byte) []byte {
			b = bytes.Clone(b)
			at := boxOf(t, b, "mdat", 3)
			clear(b[at.at+at.bytes/2:][:1500])
			return b
		}, repair.Fragmented, 175, time.Second},
		"fragmented with an index, damage in the middle": {fragmentedIndexed, func(b []byte) []byte {
			b = bytes.Clone(b)
			at := boxOf(t, b, "mdat", 3)
			clear(b[at.at+at.bytes/2:][:1500])
			return b
		}, repair.Fragmented, 175, time.Second},
		"hybrid, moov missing": {fragmentedByMoof, func(b []byte) []byte {
			return hybrid(t, b[:boxOf(t, b, "mfra", 0).at])
		}, repair.Hybrid, 200, 0},
		"hybrid, moov cut, a box between": {fragmentedByMoof, func(b []byte) []byte {
			b = hybrid(t, b[:boxOf(t, b, "mfra", 0).at], 0, 0, 0, 12, 'f', 'r', 'e', 'e', 0, 0, 0, 0)
			return append(b, 0, 0, 9, 9, 'm', 'o', 'o', 'v', 0, 0, 0, 108, 'm', 'v', 'h', 'd')
		}, repair.Hybrid, 200, 0},
		"plain, cut": {moovFirst, func(b []byte) []byte {
			at := boxOf(t, b, "mdat", 0)
			return b[:at.at+at.bytes*5/8]
		}, repair.Plain, -1, 3 * time.Second},
		"plain, zero tail": {moovFirst, func(b []byte) []byte {
			at := boxOf(t, b, "mdat", 0)
			return zeroTail(b, at.at+at.bytes/2)
		}, repair.Plain, -1, 4 * time.Second},
		"plain, a hole in the middle": {moovFirst, func(b []byte) []byte {
			b = bytes.Clone(b)
			at := boxOf(t, b, "mdat", 0)
			clear(b[at.at+at.bytes/2:][:4096])
			return b
		}, repair.Plain, -1, time.Second},
		"plain, moov last, a hole": {nil, func(b []byte) []byte {
			b = bytes.Clone(b)
			at := boxOf(t, b, "mdat", 0)
			clear(b[at.at+at.bytes/2:][:4096])
			return b
		}, repair.Plain, -1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			data := c.damage(byFFmpeg(t, src, c.args...))
			dry, _, err := mend(t, data, repair.Options{DryRun: true})
			require.NoError(t, err)
			r, file, err := mend(t, data, repair.Options{})
			require.NoError(t, err)
			require.Equal(t, dry, r, "what a dry run said")
			require.Equal(t, c.found, r.Found)
			require.False(t, r.Whole)
			require.NotEmpty(t, r.Reason)
			require.Equal(t, "clip.repaired.mp4", r.Copy)
			seen := probe(t, file)
			if c.frames >= 0 {
				require.Len(t, seen.of(0), c.frames)
			}
			require.GreaterOrEqual(t, r.Kept.Seconds()+0.2, float64(len(seen.of(0)))/25)
			require.LessOrEqual(t, r.Kept.Seconds(), 8.1)
			require.InDelta(t, c.lost.Seconds(), r.Lost.Seconds(), 1.2)
			requireSubset(t, src, seen)
			requirePlays(t, file)
			if boxes := order(t, file); slices.Contains(boxes, "sidx") {
				require.Equal(t, "free", boxes[len(boxes)-1], "the index does not reach to the end")
			}

			again, err := RepairAny(t.Context(), file, repair.Options{})
			require.NoError(t, err)
			require.True(t, again.Whole, "%+v", again)
		})
	}
}

// requireSubset checks that every packet is one of the source, in order.
func requireSubset(t testing.TB, src *source, seen probed) {
	t.Helper()
	for i := range src.tracks {
		want, k := src.probe.of(i), 0
		for _, p := range seen.of(i) {
			for k < len(want) && want[k].Hash != p.Hash {
				k++
			}
			require.Less(t, k, len(want), "a packet that is not the source's, of stream %d", i)
			k++
		}
	}
}

func TestForeignFilesBeyondHelp(t *testing.T) {
	src := record(t, avc(4))
	plain, fragmented := byFFmpeg(t, src), byFFmpeg(t, src, fragmentedShort...)
	for name, data := range map[string][]byte{
		"plain without its moov":       plain[:boxOf(t, plain, "moov", 0).at],
		"plain, cut in its moov":       plain[:len(plain)-50],
		"fragmented, its header alone": fragmented[:boxOf(t, fragmented, "moof", 0).at],
		"fragmented, cut in its moov":  fragmented[:boxOf(t, fragmented, "moov", 0).at+200],
		"text":                         bytes.Repeat([]byte("no video "), 1000),
		"zeros":                        make([]byte, 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := mend(t, data, repair.Options{})
			require.ErrorIs(t, err, repair.ErrBeyondHelp)
		})
	}
}

func TestForeignFilesThatAreWhole(t *testing.T) {
	t.Parallel()
	src := record(t, avc(4))
	for name, args := range map[string][]string{
		"plain": nil, "moov first": moovFirst, "fragmented": fragmentedByMoof, "absolute": fragmentedAbsolute, "short": fragmentedShort,
	} {
		t.Run(name, func(t *testing.T) {
			r, _, err := mend(t, byFFmpeg(t, src, args...), repair.Options{})
			require.NoError(t, err)
			require.True(t, r.Whole, "%+v", r)
		})
	}
	hevc := record(t, hevc(4))
	b := byFFmpeg(t, hevc, "-tag:v", "hvc1", "-movflags", "frag_keyframe+empty_moov+default_base_moof")
	r, file, err := mend(t, b[:boxOf(t, b, "mdat", 2).at+500], repair.Options{})
	require.NoError(t, err)
	seen := probe(t, file)
	require.Len(t, seen.of(0), 50)
	require.InDelta(t, 2, r.Kept.Seconds(), 0.1)
}

// TestRepairAnyOfOurs checks that a dry run changes nothing and returns the result of the real repair.
func TestRepairAnyOfOurs(t *testing.T) {
	k := grow(t, record(t, avc(4)), false)
	data := k.data[:len(k.data)-100]
	read := int64(0)
	dry, _, err := mend(t, data, repair.Options{DryRun: true, Read: func(n int64) { read += n }})
	require.NoError(t, err)
	require.Greater(t, read, k.ends[len(k.ends)-1]-k.ends[0]-int64(len(k.data)/4))
	name := filepath.Join(t.TempDir(), "clip.mp4")
	require.NoError(t, os.WriteFile(name, data, 0o600))
	r, err := RepairAny(t.Context(), name, repair.Options{})
	require.NoError(t, err)
	require.Equal(t, dry, r)
	require.Equal(t, repair.Ours, r.Found)
	require.InDelta(t, 3, r.Kept.Seconds(), 0.1)
	requirePlays(t, name)
}
