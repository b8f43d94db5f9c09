package filesystem

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

type countingReader struct {
	io.ReaderAt
	reads, bytes int
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	c.reads, c.bytes = c.reads+1, c.bytes+len(p)
	return c.ReaderAt.ReadAt(p, off)
}

func TestAheadReturnsTheFilesBytes(t *testing.T) {
	data := make([]byte, 300_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	a, random := NewAhead(bytes.NewReader(data), int64(len(data))), rand.New(rand.NewPCG(1, 2))
	for off := 0; off < len(data); off += random.IntN(900) {
		for range 1 + random.IntN(2) {
			at := max(off-random.IntN(2000)*random.IntN(2), 0)
			p := make([]byte, random.IntN(6000))
			n, err := a.ReadAt(p, int64(at))
			if at+len(p) > len(data) {
				require.ErrorIs(t, err, io.EOF)
			} else {
				require.NoError(t, err)
			}
			require.True(t, bytes.Equal(data[at:at+n], p[:n]))
		}
	}
}

func TestAheadReadsTinyBoxesInBlocksAndFarOnesAlone(t *testing.T) {
	file := &countingReader{ReaderAt: bytes.NewReader(make([]byte, 8<<20))}
	walk := func(step int64) {
		a, header := NewAhead(file, 8<<20), make([]byte, 16)
		*file = countingReader{ReaderAt: file.ReaderAt}
		for at := int64(0); at+16 <= 8<<20; at += step {
			_, err := a.ReadAt(header, at)
			require.NoError(t, err)
		}
	}
	walk(8)
	require.LessOrEqual(t, file.reads, 150)
	require.LessOrEqual(t, file.bytes, 8<<20+16*file.reads)
	walk(5000)
	require.LessOrEqual(t, file.bytes, 16*(8<<20/5000+1)+aheadLeast)
}

// badSector fails each read that reaches the offset at. It returns the bytes before.
type badSector struct {
	io.ReaderAt
	at int64
}

func (b badSector) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= b.at {
		return b.ReaderAt.ReadAt(p, off)
	}
	n, _ := b.ReaderAt.ReadAt(p[:max(b.at-off, 0)], off)
	return n, errBadSector
}

var errBadSector = errors.New("bad sector")

func TestAheadReturnsTheBytesBeforeABadSector(t *testing.T) {
	data := bytes.Repeat([]byte("header 1"), 1000)
	a := NewAhead(badSector{bytes.NewReader(data), 100}, int64(len(data)))
	for at := 0; at < 96; at += 16 {
		p := make([]byte, 16)
		n, err := a.ReadAt(p, int64(at))
		require.NoError(t, err)
		require.Equal(t, data[at:at+16], p[:n])
	}
	p := make([]byte, 16)
	n, err := a.ReadAt(p, 96)
	require.ErrorIs(t, err, errBadSector)
	require.Equal(t, data[96:100], p[:n])
}
