package media

import (
	"testing"

	"github.com/stretchr/testify/require"
)

var documents = RegisterCodec(CodecTraits{Name: "documents", Kind: Metadata, AlwaysSync: true})

func metadata() Track { return Track{Codec: documents, Timescale: 90000} }

func TestTheLeadTrackIsNotMetadata(t *testing.T) {
	for want, tracks := range map[int][]Track{0: {metadata(), metadata()}, 1: {metadata(), audio()}, 2: {metadata(), audio(), video()}} {
		set := setOf(t, tracks...)
		require.Equal(t, want, set.Lead())
		require.False(t, set.Aside(want))
		require.True(t, set.Aside(0) || want == 0)
	}
	for _, k := range []Kind{Video, Audio, Metadata} {
		require.Equal(t, k, KindNamed(k.String()))
	}
	require.Zero(t, KindNamed("text"))
}

// A minute without metadata is no gap and ends no chunk. The last unit in a chunk lasts until the chunk's end.
func TestMetadataMayBeSilent(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), metadata())
	at := f.live(0, 0, 3600, 5)
	f.add(1, 3600, true)
	for range 60 {
		at = f.live(0, at, 3600, 25)
	}
	f.add(1, at, true)
	at = f.live(0, at, 3600, 25)
	require.Equal(t, []int64{3600, at - 25*3600}, f.times(1))
	for i, c := range f.out {
		require.Empty(t, c.Gaps)
		require.True(t, c.Gap.None())
		require.LessOrEqual(t, c.SpanNS(), int64(1e9))
		if col := &c.Tracks[1]; col.Len() > 0 && i < len(f.out)-1 {
			require.Equal(t, c.Lead().EndTicks, col.EndTicks)
		}
	}
}

// Metadata of another clock, before its time or after, is placed by its arrival. It changes no time of the pictures.
func TestMetadataOfAnotherClock(t *testing.T) {
	const off = 1 << 40
	f := newFeed(t, BuilderConfig{}, video(), metadata())
	at := f.live(0, 0, 3600, 50)
	f.add(1, at+off, true)
	at = f.live(0, at, 3600, 50)
	f.add(1, at+off, true)
	f.add(1, at+off, true) // again at the same time
	at = f.live(0, at, 3600, 50)
	f.add(1, at-90000, true) // of the pictures' clock, and late
	f.live(0, at, 3600, 50)
	require.Equal(t, []int64{49 * 3600, 99 * 3600, 99*3600 + 1, at - 90000}, f.times(1))
	want := int64(0)
	for _, got := range f.times(0) {
		require.Equal(t, want, got)
		want += 3600
	}
	for _, c := range f.out {
		require.Empty(t, c.Gaps)
		require.True(t, c.Gap.None())
	}
}

// Late metadata stays in the open chunk, with its time, and ends no chunk.
func TestLateMetadataEndsNoChunk(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), metadata())
	at := f.live(0, 0, 3600, 100)
	f.add(1, at-3*90000, true)
	f.add(1, at-3600, true)
	f.live(0, at, 3600, 25)
	require.Equal(t, []int64{at - 3*90000, at - 3600}, f.times(1))
	require.Len(t, f.out, 5)
}
