package isobmff_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
)

// tree returns boxes a, b{c, b{d}} and e, and the offset of e.
func tree() (b []byte, end int64) {
	var w isobmff.Writer
	w.Box("aaaa", []byte("first"))
	outer := w.Open("bbbb")
	w.Box("cccc", nil)
	inner := w.Open("bbbb")
	w.Box("dddd", []byte("deep"))
	w.Close(inner)
	w.Close(outer)
	end = int64(len(w.B))
	w.Box("eeee", []byte("last"))
	return w.B, end
}

func TestBoxesOfAFileAreWalked(t *testing.T) {
	b, end := tree()
	w := isobmff.WalkFile(bytes.NewReader(b), 0, int64(len(b)))
	var kinds []string
	for w.Next() {
		kinds = append(kinds, w.Type.String())
	}
	require.NoError(t, w.Err())
	require.Equal(t, []string{"aaaa", "bbbb", "eeee"}, kinds)
	require.Equal(t, end, w.At)

	w = isobmff.WalkFile(bytes.NewReader(b), 0, int64(len(b)))
	require.NoError(t, w.Seek("bbbb"))
	deep, err := w.Find("bbbb", "dddd")
	require.NoError(t, err)
	text, err := deep.Read(100)
	require.NoError(t, err)
	require.Equal(t, "deep", string(text))
	_, err = deep.Read(11)
	require.ErrorContains(t, err, "11 are the most")
	_, err = w.Find("cccc", "dddd")
	require.ErrorContains(t, err, "no box dddd")
	require.NoError(t, w.Seek("eeee"), "the walk goes on behind the box")
	require.Error(t, w.Seek("aaaa"))

	cut := isobmff.WalkFile(bytes.NewReader(b), 0, end+9)
	require.NoError(t, cut.Seek("bbbb"))
	err = cut.Seek("eeee")
	require.True(t, isobmff.IsContent(err), "%v", err)
	require.ErrorContains(t, err, "runs past the end")
	require.Equal(t, err, cut.Err())

	copy(b[end:], "\x00\x00\x00\x00") // the last box lasts to the end
	last := isobmff.WalkFile(bytes.NewReader(b), end, int64(len(b)))
	require.True(t, last.Next())
	require.Zero(t, last.SizeBytes)
	text, err = last.Read(100)
	require.NoError(t, err)
	require.Equal(t, "last", string(text))
	require.False(t, last.Next())
	require.NoError(t, last.Err())
}

// countedReads counts the bytes that are read.
type countedReads struct {
	io.ReaderAt
	bytes int
}

func (c *countedReads) ReadAt(b []byte, at int64) (int, error) {
	c.bytes += len(b)
	return c.ReaderAt.ReadAt(b, at)
}

// FuzzFileBoxes checks that no bytes make a walk panic, last without an end, or read more than the headers; and that it agrees with the walk of
// bytes in memory.
func FuzzFileBoxes(f *testing.F) {
	b, _ := tree()
	f.Add(b)
	f.Add([]byte("\x00\x00\x00\x00mdat"))
	f.Add([]byte("\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x10"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &countedReads{ReaderAt: bytes.NewReader(b)}
		w := isobmff.WalkFile(in, 0, int64(len(b)))
		boxes, n := isobmff.Walk(b), 0
		for w.Next() {
			if n++; w.SizeBytes == 0 {
				require.Equal(t, int64(len(b)), w.End())
				break
			}
			require.True(t, boxes.Next())
			require.Equal(t, boxes.Header, w.Header)
			require.EqualValues(t, boxes.At, w.At)
			text, err := w.Read(int64(len(b)))
			require.NoError(t, err)
			require.Equal(t, boxes.Payload, text)
			in.bytes -= len(text)
		}
		if w.SizeBytes != 0 {
			require.False(t, boxes.Next())
		}
		require.LessOrEqual(t, in.bytes, 16*(n+1))
		if w.Err() != nil {
			require.True(t, isobmff.IsContent(w.Err()), "%v", w.Err())
		}
	})
}
