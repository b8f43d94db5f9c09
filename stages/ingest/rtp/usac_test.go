package rtp

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// usacSBR is an AudioSpecificConfig of xHE-AAC with SBR 2:1, 48 kHz, stereo: see pipeline/codec/usac_test.go.
const usacSBR = "f9464362050b20"

func usacFormat(fmtp string, clock uint32) *Format {
	f := &Format{Name: "mpeg4-generic", PayloadType: 96, Clock: clock}
	f.ReadParameters(fmtp)
	return f
}

// A track of RFC 3640 whose configuration is that of xHE-AAC has that codec, and frames as long as their output.
func TestUSACInRFC3640(t *testing.T) {
	for clock, others := range map[uint32][]uint32{48000: {90000}, 24000: {48000, 90000}, 0: {90000}} {
		c, err := usacFormat("mode=AAC-hbr; config="+usacSBR+"; sizeLength=13; indexLength=3; indexDeltaLength=3", clock).Config(Options{})
		require.NoError(t, err)
		require.Equal(t, codec.USAC, c.Track.Codec)
		require.EqualValues(t, 48000, c.Track.Timescale, "at least the sample rate")
		require.Equal(t, others, c.OtherClocks)
		require.EqualValues(t, 2*2048, c.Audio.duration(2, 48000))
		_, err = Add(ingest.NewFeed(ingesttest.Discard{}, slog.New(slog.DiscardHandler)), c)
		require.NoError(t, err)
		// The first frame begins as an ADTS header does. It is a frame of xHE-AAC, though.
		first, second := append([]byte{0xff, 0xf1}, frame(1, 60)...), frame(2, 5)
		out, err := c.Audio.unpack(aacPacket(1, true, []int{len(first), len(second)}, append(first, second...)), nil)
		require.NoError(t, err)
		require.Equal(t, [][]byte{first, second}, out)
	}
}

func TestUSACThatIsDamagedIsRefused(t *testing.T) {
	for fmtp, want := range map[string]string{
		"mode=AAC-hbr; config=f946":     "xhe-aac: cut off",
		"mode=other; config=" + usacSBR: "unreadable-mpeg4-generic",
		"mode=AAC-hbr; config=f9464d62": "xhe-aac: ",
	} {
		_, err := usacFormat(fmtp, 48000).Config(Options{})
		require.ErrorContains(t, err, want, fmtp)
	}
}
