package ac3

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec/bitstream"
)

func fromHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// The headers are those that ffmpeg 5.1 writes, and the sets those of its MP4 files.
func TestAFrameAndItsSet(t *testing.T) {
	for header, want := range map[string]struct {
		bytes, rate, channels int
		set                   string
	}{
		"0b772562144043e106f46370c0c0c218": {768, 48000, 2, "101140"},
		"0b77348b5e40ebf8403eff9dffc2107f": {1950, 44100, 6, "503de0"},
		"0b77348b5f40ebf8403eff9dffc2107f": {1952, 44100, 6, "503de0"}, // one word more
		"0b77d51b88402f8429a134207ca9fa55": {384, 32000, 1, "900880"},
	} {
		f, err := Read(fromHex(header))
		require.NoError(t, err)
		require.Equal(t, []int{want.bytes, want.rate, want.channels, 6}, []int{f.Bytes, f.Rate, f.Channels, f.Blocks})
		require.False(t, f.Enhanced)
		require.Equal(t, want.set, hex.EncodeToString(f.Set()))
		again, err := ReadSet(f.Set())
		require.NoError(t, err)
		require.Equal(t, []int{want.rate, want.channels}, []int{again.Rate, again.Channels})
	}
}

func TestAUnitAndItsSet(t *testing.T) {
	for header, want := range map[string]struct {
		bytes, rate, channels int
		set                   string
	}{
		"0b77017f3487c00020f800001aa08c06": {768, 48000, 2, "0600200400"},
		"0b7702ff3f87c00020d8000002000000": {1536, 48000, 6, "0c00200f00"},
		"0b7700cf7287c0000002a4709475c275": {416, 44100, 1, "0300600200"},
	} {
		b := append(fromHex(header), make([]byte, want.bytes-16)...)
		var u Unit
		require.NoError(t, u.Read(b))
		require.Equal(t, []int{want.bytes, want.rate, want.channels}, []int{u.Bytes, u.Rate, u.Channels})
		require.Equal(t, want.set, hex.EncodeToString(u.Set()))
		require.NoError(t, u.Read(append(b[:len(b):len(b)], b...)))
		require.Equal(t, want.bytes, u.Bytes, "the next unit is not part of it")
		rate, channels, err := ReadEnhancedSet(u.Set())
		require.NoError(t, err)
		require.Equal(t, []int{want.rate, want.channels}, []int{rate, channels})
	}
}

// enhanced returns a frame of 16 bytes at 48 kHz. blocks is numblkscod.
func enhanced(kind, substream, blocks, layout, low uint32, chanmap ...uint32) []byte {
	var w bitstream.Writer
	w.Bits(16, 0x0b77)
	w.Bits(2, kind)
	w.Bits(3, substream)
	w.Bits(11, 7)
	w.Bits(2, 0)
	w.Bits(2, blocks)
	w.Bits(3, layout)
	w.Bits(1, low)
	w.Bits(5, 16)
	w.Bits(6, 0) // dialnorm, compre
	if layout == 0 {
		w.Bits(6, 0)
	}
	if kind == 1 {
		w.Bits(1, uint32(len(chanmap)))
		for _, m := range chanmap {
			w.Bits(16, m)
		}
	}
	return append(w.B, make([]byte, 16-len(w.B))...)
}

// A unit has the frames of all substreams for six blocks.
func TestAUnitOfSubstreams(t *testing.T) {
	const independent, dependent = 0, 1
	const six, two = 3, 1
	behind := uint32(1) << (15 - 6) // Lrs and Rrs
	for name, c := range map[string]struct {
		frames            [][]byte
		channels, ofFirst int // ofFirst is the number of frames of the first unit
		set               string
	}{
		"7.1 in two substreams": {[][]byte{enhanced(independent, 0, six, 7, 1), enhanced(dependent, 0, six, 2, 0, behind), enhanced(independent, 0, six, 7, 1)}, 8, 2, "0040200f0202"},
		"three frames of two blocks each": {[][]byte{
			enhanced(independent, 0, two, 7, 1), enhanced(dependent, 0, two, 2, 0, behind),
			enhanced(independent, 0, two, 7, 1), enhanced(dependent, 0, two, 2, 0, behind),
			enhanced(independent, 0, two, 7, 1), enhanced(dependent, 0, two, 2, 0, behind),
			enhanced(independent, 0, two, 7, 1),
		}, 8, 6, "00c0200f0202"},
		"two programs":             {[][]byte{enhanced(independent, 0, six, 2, 0), enhanced(independent, 1, six, 1, 0)}, 2, 2, "004120040020" + "0200"},
		"two channels of one each": {[][]byte{enhanced(independent, 0, six, 0, 0)}, 2, 1, "0020200000"},
	} {
		var b []byte
		for _, f := range c.frames {
			b = append(b, f...)
		}
		var u Unit
		require.NoError(t, u.Read(b), name)
		require.Equal(t, []int{16 * c.ofFirst, c.channels}, []int{u.Bytes, u.Channels}, name)
		require.Equal(t, c.set, hex.EncodeToString(u.Set()), name)
		_, channels, err := ReadEnhancedSet(u.Set())
		require.NoError(t, err, name)
		require.Equal(t, c.channels, channels, name)
	}
	for name, b := range map[string][]byte{
		"nothing":                             nil,
		"a part of a header":                  enhanced(independent, 0, six, 2, 0)[:7],
		"a part of a frame":                   enhanced(independent, 0, six, 2, 0)[:15],
		"two blocks":                          enhanced(independent, 0, two, 2, 0),
		"a dependent substream first":         enhanced(dependent, 0, six, 2, 0),
		"the second program first":            enhanced(independent, 1, six, 2, 0),
		"a reserved kind":                     enhanced(3, 0, six, 2, 0),
		"eight blocks":                        append(enhanced(independent, 0, two, 2, 0), enhanced(independent, 0, six, 2, 0)...),
		"dependent substreams without an end": append(enhanced(independent, 0, six, 2, 0), bytes.Repeat(enhanced(dependent, 0, six, 2, 0), maxFrames)...),
		"other bytes between the frames":      append(enhanced(independent, 0, two, 2, 0), make([]byte, 16)...),
	} {
		var u Unit
		require.Error(t, u.Read(b), name)
	}
}

func TestADamagedHeaderOrSetIsRefused(t *testing.T) {
	whole := fromHex("0b772562144043e106f46370c0c0c218")
	for n := range 8 {
		_, err := Read(whole[:n])
		require.ErrorIs(t, err, ErrCut)
	}
	for _, b := range []string{"0b782562144043e1", "0b772562d44043e1", "0b772562264043e1", "0b7725621488c3e1"} {
		_, err := Read(fromHex(b))
		require.Error(t, err, b)
	}
	for _, b := range []string{"", "1011", "d01140"} {
		_, err := ReadSet(fromHex(b))
		require.Error(t, err, b)
	}
	for _, b := range []string{"", "06002004", "0600e00400"} {
		_, _, err := ReadEnhancedSet(fromHex(b))
		require.Error(t, err, b)
	}
}

// FuzzUnit: no bytes break the reader; a unit is not longer than the bytes, and its set describes it.
func FuzzUnit(f *testing.F) {
	f.Add(enhanced(0, 0, 3, 7, 1))
	f.Add(append(enhanced(0, 0, 3, 7, 1), enhanced(1, 0, 3, 2, 0, 1<<9)...))
	f.Add(append(fromHex("0b7700cf7287c0000002a4709475c275"), make([]byte, 400)...))
	f.Add(fromHex("0b772562144043e106f46370c0c0c218"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if frame, err := Read(b); err == nil {
			require.Positive(t, frame.Bytes)
			if again, err := ReadSet(frame.Set()); err == nil && !frame.Enhanced {
				require.Equal(t, []int{frame.Rate, frame.Channels}, []int{again.Rate, again.Channels})
			}
		}
		var u Unit
		if u.Read(b) != nil {
			return
		}
		require.LessOrEqual(t, u.Bytes, len(b))
		if rate, channels, err := ReadEnhancedSet(u.Set()); err == nil && u.programs[0].Enhanced {
			require.Equal(t, []int{u.Rate, u.Channels}, []int{rate, channels})
		}
	})
}
