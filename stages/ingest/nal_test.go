package ingest_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// TestUnneededNALUnitsCostNoPicture sends a NAL unit that no decoder knows, or needs, in each picture: the pictures
// arrive whole, and the NAL unit is counted.
func TestUnneededNALUnitsCostNoPicture(t *testing.T) {
	type odd struct {
		name  string
		nal   []byte
		cause string // "": kept
	}
	vendor := []byte{1, 2, 3, 4}
	odds := map[media.Codec][]odd{
		codec.H264: {
			{"empty body", []byte{0x41}, ingest.RepairedBroken},
			{"forbidden bit in a slice", append([]byte{0xc1}, vendor...), ingest.RepairedBroken},
			{"forbidden bit in a delimiter", []byte{0x89, 0x10}, ingest.RepairedBroken},
			{"end of sequence", []byte{10}, ""},
			{"zeros", []byte{0, 0, 0, 0, 0}, ingest.RepairedUndefined},
		},
		codec.H265: {
			{"one byte", []byte{2}, ingest.RepairedBroken},
			{"header only", []byte{2, 1}, ingest.RepairedBroken},
			{"temporal id of 0", append([]byte{2, 0}, vendor...), ingest.RepairedBroken},
			{"forbidden bit", append([]byte{0x82, 1}, vendor...), ingest.RepairedBroken},
			{"another layer's slice", append([]byte{2, 9}, vendor...), ingest.RepairedLayer},
			{"another layer's SPS", append([]byte{33 << 1, 9}, vendor...), ingest.RepairedLayer},
			{"end of sequence", []byte{36 << 1, 1}, ""},
			{"zeros", []byte{0, 0, 0, 0, 0}, ingest.RepairedBroken},
		},
	}
	for _, kind := range []byte{0, 17, 18, 22, 23, 25, 26, 27, 29, 30, 31} {
		odds[codec.H264] = append(odds[codec.H264], odd{fmt.Sprint("type ", kind), append([]byte{0x60 | kind}, vendor...), ingest.RepairedUndefined})
	}
	for _, kind := range []byte{14, 15, 16, 20, 21} {
		odds[codec.H264] = append(odds[codec.H264], odd{fmt.Sprint("type ", kind), append([]byte{0x60 | kind}, vendor...), ingest.RepairedLayer})
	}
	for _, kind := range []byte{10, 15, 22, 23, 24, 31, 41, 47, 51, 55, 63} {
		odds[codec.H265] = append(odds[codec.H265], odd{fmt.Sprint("type ", kind), append([]byte{kind << 1, 1}, vendor...), ingest.RepairedUndefined})
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
	v, pics := b.Of(coding), ingesttest.OddPictures(coding, 20)
	for i, au := range pics {
		at := uint32(i) * 3600
		odd := func(marker bool) { b.Send(v, at, marker, nal...) }
		if place == "before" {
			odd(false)
		}
		if place == "alone" { // as if it were a picture of its own
			b.Send(v, at-1800, true, nal...)
		}
		b.Send(v, at, false, au[0]...)
		if place == "between" {
			odd(false)
		}
		b.Send(v, at, place != "behind" && place != "with the marker", au[1]...)
		if place == "behind" {
			odd(true)
		}
		if place == "with the marker" {
			odd(true)
		}
	}
	v.Close()
	b.Feed.Close()
	delete(b.Publisher.Losses, media.DropNoPicture)
	require.Empty(t, b.Publisher.Losses)
	require.Len(t, b.Publisher.Units, len(pics))
	for i, u := range b.Publisher.Units {
		require.Equal(t, ingesttest.HashOf(pics[i]), ingesttest.HashOf(ingesttest.PictureOf(coding, u.NALs)))
		require.Equal(t, int64(i)*3600, u.AU.PTS-b.Publisher.Units[0].AU.PTS)
		for _, kept := range u.NALs {
			require.True(t, cause == "" || !bytes.Equal(kept, nal))
		}
	}
	if cause != "" {
		require.EqualValues(t, len(pics), b.Publisher.Repairs[cause])
	}
}

// TestASliceThatIsMarkedForDamageIsMissed checks that the picture of a damaged slice is left out, not stored without
// it.
func TestASliceThatIsMarkedForDamageIsMissed(t *testing.T) {
	b := newBench(t)
	v := b.Of(codec.H264)
	pics := ingesttest.OddPictures(codec.H264, 20)
	for i, au := range pics {
		if i == 10 {
			au[1][0] |= 0x80
		}
		b.Send(v, uint32(i)*3600, false, au[0]...)
		b.Send(v, uint32(i)*3600, true, au[1]...)
	}
	b.Feed.Close()
	require.EqualValues(t, 1, b.Publisher.Losses[media.DropDamaged])
	require.Len(t, b.Publisher.Units, 19)
}
