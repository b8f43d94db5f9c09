package obu

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnitsAreReadAsTheyWereWritten(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 300)
	b := Unit{Type: SequenceHeader, Header: []byte{0x08}, Payload: []byte{1, 2}}.Append(nil)
	b = Unit{Type: Frame, Header: []byte{0x34, 0x20}, Payload: long}.Append(b)
	first, rest, ok := Next(b)
	require.True(t, ok)
	require.Equal(t, Unit{Type: SequenceHeader, Header: []byte{0x0a}, Payload: []byte{1, 2}}, first)
	second, rest, ok := Next(rest)
	require.True(t, ok)
	require.Equal(t, Unit{Type: Frame, Header: []byte{0x36, 0x20}, Payload: long}, second)
	_, _, ok = Next(rest)
	require.False(t, ok)

	whole, rest, ok := Next([]byte{0x30, 1, 2, 3})
	require.True(t, ok, "a unit without a size takes all")
	require.Equal(t, []byte{1, 2, 3}, whole.Payload)
	require.Empty(t, rest)
}

func TestAMalformedUnitIsRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing": {}, "the forbidden bit": {0x8a, 0}, "the extension is cut": {0x0e}, "the size is cut": {0x0a, 0x80},
		"the payload is cut": {0x0a, 2, 1}, "the size has nine bytes": {0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0},
		"the size exceeds 32 bits": {0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f},
	} {
		_, _, ok := Next(b)
		require.False(t, ok, name)
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte{0x0a, 2, 1, 2, 0x36, 0x20, 1, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		left := len(b)
		for u, rest, ok := Next(b); ok; u, rest, ok = Next(rest) {
			require.Less(t, len(rest), left)
			left = len(rest)
			again = u.Append(again[:0])
			same, none, ok := Next(again)
			require.True(t, ok)
			require.Empty(t, none)
			require.Equal(t, u.Type, same.Type)
			require.True(t, bytes.Equal(u.Payload, same.Payload))
		}
	})
}
