package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// avcC ends with the chroma format and the bit depths for every profile_idc except 66, 77 and 88 (ISO/IEC 14496-15,
// 5.3.3.1.2). Earlier editions, and files of other programs, have them for 100, 110, 122 and 144 only.
func TestAVCCHasTheChromaFormatOfItsProfile(t *testing.T) {
	const plain = "6742c028d900780227e584000003000400000300f03c60c920" // Baseline, 1920x1080
	const high = "6764000cacd941419f9f011000000300100000030320f1429960"
	pps := fromHex("68ebe3cb22c0")
	fields := []byte{0xfd, 0xf8, 0xf8, 0} // 4:2:0, 8 bits, no extensions
	for profile, form := range map[byte]struct {
		sps  string
		tail []byte
	}{
		66: {plain, nil}, 77: {plain, nil}, 88: {plain, nil},
		44: {high, fields}, 83: {high, fields}, 86: {high, fields}, 100: {high, fields}, 110: {high, fields}, 118: {high, fields},
		122: {high, fields}, 128: {high, fields}, 244: {high, fields},
	} {
		sps := fromHex(form.sps)
		sps[1] = profile
		track, err := Describe(H264, 90000, [][]byte{sps, pps})
		require.NoError(t, err)
		var w isobmff.Writer
		_, err = WriteSampleEntry(&w, &track)
		require.NoError(t, err)
		entry, ok := isobmff.ReadVisualEntry(isobmff.Find(w.B, "stsd")[16:])
		require.True(t, ok)
		config := isobmff.Find(entry.Boxes, "avcC")
		short := config[:len(config)-len(form.tail)]
		require.Equal(t, pps, short[len(short)-len(pps):], "profile %d: what follows the last PPS", profile)
		require.Equal(t, form.tail, append([]byte(nil), config[len(short):]...), "profile %d", profile)
		for _, b := range [][]byte{short, append(short[:len(short):len(short)], fields...)} { // of older and of newer writers
			var visual isobmff.Writer
			visual.U64(1)
			at := visual.OpenVisualEntry("avc1", track.Width, track.Height)
			visual.Box("avcC", b)
			visual.Close(at)
			got, err := ReadSampleEntry(visual.B, 90000)
			require.NoError(t, err, "profile %d", profile)
			require.Equal(t, media.Track{Codec: H264, Timescale: 90000, Width: track.Width, Height: track.Height, ParameterSets: track.ParameterSets}, got)
		}
	}
}
