package ingest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// TestWhatIsNoPartOfAPictureCostsNone sends a NAL unit that no decoder knows, or
// needs, in each picture: the pictures come, whole, and it is counted.
func TestWhatIsNoPartOfAPictureCostsNone(t *testing.T) {
	type odd struct {
		name  string
		nal   []byte
		cause string // "": kept
	}
	vendor := []byte{1, 2, 3, 4}
	odds := map[media.Codec][]odd{
		codec.H264: {
			{"empty body", []byte{0x41}, RepairedBroken},
			{"forbidden bit in a slice", append([]byte{0xc1}, vendor...), RepairedBroken},
			{"forbidden bit in a delimiter", []byte{0x89, 0x10}, RepairedBroken},
			{"end of sequence", []byte{10}, ""},
			{"zeros", []byte{0, 0, 0, 0, 0}, RepairedUndefined},
		},
		codec.H265: {
			{"one byte", []byte{2}, RepairedBroken},
			{"header only", []byte{2, 1}, RepairedBroken},
			{"temporal id of 0", append([]byte{2, 0}, vendor...), RepairedBroken},
			{"forbidden bit", append([]byte{0x82, 1}, vendor...), RepairedBroken},
			{"another layer's slice", append([]byte{2, 9}, vendor...), RepairedLayer},
			{"another layer's SPS", append([]byte{33 << 1, 9}, vendor...), RepairedLayer},
			{"end of sequence", []byte{36 << 1, 1}, ""},
			{"zeros", []byte{0, 0, 0, 0, 0}, RepairedBroken},
		},
	}
	for _, kind := range []byte{0, 17, 18, 22, 23, 25, 26, 27, 29, 30, 31} {
		odds[codec.H264] = append(odds[codec.H264], odd{fmt.Sprint("type ", kind), append([]byte{0x60 | kind}, vendor...), RepairedUndefined})
	}
	for _, kind := range []byte{14, 15, 16, 20, 21} {
		odds[codec.H264] = append(odds[codec.H264], odd{fmt.Sprint("type ", kind), append([]byte{0x60 | kind}, vendor...), RepairedLayer})
	}
	for _, kind := range []byte{10, 15, 22, 23, 24, 31, 41, 47, 51, 55, 63} {
		odds[codec.H265] = append(odds[codec.H265], odd{fmt.Sprint("type ", kind), append([]byte{kind << 1, 1}, vendor...), RepairedUndefined})
	}
	for coding, list := range odds {
		for _, o := range list {
			for _, place := range []string{"before", "behind", "between", "alone", "with the marker"} {
				t.Run(fmt.Sprint(coding, " ", o.name, " ", place), func(t *testing.T) { sendOdd(t, coding, o.nal, o.cause, place) })
			}
		}
	}
}

func sendOdd(t *testing.T, coding media.Codec, nal []byte, cause, place string) {
	b := newBench(t)
	v, pics := b.of(coding), oddPictures(coding, 20)
	for i, au := range pics {
		at := uint32(i) * 3600
		odd := func(marker bool) { b.send(v, at, marker, nal...) }
		if place == "before" {
			odd(false)
		}
		if place == "alone" { // as if it were a picture of its own
			b.send(v, at-1800, true, nal...)
		}
		b.send(v, at, false, au[0]...)
		if place == "between" {
			odd(false)
		}
		b.send(v, at, place != "behind" && place != "with the marker", au[1]...)
		if place == "behind" {
			odd(true)
		}
		if place == "with the marker" {
			odd(true)
		}
	}
	v.Close()
	b.feed.Close()
	delete(b.shelf.lost, media.DropNoPicture)
	require.Empty(t, b.shelf.lost)
	require.Len(t, b.shelf.units, len(pics))
	for i, u := range b.shelf.units {
		require.Equal(t, hashOf(pics[i]), hashOf(pictureOf(coding, u.nals)))
		require.Equal(t, int64(i)*3600, u.au.PTS-b.shelf.units[0].au.PTS)
		for _, kept := range u.nals {
			require.True(t, cause == "" || !bytes.Equal(kept, nal))
		}
	}
	if cause != "" {
		require.EqualValues(t, len(pics), b.shelf.repaired[cause])
	}
}

// oddPictures is n key pictures of two slices.
func oddPictures(coding media.Codec, n int) (out [][][]byte) {
	if coding == codec.H265 {
		for i := range n {
			out = append(out, [][]byte{{19 << 1, 1, 0x81, byte(i), 1}, {19 << 1, 1, 0x41, byte(i), 1}})
		}
		return out
	}
	for i := range n {
		c := coded{kind: 5, idrID: uint32(i % 2), count: 2}
		d := c
		d.first = 2
		out = append(out, [][]byte{c.nal(false)[:40], d.nal(false)[:40]})
	}
	return out
}

// TestASliceThatIsMarkedForDamageIsMissed: its picture is left out, not stored
// without it.
func TestASliceThatIsMarkedForDamageIsMissed(t *testing.T) {
	b := newBench(t)
	v := b.of(codec.H264)
	pics := oddPictures(codec.H264, 20)
	for i, au := range pics {
		if i == 10 {
			au[1][0] |= 0x80
		}
		b.send(v, uint32(i)*3600, false, au[0]...)
		b.send(v, uint32(i)*3600, true, au[1]...)
	}
	b.feed.Close()
	require.EqualValues(t, 1, b.shelf.lost[media.DropDamaged])
	require.Len(t, b.shelf.units, 19)
}
