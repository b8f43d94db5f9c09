package mpegts

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
)

// KLV that package mpegts of the pipeline has written beside pictures is read byte for byte, with its times.
func TestKLVBesidePictures(t *testing.T) {
	stream, _ := muxed(t, []string{"-c:v", "libx264", "-bf", "0", "-g", "10"}, []string{"-c:a", "aac"})
	want, _ := passed(t, stream)
	klv, err := mpegts.FormOf(&media.Track{Codec: codec.KLV})
	require.NoError(t, err)
	pictures, err := mpegts.FormOf(&want.tracks[0])
	require.NoError(t, err)
	var out bytes.Buffer
	m := mpegts.NewMuxer(&out)
	require.NoError(t, m.SetTracks([]mpegts.Track{{Form: pictures, Kind: media.Video}, {Form: klv, Kind: media.Metadata}}))
	set := func(i, size int) []byte { // a local set of MISB ST 0601 with a value of a size
		key := []byte{0x06, 0x0e, 0x2b, 0x34, 0x02, 0x0b, 0x01, 0x01, 0x0e, 0x01, 0x03, 0x01, 0x01, 0, 0, 0}
		return slices.Concat(key, []byte{0x82, byte(size >> 8), byte(size)}, bytes.Repeat([]byte{byte(i)}, size))
	}
	for i, u := range want.units[0] {
		require.NoError(t, m.Write(0, &mpegts.Unit{DTS: ticks(u.dts), PTS: ticks(u.pts), Sync: u.sync, Data: u.data}))
		require.NoError(t, m.Write(1, &mpegts.Unit{DTS: ticks(u.dts) + 1, PTS: ticks(u.dts) + 1, Sync: true, Data: set(i, 1+i*17)}))
	}
	require.NoError(t, m.Flush())
	got, _ := passed(t, out.Bytes())
	require.Empty(t, got.losses)
	require.Len(t, got.units, 2)
	require.Len(t, got.units[1], len(want.units[0]))
	for i, u := range got.units[1] {
		require.Equal(t, set(i, 1+i*17), u.data, "unit %d", i)
		require.InDelta(t, got.units[0][i].dts+1.0/clockHz, u.pts, 0.000006, "unit %d", i)
	}
}
