package codec

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

func fromHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// described are tracks as encoders wrote their parameter sets, by their codecs
// parameter.
func described(t testing.TB) map[string]media.Track {
	tracks := map[string]media.Track{}
	for want, c := range map[string]struct {
		codec media.Codec
		scale uint32
		sets  []string
	}{
		"avc1.64000C":         {H264, 90000, []string{"6764000cacd941419f9f011000000300100000030320f1429960", "68ebe3cb22c0"}},
		"hvc1.1.6.L60.90":     {H265, 90000, []string{"40010c01ffff01600000030090000003000003003c959809", "42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300c840", "4401c172b46240"}},
		"mp4v.20.241":         {MPEG4, 90000, []string{"000001b0f1000001b5a913000001000000012008d48d8800cd28045a1443"}},
		"mp4a.40.2":           {AAC, 48000, []string{"1190"}},
		"mp4a.40.5":           {AAC, 48000, []string{"2b118800"}},
		"mp4a.40.29, with PS": {AAC, 48000, []string{"eb098800"}},
		"mp4a.40.42":          {USAC, 48000, []string{"f9464362050b20"}},
		"mp4a.6B":             {MP3, 90000, []string{"fffb1400"}},
		"mp4a.69":             {MP3, 24000, []string{"fff314c0"}},
		"fLaC":                {FLAC, 44100, []string{"12001200000000000000" + "0ac442f000000000" + "00000000000000000000000000000000"}},
		"ac-3":                {AC3, 48000, []string{"103dc0"}},
		"ec-3":                {EAC3, 48000, []string{"0600200f0202"}},
		"Opus":                {Opus, OpusRate, []string{"000200000000bb80000000"}},
	} {
		var sets [][]byte
		for _, s := range c.sets {
			sets = append(sets, fromHex(s))
		}
		track, err := Describe(c.codec, c.scale, sets)
		require.NoError(t, err)
		require.NoError(t, track.Validate())
		tracks[want] = track
	}
	return tracks
}

func TestTheCodecsParameter(t *testing.T) {
	for want, track := range described(t) {
		require.Equal(t, want, Of(track.Codec).MIME(&track)+map[string]string{"mp4a.40.29, with PS": ", with PS"}[want])
	}
	high := media.Track{ParameterSets: [][]byte{fromHex("4201012220000003009000000300000300b4a0")}}
	require.Equal(t, "hvc1.2.4.H180.90", Of(H265).MIME(&high), "Main 10 in the high tier")
	for _, c := range All() {
		require.Contains(t, c.MIME(&media.Track{}), c.Entry.Types[0], "without parameter sets it is the sample entry's name")
	}
}

func TestASampleEntryIsReadAsItWasWritten(t *testing.T) {
	for name, track := range described(t) {
		var w isobmff.Writer
		aspect, err := WriteSampleEntry(&w, &track)
		require.NoError(t, err, name)
		require.Equal(t, isobmff.SquarePixels, aspect)
		stsd := isobmff.Find(w.B, "stsd")
		got, err := ReadSampleEntry(stsd, track.Timescale)
		require.NoError(t, err, name)
		require.Equal(t, track, got, name)
		require.Equal(t, map[bool]int{true: 4}[track.Codec.NAL()], LengthSize(stsd))
		require.Equal(t, !Of(track.Codec).MayBeZeros, Dense(string(stsd[12:16])))
		for n := range stsd {
			_, err := ReadSampleEntry(stsd[:n], track.Timescale)
			require.Error(t, err, "%s, cut at %d", name, n)
			LengthSize(stsd[:n])
		}
	}
}

func TestPixelsThatAreNotSquare(t *testing.T) {
	for idc, want := range map[uint8]isobmff.PixelAspect{0: {H: 1, V: 1}, 1: {H: 1, V: 1}, 2: {H: 12, V: 11}, 14: {H: 4, V: 3}, 16: {H: 2, V: 1}, 17: {H: 1, V: 1}, 255: {H: 7, V: 5}} {
		require.Equal(t, want, sampleAspect(idc, 7, 5))
	}
	require.Equal(t, isobmff.SquarePixels, sampleAspect(255, 0, 5))
}

func TestASampleEntryThatCannotBeRecorded(t *testing.T) {
	entry := func(fourcc string, payload []byte) []byte {
		var w isobmff.Writer
		w.U64(1)
		w.Box(fourcc, payload)
		return w.B
	}
	for want, stsd := range map[string][]byte{
		"no sample entry": nil, "is damaged": {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 99},
		"esds is damaged": entry("mp4a", make([]byte, 28)), "h264: the sample entry has no avcC": entry("avc1", make([]byte, 78)),
		"h265: the sample entry has no hvcC": entry("hev1", make([]byte, 10)),
	} {
		_, err := ReadSampleEntry(stsd, 90000)
		require.ErrorContains(t, err, want)
		require.NotErrorIs(t, err, ErrNotRecorded)
	}
	_, err := ReadSampleEntry(entry("alac", make([]byte, 28)), 48000)
	require.ErrorIs(t, err, ErrNotRecorded)
	_, err = WriteSampleEntry(&isobmff.Writer{}, &media.Track{Codec: 255})
	require.ErrorContains(t, err, "cannot hold codec(255)")
	require.True(t, Dense("Opus"))
	require.False(t, Dense("sowt") || Dense("ac-3"), "PCM, and silence in AC-3, may be zeros")
}

// FuzzSampleEntry: no sample entry breaks the reader, and an accepted one can be written and read again.
func FuzzSampleEntry(f *testing.F) {
	for _, track := range described(f) {
		var w isobmff.Writer
		_, err := WriteSampleEntry(&w, &track)
		require.NoError(f, err)
		f.Add(isobmff.Find(w.B, "stsd"), track.Timescale)
	}
	for _, form := range []string{"sowt", "twos", "in24", "in32", "lpcm", "ulaw"} {
		for version := range 3 {
			var w isobmff.Writer
			w.U64(1)
			at := w.Open(form)
			w.Append([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0, byte(version), 0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, 0, 0, 0, 0xbb, 0x80, 0, 0})
			w.Append([]byte{0, 0, 0, 72, 0x40, 0xe7, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x7f, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0, 12, 0, 0, 0, 6, 0, 0, 0, 1})
			w.Close(at)
			f.Add(w.B, uint32(48000))
		}
	}
	f.Add(metadataEntry("metx", "", onvifNamespace, ""), uint32(90000))
	f.Add(metadataEntry("mett", "", klvMIME), uint32(90000))
	f.Add(uriEntry("urn:smpte:ul:060E2B34"), uint32(90000))
	f.Fuzz(func(t *testing.T, stsd []byte, scale uint32) {
		LengthSize(stsd)
		track, err := ReadSampleEntry(stsd, max(scale, 1))
		if err != nil {
			return
		}
		Of(track.Codec).MIME(&track)
		var w isobmff.Writer
		if _, err := WriteSampleEntry(&w, &track); err != nil {
			return
		}
		again, err := ReadSampleEntry(isobmff.Find(w.B, "stsd"), max(scale, 1))
		require.NoError(t, err)
		require.Equal(t, track.Codec, again.Codec)
		require.Equal(t, len(bytes.Join(track.ParameterSets, nil)), len(bytes.Join(again.ParameterSets, nil)))
	})
}

// readBack writes the sample entry of a track and returns the track that is read from it.
func readBack(t *testing.T, track media.Track) media.Track {
	t.Helper()
	var w isobmff.Writer
	_, err := WriteSampleEntry(&w, &track)
	require.NoError(t, err)
	got, err := ReadSampleEntry(isobmff.Find(w.B, "stsd"), track.Timescale)
	require.NoError(t, err)
	return got
}
