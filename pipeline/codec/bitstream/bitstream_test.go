package bitstream

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNumbersAreReadAsTheyWereWritten(t *testing.T) {
	var w Writer
	w.Bits(3, 5)
	for _, v := range []uint32{0, 1, 2, 254, 65535, 1<<32 - 2} {
		w.UE(v)
	}
	for _, v := range []int32{0, 1, -1, 77, -65536} {
		w.SE(v)
	}
	w.Bits(32, 0)
	w.AlignOnes()
	escaped := NewEscapedReader(Escape(nil, w.B))
	plain := NewReader(Unescape(nil, Escape(nil, w.B)))
	for _, r := range []*Reader{&plain, &escaped} {
		require.EqualValues(t, 5, r.Bits(3))
		for _, v := range []uint32{0, 1, 2, 254, 65535, 1<<32 - 2} {
			require.Equal(t, v, r.UE())
		}
		for _, v := range []int32{0, 1, -1, 77, -65536} {
			require.Equal(t, v, r.SE())
		}
		require.Zero(t, r.Bits(32))
		require.False(t, r.Short())
	}
	plain.Align()
	require.Zero(t, plain.Left())
	require.False(t, plain.Flag())
	require.True(t, plain.Short(), "a read beyond the end")
}

// FuzzEmulation: the emulation prevention bytes of any body are removed again.
func FuzzEmulation(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 0, 0, 3})
	f.Fuzz(func(t *testing.T, body []byte) {
		escaped := Escape(nil, body)
		require.NotContains(t, string(escaped), "\x00\x00\x01")
		require.True(t, bytes.Equal(body, Unescape(nil, escaped)))
		require.Equal(t, body[:min(8, len(body))], UnescapeHead(make([]byte, 0, 8), escaped))
	})
}
