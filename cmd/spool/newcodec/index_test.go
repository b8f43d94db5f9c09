package newcodec

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// codecOf returns the codec of a track of a file.
func codecOf(moov []byte, id uint32) string {
	for traks := isobmff.Walk(moov); traks.Next(); {
		tkhd, whole := isobmff.ReadTkhd(isobmff.Find(traks.Payload, "tkhd"))
		if traks.Is("trak") && whole && tkhd.ID == id {
			return string(isobmff.Find(traks.Payload, "mdia", "minf", "stbl", "stsd")[12:16])
		}
	}
	return ""
}

// playIndex reads a span of a track through an index. It returns for each access unit its
// decoding time, whether a decoder can start there, and its bytes from the file.
func playIndex(t *testing.T, x *index.Index, track int, file io.ReaderAt, from, to time.Duration) (out []sample) {
	t.Helper()
	in := &x.Tracks[track]
	first, end, err := x.Span(track, in.Ticks(int64(from)), in.Ticks(int64(to)))
	require.NoError(t, err)
	units, err := x.Append(nil, track, first, end)
	require.NoError(t, err)
	for _, u := range units {
		require.Zero(t, u.OffsetTicks)
		b := make([]byte, u.SizeBytes)
		_, err := file.ReadAt(b, u.At)
		require.NoError(t, err)
		out = append(out, sample{time.Duration(in.NS(u.DTS)), u.Sync, string(b)})
	}
	return out
}

// spanOf returns the expected samples of a span: from the last sample on at which a decoder can
// start.
func spanOf(sent []sample, from, to time.Duration) []sample {
	first, end := 0, 0
	for i, s := range sent {
		if s.sync && s.at <= from {
			first = i
		}
		if s.at < to {
			end = i + 1
		}
	}
	return sent[first:end]
}

// requireIndexPlays compares spans of each track, and whole tracks, with the sent samples. Media
// of the duration lost may be missing at the end of the file.
func requireIndexPlays(t *testing.T, x *index.Index, file []byte, lost time.Duration) {
	t.Helper()
	sent := frames()
	for i := range x.Tracks {
		name := codecOf(isobmff.Find(file, "moov"), x.Tracks[i].ID)
		want := sent[name]
		delete(sent, name)
		n := int(x.Tracks[i].Samples)
		require.LessOrEqual(t, n, len(want), name)
		if n < len(want) {
			require.LessOrEqual(t, seconds*time.Second-want[n].at, lost, name)
		}
		want = want[:n]
		step := 270 * time.Millisecond
		for from := time.Duration(0); from < want[n-1].at; from += step {
			for _, length := range []time.Duration{time.Millisecond, time.Second} {
				require.Equal(t, spanOf(want, from, from+length), playIndex(t, x, i, bytes.NewReader(file), from, from+length), "%s from %v, %v long", name, from, length)
			}
		}
		require.Equal(t, want, playIndex(t, x, i, bytes.NewReader(file), 0, time.Hour), name)
	}
	require.Empty(t, slices.Collect(maps.Keys(sent)), "codecs without a track in the index")
}

// requireKeptIndexPlays opens the index that is stored beside a file.
func requireKeptIndexPlays(t *testing.T, name string, lost time.Duration) {
	t.Helper()
	r, err := mp4.ReadEntry(name)
	require.NoError(t, err)
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	x, err := sampleindex.In(filepath.Dir(name)).Stored(r.ID)
	require.NoError(t, err)
	defer func() { require.NoError(t, x.Close()) }()
	requireIndexPlays(t, x.Index, b, lost)
}

// A recording plays through its index while it grows and when it is finished, and through an
// index that is rebuilt after its loss.
func TestTheIndexOfNewCodecsPlaysWhatWasSent(t *testing.T) {
	for format, cfg := range formats() {
		t.Run(format, func(t *testing.T) {
			finished, growing := record(t, cfg)
			for cut, lost := range map[int]time.Duration{0: 0, 1: 1500 * time.Millisecond, 700: 1500 * time.Millisecond, 15_000: 4 * time.Second} {
				b := growing[:len(growing)-cut]
				text, err := sampleindex.Build(bytes.NewReader(b), index.Source{Bytes: int64(len(b))})
				require.NoError(t, err)
				x, err := index.Open(bytes.NewReader(text), int64(len(text)))
				require.NoError(t, err)
				requireIndexPlays(t, x, b, lost)
			}

			requireKeptIndexPlays(t, finished, 0)
			require.NoError(t, os.RemoveAll(filepath.Join(filepath.Dir(finished), sampleindex.Directory)))
			r, err := mp4.ReadEntry(finished)
			require.NoError(t, err)
			f, err := os.Open(finished)
			require.NoError(t, err)
			defer f.Close()
			x, err := sampleindex.In(filepath.Dir(finished)).Open(f, r.ID)
			require.NoError(t, err)
			require.NoError(t, x.Unkept)
			require.NoError(t, x.Close())
			requireKeptIndexPlays(t, finished, 0)
		})
	}
}

// Recovery writes an index of the recovered media in place of an older one.
func TestTheIndexOfARecoveredRecordingOfNewCodecsPlays(t *testing.T) {
	for format, cfg := range formats() {
		t.Run(format, func(t *testing.T) {
			finished, growing := record(t, cfg)
			require.NoError(t, os.Remove(finished))
			for cut, lost := range map[int]time.Duration{0: 0, 700: 1500 * time.Millisecond} {
				require.NoError(t, os.WriteFile(finished+media.PartSuffix, growing[:len(growing)-cut], 0o600))
				r, err := mp4.Repair(finished + media.PartSuffix)
				require.NoError(t, err)
				requireKeptIndexPlays(t, filepath.Join(filepath.Dir(finished), filepath.Base(r.Recording.Path)), lost)
			}
		})
	}
}
