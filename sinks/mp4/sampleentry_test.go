package mp4

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// TestSampleRateOfASoundEntry checks that a sample rate beyond the 16 bits of the entry is left to the
// AudioSpecificConfig instead of being truncated.
func TestSampleRateOfASoundEntry(t *testing.T) {
	for asc, want := range map[string]uint32{
		"\x11\x90":         48000,
		"\x10\x10":         0,     // 96 kHz
		"\x10\x90":         0,     // 88.2 kHz
		"\x2b\x11\x88\x00": 48000, // SBR over 24 kHz
		"\x29\x90\x08\x00": 0,     // SBR over 48 kHz
	} {
		track, err := codec.Describe(codec.AAC, 48000, [][]byte{[]byte(asc)})
		require.NoError(t, err)
		made, err := newTrack(1, &track, media.TrackInfo{})
		require.NoError(t, err)
		at := bytes.Index(made.stsd, []byte("mp4a"))
		require.Equal(t, want<<16, binary.BigEndian.Uint32(made.stsd[at+28:]), "%x", asc)
		require.Contains(t, string(made.stsd), asc)
	}
}
