package adts

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The bits of the headers follow tables 1.A.6 and 1.A.7: syncword 12, ID 1, layer 2, protection_absent 1; profile 2,
// sampling_frequency_index 4, private_bit 1, channel_configuration 3, and four flags; frame_length 13, fullness 11,
// number_of_raw_data_blocks_in_frame 2.
func TestHeadersAreRead(t *testing.T) {
	for name, tc := range map[string]struct {
		header       string
		bytes, after int
		config       [2]byte
	}{
		"LC, 48 kHz, stereo":          {"\xff\xf1\x4c\x80\x20\x1f\xfc", 256, 7, [2]byte{0x11, 0x90}},
		"LC, 44.1 kHz, mono, MPEG-2":  {"\xff\xf9\x50\x40\x01\x7f\xfc", 11, 7, [2]byte{0x12, 0x08}},
		"LC, 16 kHz, with a checksum": {"\xff\xf0\x60\x40\x02\x1f\xfc\x12\x34", 16, 9, [2]byte{0x14, 0x08}},
		"Main, 24 kHz, 7.1":           {"\xff\xf1\x19\xc3\xff\xff\xfc", 8191, 7, [2]byte{0x0b, 0x38}},
		"layout in the frame":         {"\xff\xf1\x4c\x00\x20\x1f\xfc", 256, 7, [2]byte{0x11, 0x80}},
	} {
		h, err := Read([]byte(tc.header))
		require.NoError(t, err, name)
		require.Equal(t, []int{tc.bytes, tc.after}, []int{h.Bytes, h.HeaderBytes}, name)
		require.Equal(t, tc.config, h.Config(), name)
	}
	for want, header := range map[string]string{
		"is cut":                       "\xff\xf1\x4c\x80\x20\x1f",
		"no ADTS frame begins here":    "\xff\xe1\x4c\x80\x20\x1f\xfc",
		"no ADTS frame begins":         "\xff\xf3\x4c\x80\x20\x1f\xfc", // a layer of MPEG audio
		"the reserved sample rate 13":  "\xff\xf1\x74\x80\x20\x1f\xfc",
		"has a size of 7 bytes":        "\xff\xf1\x4c\x80\x00\xff\xfc",
		"has a size of 9 bytes":        "\xff\xf0\x4c\x80\x01\x3f\xfc\x00\x00",
		"has 4 raw data blocks: only ": "\xff\xf1\x4c\x80\x20\x1f\xff",
	} {
		_, err := Read([]byte(header))
		require.ErrorContains(t, err, want)
	}
}

// FuzzRead: an accepted header gives a frame of more than the header.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\xff\xf1\x4c\x80\x20\x1f\xfc"))
	f.Add([]byte("\xff\xf0\x60\x40\x02\x1f\xfc\x12\x34"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := Read(b); err == nil {
			require.Greater(t, h.Bytes, h.HeaderBytes)
			require.Less(t, h.Bytes, 1<<13)
		}
	})
}

// A header that is made of a configuration has that configuration when it is read.
func TestHeadersAreMade(t *testing.T) {
	for _, asc := range []string{"\x11\x90", "\x12\x08", "\x0b\x38", "\x14\x08"} {
		h, err := HeaderOf([]byte(asc))
		require.NoError(t, err)
		for _, n := range []int{1, 200, 8184} {
			b, err := h.Append(nil, n)
			require.NoError(t, err)
			read, err := Read(b)
			require.NoError(t, err)
			require.Equal(t, []int{7 + n, 7}, []int{read.Bytes, read.HeaderBytes})
			config := read.Config()
			require.Equal(t, asc, string(config[:]))
		}
		_, err = h.Append(nil, 8185)
		require.ErrorContains(t, err, "cannot have 8185 bytes")
	}
	h, err := HeaderOf([]byte{0x2b, 0x92, 0x08, 0x00}) // replication: 22.05 kHz in the frames, 44.1 kHz of a decoder
	require.NoError(t, err)
	require.Equal(t, [2]byte{0x13, 0x90}, h.Config())
	for want, asc := range map[string]string{
		"is cut":                    "\x11",
		"no audio object type 23":   "\xb9\x90",
		"no such sample rate":       "\x17\x80\x5d\xc0\x10",
		"no channel configuration ": "\x11\x80",
		"no frames of 960 samples":  "\x11\x94",
	} {
		_, err := HeaderOf([]byte(asc))
		require.ErrorContains(t, err, want)
	}
}

func FuzzHeaderOf(f *testing.F) {
	f.Add([]byte{0x11, 0x90})
	f.Add([]byte{0x2b, 0x92, 0x08, 0x00})
	f.Fuzz(func(t *testing.T, asc []byte) {
		h, err := HeaderOf(asc)
		if err != nil {
			return
		}
		b, err := h.Append(nil, 100)
		require.NoError(t, err)
		_, err = Read(b)
		require.NoError(t, err)
	})
}
