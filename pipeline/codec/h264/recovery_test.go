package h264

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRecoveryPoint: no SEI breaks the reader.
func FuzzRecoveryPoint(f *testing.F) {
	f.Add([]byte{6, 6, 2, 0x13, 0x10, 0x80})
	f.Add([]byte{6, 5, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, nal []byte) {
		if len(nal) > 0 {
			recoveryPoint(nal)
		}
	})
}

func TestRecoveryPoint(t *testing.T) {
	n, ok := recoveryPoint([]byte{6, 6, 2, 0x13, 0x10, 0x80}) // x264 intra refresh
	require.True(t, ok)
	require.EqualValues(t, 8, n)
	_, ok = recoveryPoint([]byte{6, 5, 2, 0x2a, 0x2a, 0x80})
	require.False(t, ok)
}
