package flv

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

var avc = FourCC("avc1")

// Messages of pictures, byte by byte as the specifications write them.
func TestMessagesOfPictures(t *testing.T) {
	for name, tc := range map[string]struct {
		body []byte
		want []Packet
	}{
		"sequence header":     {[]byte{0x17, 0, 0, 0, 0, 9}, []Packet{{Kind: Config, Codec: 7, Data: []byte{9}}}},
		"frame":               {[]byte{0x27, 1, 0, 1, 2, 9}, []Packet{{Kind: Frame, Codec: 7, CompositionMS: 258, Data: []byte{9}}}},
		"shown before":        {[]byte{0x27, 1, 0xff, 0xff, 0xfe, 9}, []Packet{{Kind: Frame, Codec: 7, CompositionMS: -2, Data: []byte{9}}}},
		"end of a sequence":   {[]byte{0x17, 2, 0, 0, 0}, []Packet{{Kind: Other, Codec: 7, Data: []byte{}}}},
		"command":             {[]byte{0x57, 1}, nil},
		"other codec":         {[]byte{0x22, 1}, []Packet{{Kind: Frame, Codec: 2, Data: []byte{1}}}},
		"enhanced header":     {[]byte{0x90, 'a', 'v', 'c', '1', 9}, []Packet{{Kind: Config, Codec: avc, Data: []byte{9}}}},
		"enhanced frame":      {[]byte{0x91, 'a', 'v', 'c', '1', 0, 0, 3, 9}, []Packet{{Kind: Frame, Codec: avc, Composed: true, Data: []byte{0, 0, 3, 9}}}},
		"without an offset":   {[]byte{0xa3, 'a', 'v', 'c', '1', 9}, []Packet{{Kind: Frame, Codec: avc, Data: []byte{9}}}},
		"colours":             {[]byte{0x94, 'a', 'v', 'c', '1', 9}, []Packet{{Kind: Other, Codec: avc, Data: []byte{9}}}},
		"enhanced command":    {[]byte{0xd1, 1}, nil},
		"one track":           {[]byte{0x96, 0x03, 'a', 'v', 'c', '1', 5, 9}, []Packet{{Kind: Frame, Codec: avc, Track: 5, Data: []byte{9}}}},
		"many tracks":         {[]byte{0x96, 0x13, 'a', 'v', 'c', '1', 1, 0, 0, 1, 8, 2, 0, 0, 2, 7, 9}, []Packet{{Kind: Frame, Codec: avc, Track: 1, Data: []byte{8}}, {Kind: Frame, Codec: avc, Track: 2, Data: []byte{7, 9}}}},
		"many codecs":         {[]byte{0x96, 0x20, 'a', 'v', 'c', '1', 0, 0, 0, 1, 8, 'v', 'p', '0', '9', 1, 0, 0, 0}, []Packet{{Kind: Config, Codec: avc, Data: []byte{8}}, {Kind: Config, Codec: FourCC("vp09"), Track: 1, Data: []byte{}}}},
		"nanoseconds":         {[]byte{0x97, 2, 0x01, 0x02, 0x03, 0x03, 'a', 'v', 'c', '1', 9}, []Packet{{Kind: Frame, Codec: avc, NanoNS: 0x010203, Data: []byte{9}}}},
		"unknown modifier":    {[]byte{0x97, 0, 0xff, 0x17, 1, 0, 0, 0x23, 'a', 'v', 'c', '1', 9}, []Packet{{Kind: Frame, Codec: avc, Data: []byte{9}}}},
		"modified multitrack": {[]byte{0x97, 2, 0, 0, 7, 0x06, 0x03, 'a', 'v', 'c', '1', 1, 9}, []Packet{{Kind: Frame, Codec: avc, Track: 1, NanoNS: 7, Data: []byte{9}}}},
	} {
		t.Run(name, func(t *testing.T) {
			var r Reader
			got, err := r.Video(tc.body)
			require.NoError(t, err)
			require.Len(t, got, len(tc.want))
			for i := range got {
				require.Equal(t, tc.body[0]>>4&7 == 1, got[i].Key)
				got[i].Key = false
				require.Equal(t, tc.want[i], got[i])
			}
		})
	}
}

func TestALongModifier(t *testing.T) {
	body := append([]byte{0x97, 255, 0x01, 0x00}, make([]byte, 257)...) // 257 bytes
	body = append(body, 0x03, 'a', 'v', 'c', '1', 9)
	var r Reader
	got, err := r.Video(body)
	require.NoError(t, err)
	require.Equal(t, []Packet{{Kind: Frame, Codec: avc, Key: true, Data: []byte{9}}}, got)
}

func TestMessagesOfSound(t *testing.T) {
	for name, tc := range map[string]struct {
		body []byte
		want Packet
	}{
		"configuration":    {[]byte{0xaf, 0, 1, 2}, Packet{Kind: Config, Codec: 10, Data: []byte{1, 2}, Sound: Sound{44100, 16, 2}}},
		"frame":            {[]byte{0xaf, 1, 3}, Packet{Kind: Frame, Codec: 10, Data: []byte{3}, Sound: Sound{44100, 16, 2}}},
		"mp3":              {[]byte{0x2a, 3}, Packet{Kind: Frame, Codec: 2, Data: []byte{3}, Sound: Sound{22050, 16, 1}}},
		"uncompressed":     {[]byte{0x35, 3}, Packet{Kind: Frame, Codec: 3, Data: []byte{3}, Sound: Sound{11025, 8, 2}}},
		"enhanced frame":   {[]byte{0x91, 'O', 'p', 'u', 's', 3}, Packet{Kind: Frame, Codec: FourCC("Opus"), Data: []byte{3}}},
		"layout":           {[]byte{0x94, 'O', 'p', 'u', 's', 3}, Packet{Kind: Other, Codec: FourCC("Opus"), Data: []byte{3}}},
		"track":            {[]byte{0x95, 0x01, 'O', 'p', 'u', 's', 4, 3}, Packet{Kind: Frame, Codec: FourCC("Opus"), Track: 4, Data: []byte{3}}},
		"track and a nano": {[]byte{0x97, 2, 0, 0, 9, 0x05, 0x01, 'O', 'p', 'u', 's', 4, 3}, Packet{Kind: Frame, Codec: FourCC("Opus"), Track: 4, NanoNS: 9, Data: []byte{3}}},
	} {
		t.Run(name, func(t *testing.T) {
			var r Reader
			got, err := r.Audio(tc.body)
			require.NoError(t, err)
			require.Equal(t, []Packet{tc.want}, got)
		})
	}
}

func TestMessagesThatAreCut(t *testing.T) {
	var r Reader
	for _, body := range [][]byte{
		{0x17}, {0x17, 1, 0, 0}, {0x91}, {0x91, 'a', 'v', 'c'}, {0x96}, {0x96, 0x13, 'a', 'v'}, {0x96, 0x13, 'a', 'v', 'c', '1'},
		{0x96, 0x13, 'a', 'v', 'c', '1', 1, 0, 0, 2, 8}, {0x96, 0x33, 'a', 'v', 'c', '1', 1}, {0x97}, {0x97, 5, 1}, {0x97, 255, 1}, {0x97, 0, 0},
	} {
		_, err := r.Video(body)
		require.Error(t, err, "%x", body)
	}
	_, err := r.Audio([]byte{0xaf})
	require.Error(t, err)
	endless := []byte{0x97}
	for range maxModifiers + 1 {
		endless = append(endless, 0, 0, 0x17)
	}
	_, err = r.Video(endless)
	require.ErrorContains(t, err, "too many modifiers")
	many := []byte{0x96, 0x13, 'a', 'v', 'c', '1'}
	for i := range maxPackets + 1 {
		many = append(many, byte(i), 0, 0, 0)
	}
	_, err = r.Video(many)
	require.ErrorIs(t, err, errPackets)
	packets, err := r.Video(nil)
	require.NoError(t, err)
	require.Empty(t, packets)
	require.ErrorIs(t, (&Packet{Data: []byte{1, 2}}).Compose(), errCut)
}

func TestAggregates(t *testing.T) {
	type part struct {
		kind uint8
		ms   uint32
		body string
	}
	var got []part
	each := func(kind uint8, ms uint32, body []byte) error {
		got = append(got, part{kind, ms, string(body)})
		return nil
	}
	body := []byte{8, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 'a', 0, 0, 0, 12, 9, 0, 0, 2, 0, 1, 40, 0, 0, 0, 0, 'b', 'c', 0, 0, 0, 13}
	require.NoError(t, Aggregate(5000, body, each))
	require.Equal(t, []part{{8, 5000, "a"}, {9, 5040, "bc"}}, got)
	require.Error(t, Aggregate(0, body[:10], each))
	require.Error(t, Aggregate(0, body[:28], each))
	failed := errors.New("failed")
	require.ErrorIs(t, Aggregate(0, body, func(uint8, uint32, []byte) error { return failed }), failed)
}

func TestNamesOfCodecs(t *testing.T) {
	require.Equal(t, "vp08", FourCC("vp08").String())
	require.Equal(t, "a??\x62", FourCC("a\x00\nb").String())
	require.Equal(t, "FLV codec 4", Codec(4).String())
}

// FuzzPackets divides any message: each packet lies within it.
func FuzzPackets(f *testing.F) {
	for _, seed := range [][]byte{
		{0x17, 0, 0, 0, 0, 9}, {0x91, 'a', 'v', 'c', '1', 0, 0, 3, 9}, {0x96, 0x13, 'a', 'v', 'c', '1', 1, 0, 0, 1, 8, 2, 0, 0, 2, 7, 9},
		{0x97, 2, 1, 2, 3, 0x06, 0x23, 'a', 'v', 'c', '1', 1, 0, 0, 0}, {0xaf, 1, 3}, {0x95, 0x01, 'O', 'p', 'u', 's', 4, 3},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r Reader
		for _, read := range []func([]byte) ([]Packet, error){r.Video, r.Audio} {
			packets, _ := read(body)
			total := 0
			for i := range packets {
				p := &packets[i]
				total += len(p.Data)
				if p.Composed {
					_ = p.Compose()
				}
				if p.NanoNS < 0 || p.NanoNS > 999999 {
					t.Fatal(p.NanoNS)
				}
				_ = p.Codec.String()
			}
			if total > len(body) || len(packets) > maxPackets {
				t.Fatal(total, len(packets))
			}
		}
		total := 0
		_ = Aggregate(1, body, func(_ uint8, _ uint32, part []byte) error { total += len(part); return nil })
		if total > len(body) {
			t.Fatal(total)
		}
	})
}
