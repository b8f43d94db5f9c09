package codec

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func fromHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// FuzzRecoveryPoint: no SEI breaks the reader.
func FuzzRecoveryPoint(f *testing.F) {
	f.Add(fromHex("060602131080"))
	f.Add(fromHex("0605ffff"))
	f.Fuzz(func(t *testing.T, nal []byte) {
		if len(nal) > 0 {
			recoveryPoint(nal)
		}
	})
}

func TestRecoveryPoint(t *testing.T) {
	n, ok := recoveryPoint(fromHex("060602131080")) // x264 intra refresh
	require.True(t, ok)
	require.EqualValues(t, 8, n)
	_, ok = recoveryPoint(fromHex("0605022a2a80"))
	require.False(t, ok)
}
