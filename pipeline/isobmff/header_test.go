package isobmff_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/isobmfftest"
)

func TestAHeaderIsReadWhereverItStands(t *testing.T) {
	for name, c := range map[string]struct {
		b      []byte
		size   int64
		length int64
		err    error
	}{
		"8 bytes":                   {b: []byte("\x00\x00\x00\x08free"), size: 8, length: 8},
		"16 bytes":                  {b: isobmfftest.LargeHeader("mdat", 1<<40), size: 1 << 40, length: 16},
		"to the end":                {b: []byte("\x00\x00\x00\x00mdat"), size: 0, length: 8},
		"nothing":                   {err: isobmff.ErrEnd},
		"7 bytes":                   {b: []byte("\x00\x00\x00\x08fre"), err: isobmff.ErrEnd},
		"half of a large header":    {b: isobmfftest.LargeHeader("mdat", 16)[:15], err: isobmff.ErrCut},
		"less than its header":      {b: []byte("\x00\x00\x00\x07free"), err: isobmff.ErrHeader},
		"less than a large header":  {b: isobmfftest.LargeHeader("mdat", 15), err: isobmff.ErrHeader},
		"more than a disk has":      {b: isobmfftest.LargeHeader("mdat", 1<<63), err: isobmff.ErrHeader},
		"no size in a large header": {b: isobmfftest.LargeHeader("mdat", 0), err: isobmff.ErrHeader},
	} {
		t.Run(name, func(t *testing.T) {
			file := append([]byte("before"), c.b...)
			h, err := isobmff.ReadHeader(bytes.NewReader(file), 6, int64(len(file)))
			require.ErrorIs(t, err, c.err)
			parsed, ok := isobmff.ParseHeader(c.b)
			require.Equal(t, c.err == nil, ok)
			if c.err != nil {
				require.True(t, isobmff.IsContent(err))
				return
			}
			require.Equal(t, isobmff.Header{Type: isobmff.FourCC(c.b[4:8]), SizeBytes: c.size, HeaderBytes: c.length}, h)
			require.Equal(t, h, parsed)
		})
	}
}

// failing is a disk that cannot be read.
type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func TestAnErrorOfTheDiskIsNotOneOfContent(t *testing.T) {
	broken := errors.New("input/output error")
	_, err := isobmff.ReadHeader(failing{broken}, 0, 100)
	require.ErrorIs(t, err, broken)
	require.False(t, isobmff.IsContent(err))
	_, err = isobmff.ReadPayload(failing{broken}, 0, isobmff.Header{SizeBytes: 10, HeaderBytes: 8}, 100, 100)
	require.ErrorIs(t, err, broken)
	require.False(t, isobmff.IsContent(err))
	require.False(t, isobmff.IsContent(io.EOF))
}

func TestAPayloadIsReadAsFarAsItsLimitsAllow(t *testing.T) {
	file := []byte("....\x00\x00\x00\x0cfreeabcd....")
	f, size := bytes.NewReader(file), int64(len(file))
	h, err := isobmff.ReadHeader(f, 4, size)
	require.NoError(t, err)
	b, err := isobmff.ReadPayload(f, 4, h, size, 12)
	require.NoError(t, err)
	require.Equal(t, "abcd", string(b))
	_, err = isobmff.ReadPayload(f, 4, h, size, 11)
	require.ErrorContains(t, err, `box "free" at byte 4 has 12 bytes`)
	require.False(t, isobmff.IsContent(err), "an overlong payload is an error, and not cut off")
	for _, cut := range []isobmff.Header{{SizeBytes: 17, HeaderBytes: 8}, {SizeBytes: 0, HeaderBytes: 8}, {SizeBytes: 1 << 62, HeaderBytes: 16}} {
		_, err = isobmff.ReadPayload(f, 4, cut, size, 1<<62)
		require.ErrorIs(t, err, isobmff.ErrEnd)
	}
}
