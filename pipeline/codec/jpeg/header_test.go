package jpeg

import (
	"bytes"
	"image"
	"image/color"
	standardjpeg "image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"
)

// coded returns a picture of image/jpeg, which has the standard tables, and its entropy-coded data.
func coded(t testing.TB, width, height, quality int) (picture, data []byte) {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, color.RGBA{R: uint8(3 * x), G: uint8(5 * y), B: uint8(x * y), A: 255})
		}
	}
	var b bytes.Buffer
	require.NoError(t, standardjpeg.Encode(&b, m, &standardjpeg.Options{Quality: quality}))
	at := bytes.Index(b.Bytes(), []byte{0xff, sos})
	return b.Bytes(), b.Bytes()[at+2+12:]
}

// A header that is written anew decodes to the same picture, at any quality.
func TestAHeaderReplacesThatOfTheEncoder(t *testing.T) {
	for _, quality := range []int{1, 30, 50, 75, 99} {
		picture, data := coded(t, 48, 34, quality)
		tables := AppendTables(nil, quality)
		h := Header{Width: 48, Height: 34, HalfHeight: true, Quantization: [2][]byte{tables[:64], tables[64:]}}
		again := append(h.Append(nil), data...)
		width, height, err := Size(again)
		require.NoError(t, err)
		require.Equal(t, []int{48, 34}, []int{width, height})
		require.Equal(t, decoded(t, picture), decoded(t, again))

		var wide [2][]byte
		for i := range wide {
			for _, v := range h.Quantization[i] {
				wide[i] = append(wide[i], 0, v)
			}
		}
		h.Quantization = wide
		require.Equal(t, decoded(t, picture), decoded(t, append(h.Append(nil), data...)), "tables of 16 bits")
	}
}

func decoded(t testing.TB, picture []byte) image.Image {
	t.Helper()
	m, err := standardjpeg.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	return m
}

// The fields that only some pictures have are where a decoder finds them.
func TestTheFieldsOfAHeader(t *testing.T) {
	one := AppendTables(nil, 50)[:64]
	b := (&Header{Width: 16, Height: 8, RestartInterval: 0x0102, Quantization: [2][]byte{one}}).Append(nil)
	require.Contains(t, string(b), "\xff\xdd\x00\x04\x01\x02")
	require.Equal(t, 1, bytes.Count(b, []byte{0xff, dqt}))
	require.Contains(t, string(b), "\xff\xc0\x00\x11\x08\x00\x08\x00\x10\x03\x01\x21\x00\x02\x11\x00\x03\x11\x00")
	require.Equal(t, byte(16), one[0])
}

// What is read of a header is what was written, and without it the picture is the same.
func TestAHeaderIsReadAsItWasWritten(t *testing.T) {
	tables := AppendTables(nil, 40)
	wide := make([]byte, 128)
	copy(wide, "\x00\x10")
	for name, h := range map[string]Header{
		"4:2:0": {Width: 48, Height: 34, HalfHeight: true, Quantization: [2][]byte{tables[:64], tables[64:]}},
		"4:2:2": {Width: 2592, Height: 1944, RestartInterval: 0x102, Quantization: [2][]byte{tables[:64], nil}},
		"wide":  {Width: 8, Height: 8, Quantization: [2][]byte{wide, tables[64:]}},
	} {
		picture := append(h.Append(nil), 1, 2, 3)
		got, data, err := ReadHeader(append(picture[:len(picture):len(picture)], EndOfImage...))
		require.NoError(t, err, name)
		require.Equal(t, h, got, name)
		require.Equal(t, []byte{1, 2, 3}, data, name)
		_, data, err = ReadHeader(picture)
		require.NoError(t, err, name)
		require.Equal(t, []byte{1, 2, 3}, data, name)
	}
	picture, data := coded(t, 48, 34, 60)
	h, rest, err := ReadHeader(picture)
	require.NoError(t, err)
	require.Equal(t, data, append(rest[:len(rest):len(rest)], EndOfImage...))
	require.Equal(t, decoded(t, picture), decoded(t, append(h.Append(nil), data...)))
}

// Pictures that a Header cannot describe are refused, and so is each picture whose headers are cut.
func TestPicturesThatNoHeaderDescribes(t *testing.T) {
	tables := AppendTables(nil, 50)
	h := Header{Width: 16, Height: 8, RestartInterval: 7, Quantization: [2][]byte{tables[:64], tables[64:]}}
	whole := h.Append(nil)
	for n := range whole {
		_, _, err := ReadHeader(whole[:n])
		require.Error(t, err, "cut at %d", n)
	}
	frame, scan, codes := bytes.Index(whole, []byte{0xff, sof0}), bytes.Index(whole, []byte{0xff, sos}), bytes.Index(whole, []byte{0xff, dht})
	for name, c := range map[string]struct {
		at   int
		b    byte
		want error
	}{
		"progressive": {frame + 1, sof0 + 2, errBaseline}, "12 bits": {frame + 4, 12, errBaseline}, "one component": {frame + 9, 1, errComponents},
		"4:4:4": {frame + 11, 0x11, errComponents}, "tall chroma": {frame + 14, 0x12, errComponents}, "no height": {frame + 6, 0, errNoLines},
		"a missing table": {frame + 12, 2, errTables}, "three tables": {frame + 18, 0, errTables}, "a part of the spectrum": {scan + 12, 5, errBaseline},
		"other codes": {codes + 7, 2, errHuffman}, "another table": {codes + 4, 2, errHuffman}, "swapped tables": {scan + 6, 0x11, errHuffman},
		"no frame header": {frame + 1, 0xe1, errNoFrame}, "a table of 24 bits": {6, 0x20, errCut},
	} {
		b := bytes.Clone(whole)
		b[c.at] = c.b
		_, _, err := ReadHeader(b)
		require.ErrorIs(t, err, c.want, name)
	}
}

func TestAHeaderAllocatesNothing(t *testing.T) {
	tables, b := AppendTables(nil, 75), make([]byte, 0, 1024)
	h := Header{Width: 640, Height: 480, Quantization: [2][]byte{tables[:64], tables[64:]}}
	require.Zero(t, testing.AllocsPerRun(10, func() {
		picture := h.Append(b[:0])
		_, _, err := Size(picture)
		if err == nil {
			_, _, err = ReadHeader(picture)
		}
		if err != nil {
			t.Fatal(err)
		}
		AppendTables(tables[:0], 20)
	}))
}

func TestAPictureWithoutASize(t *testing.T) {
	picture, _ := coded(t, 16, 16, 75)
	frame := bytes.Index(picture, []byte{0xff, sof0})
	for n := range frame + 4 + 15 {
		_, _, err := Size(picture[:n])
		require.Error(t, err, "cut at %d", n)
	}
	for want, b := range map[string]string{
		"does not begin": "\x00\x00\x00\x01", "no frame header": "\xff\xd8\xff\xda\x00\x02", "no size": "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x10\x01\x01\x11\x00",
	} {
		_, _, err := Size([]byte(b))
		require.ErrorContains(t, err, want)
	}
	width, height, err := Size([]byte("\xff\xd8\xff\xff\xff\xe0\x00\x04ab\xff\xd0\xff\xc2\x00\x0b\x08\x00\x07\x00\x10\x01\x01\x11\x00"))
	require.NoError(t, err, "fill bytes, and a marker without a length")
	require.Equal(t, []int{16, 7}, []int{width, height})
}

func FuzzSize(f *testing.F) {
	picture, _ := coded(f, 16, 16, 75)
	f.Add(picture)
	f.Add([]byte("\xff\xd8\xff\xff\xff\xd0\xff\xc4\x00\x02"))
	f.Fuzz(func(t *testing.T, picture []byte) {
		width, height, err := Size(picture)
		require.Equal(t, err == nil, width > 0 && height > 0 && width <= 0xffff && height <= 0xffff)
		h, data, err := ReadHeader(picture)
		if err != nil {
			return
		}
		again, rest, err := ReadHeader(append(h.Append(nil), data...))
		require.NoError(t, err)
		require.Equal(t, h, again)
		require.True(t, bytes.Equal(bytes.TrimSuffix(data, EndOfImage), rest))
	})
}
