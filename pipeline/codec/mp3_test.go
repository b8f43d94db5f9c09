package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// The headers are those of encoders; the sizes follow from ISO/IEC 11172-3, 2.4.3.1.
func TestTheHeaderOfAnMP3Frame(t *testing.T) {
	for header, want := range map[string]MP3Frame{
		"fffb9464": {1, 3, 48000, 2, 384, 1152}, // 128 kbit/s
		"fffb9064": {1, 3, 44100, 2, 417, 1152},
		"fffb92c4": {1, 3, 44100, 1, 418, 1152}, // padded
		"fff344c4": {2, 3, 24000, 1, 96, 576},   // 32 kbit/s
		"ffe318c4": {3, 3, 8000, 1, 72, 576},    // 8 kbit/s
		"fffda404": {1, 2, 48000, 2, 576, 1152}, // layer II, 192 kbit/s
		"fff55404": {2, 2, 24000, 2, 240, 1152}, // 40 kbit/s
		"ffff4200": {1, 1, 44100, 2, 140, 384},  // layer I, 128 kbit/s, padded
		"fff710c4": {2, 1, 22050, 1, 68, 384},   // 32 kbit/s
	} {
		got, err := ReadMP3Frame(fromHex(header))
		require.NoError(t, err)
		require.Equal(t, want, got, header)
		again, err := ReadMP3Frame(got.Set())
		require.NoError(t, err)
		require.Equal(t, []int{want.Version, want.Rate, want.Channels}, []int{again.Version, again.Rate, again.Channels}, header)
	}
	for _, damaged := range []string{"", "fffb90", "fefb9064", "ff1b9064", "ffeb9064", "fff99064", "fffb0064", "fffbf064", "fffb9c64"} {
		_, err := ReadMP3Frame(fromHex(damaged))
		require.Error(t, err, damaged)
	}
}

// MP3 and AAC have the same type of sample entry; QuickTime has another without an esds.
func TestMP3AndAACShareASampleEntry(t *testing.T) {
	entry := func(fourcc string, rate, channels int, object uint8, specific []byte) []byte {
		var w isobmff.Writer
		w.U64(1)
		at := w.OpenAudioEntry(fourcc, channels, 16, rate)
		if object != 0 {
			w.Esds(isobmff.AudioStream, object, specific)
		}
		w.Close(at)
		return w.B
	}
	for _, c := range []struct {
		stsd    []byte
		codec   media.Codec
		mime    string
		refused string
	}{
		{entry("mp4a", 48000, 2, 0x6b, nil), MP3, "mp4a.6B", ""},
		{entry("mp4a", 24000, 1, 0x69, nil), MP3, "mp4a.69", ""},
		{entry(".mp3", 44100, 2, 0, nil), MP3, "mp4a.6B", ""},
		{entry("mp4a", 48000, 2, 0x40, []byte{0x11, 0x90}), AAC, "mp4a.40.2", ""},
		{entry("mp4a", 48000, 2, 0x67, []byte{0x11, 0x90}), AAC, "mp4a.40.2", ""},
		{entry("mp4a", 48000, 2, 0xa9, []byte{1}), 0, "", "MPEG-4 object type 0xa9: its codec is not recorded"},
		{entry("mp4a", 12345, 2, 0x6b, nil), 0, "", "MP3 of 12345 Hz, 2 channels"},
		{entry("mp4a", 48000, 6, 0x6b, nil), 0, "", "MP3 of 48000 Hz, 6 channels"},
	} {
		track, err := ReadSampleEntry(c.stsd, 90000)
		if c.refused != "" {
			require.EqualError(t, err, c.refused)
			continue
		}
		require.NoError(t, err)
		require.NoError(t, track.Validate())
		require.Equal(t, c.codec, track.Codec)
		require.Equal(t, c.mime, Of(c.codec).MIME(&track))
	}
}

// FuzzMP3: a header that is accepted has a rate, channels, and a size that holds itself, and its set describes a track.
func FuzzMP3(f *testing.F) {
	f.Add(fromHex("fffb9464"))
	f.Add(fromHex("ffe318c4"))
	f.Add(fromHex("ffff4200"))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := ReadMP3Frame(b)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, frame.Bytes, mp3HeaderBytes)
		require.Less(t, frame.Bytes, 4<<10)
		track, err := Describe(MP3, 90000, [][]byte{frame.Set()})
		require.NoError(t, err)
		require.NoError(t, track.Validate())
		require.Equal(t, []int{frame.Rate, frame.Channels}, []int{track.SampleRate, track.Channels})
	})
}
