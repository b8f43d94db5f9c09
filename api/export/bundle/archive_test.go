package bundle

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// holes is a file that keeps no block of zeros.
type holes struct {
	size  int64
	parts []stored // in order
}

type stored struct {
	at int64
	b  []byte
}

var zeros = make([]byte, 1<<20)

func (h *holes) Write(b []byte) (int, error) {
	if len(b) > len(zeros) || !bytes.Equal(b, zeros[:len(b)]) {
		h.parts = append(h.parts, stored{h.size, bytes.Clone(b)})
	}
	h.size += int64(len(b))
	return len(b), nil
}

func (h *holes) ReadAt(b []byte, at int64) (int, error) {
	n := int(max(min(int64(len(b)), h.size-at), 0))
	clear(b[:n])
	for _, p := range h.parts {
		if from := max(at, p.at); from < min(at+int64(n), p.at+int64(len(p.b))) {
			copy(b[from-at:n], p.b[from-p.at:])
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// An archive, its files, and the places of its files may be beyond 4 GiB.
func TestAnArchiveOfMoreThan4GiBIsRead(t *testing.T) {
	const large = 4<<30 + 5<<20
	out := &holes{}
	a := NewArchive(out, time.Unix(1_800_000_000, 0))
	w, err := a.Create("large.mp4")
	require.NoError(t, err)
	for range int64(large) / int64(len(zeros)) {
		_, err = w.Write(zeros)
		require.NoError(t, err)
	}
	w, err = a.Create("small.txt")
	require.NoError(t, err)
	_, err = io.WriteString(w, "behind it")
	require.NoError(t, err)
	require.NoError(t, a.Close())
	require.Greater(t, out.size, int64(large))
	require.Less(t, len(out.parts), 100)

	r, err := zip.NewReader(out, out.size)
	require.NoError(t, err)
	require.Len(t, r.File, 2)
	require.EqualValues(t, uint64(large), r.File[0].UncompressedSize64)
	require.EqualValues(t, uint64(large), r.File[0].CompressedSize64)
	require.Equal(t, uint32(0xf2a4518d), r.File[0].CRC32, "as zlib has it")
	at, err := r.File[1].DataOffset()
	require.NoError(t, err)
	require.Greater(t, at, int64(large))
	f, err := r.File[1].Open()
	require.NoError(t, err)
	text, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "behind it", string(text))
}
