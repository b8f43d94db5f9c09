package mpeg4visual

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec/bitstream"
)

func fromHex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// The first bytes of streams that ffmpeg 5.1 wrote: of the encoder mpeg4 without and with B-VOPs, and with a sample
// aspect ratio; and of libxvid.
var streams = map[string]ObjectLayer{
	"000001b001000001b58913000001000000012000c4f818258800cd0a04169443000001b24c61766335392e33372e313030000001b3001007000001b610606d82f414": {
		Profile: 0x01, Width: 320, Height: 180, AspectH: 3, AspectV: 4},
	"000001b0f1000001b5a913000001000000012008d4f818250800cd0a041694103f000001b24c61766335392e33372e313030000001b3001007000001b610606d82f4": {
		Profile: 0xf1, Width: 320, Height: 180, AspectH: 3, AspectV: 4, Reordered: true},
	"000001b001000001b58913000001000000012000c4fc83cd8800cd0b04241443000001b24c61766335392e33372e313030000001b3001007000001b610608d82d121": {
		Profile: 0x01, Width: 352, Height: 288, AspectH: 144, AspectV: 121},
	"000001b0f5000001b509000001000000012008bc04068400670c5010f0518f000001b244697658353033623133393370000001b25876694430303639000001b61061": {
		Profile: 0xf5, Width: 640, Height: 480, AspectH: 1, AspectV: 1, Reordered: true},
}

func TestTheHeadersOfStreams(t *testing.T) {
	for stream, want := range streams {
		b := fromHex(t, stream)
		headers := Headers(b)
		for _, b := range [][]byte{b, headers, append([]byte{0}, headers...)} {
			l, err := ReadHeaders(b)
			require.NoError(t, err)
			require.Equal(t, want, l)
		}
		require.True(t, KeyVOP(b))
		require.True(t, Begins(b))
		require.Equal(t, []byte{0, 0, 1}, b[len(headers):len(headers)+3])
		require.Contains(t, []byte{plane, group}, b[len(headers)+3])
		for n := range headers {
			if l, err := ReadHeaders(b[:n]); err == nil {
				require.Equal(t, want, l, "cut at %d", n)
			}
		}
	}
}

// The time code of a group of VOPs is no part of the headers: streams with the same headers are described alike.
func TestAGroupOfVOPsIsNoHeader(t *testing.T) {
	layer := []byte{0, 0, 1, firstLayer, 1, 2, 3}
	for _, rest := range [][]byte{{0, 0, 1, group, 0, 0x10, 7, 0, 0, 1, plane, 0x10}, {0, 0, 1, plane, 0x10}, nil} {
		require.Equal(t, layer, Headers(append(bytes.Clone(layer), rest...)))
	}
	require.Nil(t, Headers([]byte{0, 0, 1, group, 0, 0x10, 7, 0, 0, 1, plane, 0x10}))
}

func TestAVOPWithoutHeaders(t *testing.T) {
	for kind, key := range map[byte]bool{0x10: true, 0x50: false, 0x90: false, 0xd0: false} {
		vop := []byte{0, 0, 1, plane, kind, 0x60}
		require.Equal(t, key, KeyVOP(vop))
		require.Equal(t, key, KeyVOP(append([]byte{0, 0, 1, 0xb3, 0, 0x10, 7}, vop...)), "after a group of VOPs")
		require.Nil(t, Headers(vop))
		require.True(t, Begins(vop))
	}
	_, err := ReadHeaders([]byte{0, 0, 1, plane, 0x10})
	require.ErrorIs(t, err, errNone)
	require.False(t, KeyVOP(nil))
	require.False(t, KeyVOP([]byte{0, 0, 1, plane}))
	require.False(t, Begins([]byte{0x5a, 0, 0, 1, plane}), "the rest of a VOP")
}

// layer returns a video object layer.
func layer(shape, width, height uint32) []byte {
	w := bitstream.Writer{B: []byte{0, 0, 1, firstLayer}}
	w.Bits(9, 1)
	w.Bits(6, 1<<1) // is_object_layer_identifier, aspect_ratio_info, vol_control_parameters
	w.Bits(2, shape)
	w.Bits(1, 1)
	w.Bits(16, 25)
	w.Bits(2, 2) // a marker, fixed_vop_rate
	w.Bits(14, 1<<13|width)
	w.Bits(14, 1<<13|height)
	return w.B
}

func TestObjectLayersThatAreRefused(t *testing.T) {
	whole := layer(0, 352, 288)
	l, err := ReadHeaders(whole)
	require.NoError(t, err)
	require.Equal(t, ObjectLayer{Width: 352, Height: 288, AspectH: 1, AspectV: 1}, l)
	for says, b := range map[error][]byte{errCut: whole[:len(whole)-1], errShape: layer(1, 352, 288), errSize: layer(0, 352, 0), errNone: {0, 0, 1, 0}} {
		_, err := ReadHeaders(b)
		require.ErrorIs(t, err, says)
	}
}

// FuzzHeaders: no bytes break the readers, and accepted headers have a size.
func FuzzHeaders(f *testing.F) {
	for stream := range streams {
		f.Add(fromHex(f, stream))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		KeyVOP(b)
		Begins(b)
		require.LessOrEqual(t, len(Headers(b)), len(b))
		if l, err := ReadHeaders(b); err == nil {
			require.True(t, l.Width > 0 && l.Height > 0 && l.AspectH > 0 && l.AspectV > 0)
		}
	})
}
