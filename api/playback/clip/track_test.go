package clip

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// moovOf returns a file with a moov of some tracks, without samples.
func moovOf(tracks int) []byte {
	var w isobmff.Writer
	w.Free(100)
	moov := w.Open("moov")
	w.Mvhd(&isobmff.MovieHeader{Timescale: 1000})
	for i := range tracks {
		trak := w.Open("trak")
		w.Tkhd(&isobmff.TrackHeader{ID: uint32(i + 1), Width: 640 << 16, Height: 360 << 16})
		mdia := w.Open("mdia")
		w.Mdhd(&isobmff.MediaHeader{Timescale: 48000, Language: "deu"})
		w.Hdlr("soun", "")
		minf, stbl := w.Open("minf"), w.Open("stbl")
		stsd := w.OpenFull("stsd", 0, 0)
		w.U32(1)
		w.Box("abcd", []byte("description"))
		w.Close(stsd)
		w.NoSamples()
		w.RollDescription(-4)
		for _, at := range []int{stbl, minf, mdia, trak} {
			w.Close(at)
		}
	}
	w.Close(moov)
	return w.B
}

func TestTracksAreReadFromTheMoov(t *testing.T) {
	b := moovOf(3)
	got, err := readTracks(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	require.Len(t, got, 3)
	require.Equal(t, "deu", got[2].Language)
	require.EqualValues(t, 640<<16, got[2].Width)
	require.EqualValues(t, -4, got[2].Roll)
	require.Equal(t, "\x00\x00\x00\x13abcddescription", string(got[2].Entry))
}

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	bytes int64
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	c.bytes += int64(len(b))
	return c.ReaderAt.ReadAt(b, at)
}

func TestTheCostOfTracksIsProportional(t *testing.T) {
	pipelinetest.Proportional(t, 8, 4096, func(n int) int64 {
		b := moovOf(n)
		in := &counted{ReaderAt: bytes.NewReader(b)}
		_, err := readTracks(in, int64(len(b)))
		require.NoError(t, err)
		return in.bytes
	})
}

// FuzzTracks checks that no bytes make the reader panic or read without an end.
func FuzzTracks(f *testing.F) {
	f.Add(moovOf(2))
	f.Add([]byte("\x00\x00\x00\x08moov"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &counted{ReaderAt: bytes.NewReader(b)}
		tracks, _ := readTracks(in, int64(len(b)))
		require.LessOrEqual(t, len(tracks), maxTracks)
		require.LessOrEqual(t, in.bytes, int64(4096+64*len(b)))
	})
}
