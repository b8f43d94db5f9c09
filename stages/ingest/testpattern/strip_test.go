package testpattern

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/stages/ingest/testpattern/h264"
)

// drawn returns the luma plane of a strip, in rows of stride bytes.
func drawn(l stripLayout, n uint32, stride, width, height int) []byte {
	m := h264.NewMosaic(width, height)
	l.draw(m, n)
	luma := make([]byte, stride*height)
	for y := range height {
		for x := range width {
			luma[y*stride+x] = m.Y(x/h264.TileSize, y/h264.TileSize)
		}
	}
	return luma
}

func TestStripIsReadBackWhateverTheNumberAndSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(16, 700).Draw(t, "width"), rapid.IntRange(16, 500).Draw(t, "height")
		n := rapid.Uint32().Draw(t, "n")
		stride := width + rapid.IntRange(0, 40).Draw(t, "stride")
		l, fits := layoutStrip(width, height)
		require.Equal(t, width/4*(height/4) >= 40 && fits, fits)
		if !fits {
			return
		}
		got, ok := ReadFrameNumber(drawn(l, n, stride, width, height), stride, width, height)
		require.True(t, ok)
		require.Equal(t, n, got)
	})
}

func TestADamagedStripIsNotRead(t *testing.T) {
	l, _ := layoutStrip(640, 360)
	for i := range cells {
		luma := drawn(l, 123_456, 640, 640, 360)
		x, y := l.cell(i)
		for row := range 4 * l.height {
			for col := range 4 * l.width {
				p := &luma[(4*y+row)*640+4*x+col]
				*p = black + white - *p
			}
		}
		_, ok := ReadFrameNumber(luma, 640, 640, 360)
		require.False(t, ok, "cell %d is inverted", i)
	}
	grey := drawn(l, 123_456, 640, 640, 360)
	for i, v := range grey {
		grey[i] = 76 + v/5 // black stays dark, white is no longer light
	}
	_, ok := ReadFrameNumber(grey, 640, 640, 360)
	require.False(t, ok, "cells that are not white")
	for _, plain := range []byte{0, 16, 128, 235, 255} {
		_, ok := ReadFrameNumber(bytes.Repeat([]byte{plain}, 640*360), 640, 640, 360)
		require.False(t, ok, "a picture of nothing but %d", plain)
	}
}

func TestAPlaneThatIsTooShortIsNotRead(t *testing.T) {
	luma := make([]byte, 640*360)
	for _, c := range [][4]int{{640*360 - 1, 640, 640, 360}, {640 * 360, 639, 640, 360}, {0, 0, 0, 0}, {640 * 360, 640, -1, -1}} {
		_, ok := ReadFrameNumber(luma[:c[0]], c[1], c[2], c[3])
		require.False(t, ok)
	}
}
