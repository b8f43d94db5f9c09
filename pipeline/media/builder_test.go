package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChunksBeginAtSyncSamplesAndFlushIntervals(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.live(0, f.live(0, 0, 3600, 60), 3600, 10) // GOPs of 2.4 s and 0.4 s at 25 fps
	f.Flush()
	var lens []int
	var starts []bool
	for i, c := range f.out {
		lens, starts = append(lens, c.AccessUnits()), append(starts, c.StartsGOP)
		require.EqualValues(t, i+1, c.Seq)
		if i+1 < len(f.out) {
			require.Equal(t, f.out[i+1].Tracks[0].DTS[0], c.Tracks[0].EndTicks)
		}
		require.EqualValues(t, int64(lens[i])*40e6, c.SpanNS())
	}
	require.Equal(t, []int{25, 25, 10, 10}, lens)
	require.Equal(t, []bool{true, false, false, true}, starts)
}

func TestPayloadIsInTheFormOfAnMdat(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	put := func(track int, au *AU) { require.NoError(t, f.Append(track, au)) }
	put(0, &AU{Sync: true, Payload: [][]byte{{0x65, 1}, {}, {6}, nil}})
	put(0, &AU{DTS: 3600, PTS: 7200, Framed: true, Payload: [][]byte{{0, 0, 0, 1, 0x41}}})
	put(1, &AU{Payload: [][]byte{{0xff, 0xf1}, {7}}})
	f.Flush()
	v, a := &f.out[0].Tracks[0], &f.out[0].Tracks[1]
	require.Equal(t, []byte{0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 6, 0, 0, 0, 1, 0x41}, v.Payload.Append(nil), "empty NAL units are left out")
	require.Equal(t, []uint32{11, 5}, v.SizeBytes)
	require.Equal(t, []uint8{FlagSync, 0}, v.Flags)
	require.Equal(t, []int32{0, 3600}, v.OffsetTicks)
	require.Equal(t, []byte{0xff, 0xf1, 7}, a.Payload.Append(nil), "sound has no lengths")
	require.Equal(t, []uint8{FlagSync}, a.Flags, "every frame of sound is a sync sample")
	require.Equal(t, 16+3, f.out[0].Bytes())
}

func TestUnfitUnitsAreRefusedAndTheNextIsTaken(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	require.ErrorIs(t, f.Append(2, f.unit(0, true)), ErrNoSuchTrack)
	require.ErrorIs(t, f.Append(-1, f.unit(0, true)), ErrNoSuchTrack)
	require.ErrorIs(t, f.Append(0, f.unit(0, false)), ErrNoKeyFrame)
	require.ErrorIs(t, f.Append(0, &AU{Sync: true}), ErrEmpty)
	require.ErrorIs(t, f.Append(0, &AU{Sync: true, Payload: [][]byte{{}, nil}}), ErrEmpty, "NAL units without a byte")
	require.ErrorIs(t, f.Append(1, &AU{Payload: [][]byte{make([]byte, MaxAccessUnitBytes+1)}}), ErrTooLarge)
	require.Nil(t, f.cur)
	f.add(0, 0, true)
	require.ErrorIs(t, NewBuilder(f.pool, BuilderConfig{}, nil).Append(0, f.unit(0, true)), ErrNoSuchTrack)
}

func TestSoundBeforeThePictureHasAChunkOfItsOwn(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	f.live(1, 0, 1024, 20) // 0.43 s
	f.add(0, 36000, true)  // 0.4 s
	f.Flush()
	require.Len(t, f.out, 2)
	require.False(t, f.out[0].StartsGOP)
	require.Equal(t, 19, f.out[0].AccessUnits())
	require.True(t, f.out[1].StartsGOP)
	require.Equal(t, []int64{19 * 1024}, f.out[1].Tracks[1].DTS, "sound after the picture's begin goes with it")
	require.EqualValues(t, 19*1024, f.out[0].Tracks[1].EndTicks)
}

func TestSoundThatIsWhollyLaterMovesOn(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	f.live(1, 96000, 1024, 20)
	f.MarkGap(Gap{Cause: GapSourceLost})
	f.add(0, 0, true)
	f.Flush()
	require.Len(t, f.out, 1, "no chunk without an access unit")
	require.EqualValues(t, 1, f.out[0].Seq)
	require.Equal(t, 21, f.out[0].AccessUnits())
	require.Equal(t, GapSourceLost, f.out[0].Gap.Cause)
	require.EqualValues(t, 1e18+f.now, f.out[0].UTC, "the picture's clock")
}

func TestSoundCutsAtTwiceTheIntervalWhenThePictureIsSilent(t *testing.T) {
	f := newFeed(t, BuilderConfig{Flush: time.Second}, video(), audio())
	f.add(0, 0, true)
	f.live(1, 0, 1024, 200) // 4.3 s
	f.Flush()
	require.Len(t, f.out, 3)
	require.Equal(t, []int64{0}, f.out[0].Tracks[0].DTS)
	for _, c := range f.out[:2] {
		require.Equal(t, 94, c.Tracks[1].Len())
		require.InDelta(t, 2e9, ToNanos(c.Tracks[1].EndTicks-c.Tracks[1].DTS[0], 48000), 25e6)
	}
	require.False(t, f.out[1].StartsGOP)
}

func TestPayloadBoundCutsWhateverComes(t *testing.T) {
	f := newFeed(t, BuilderConfig{MaxBytes: 100}, video(), audio())
	f.add(0, 0, true)
	for i := range int64(7) {
		f.add(1, i*1024, true)
	}
	require.Empty(t, f.out)
	f.add(1, 7*1024, true) // 14 + 80
	f.add(0, 20000, false) // 14 more: too many
	require.Len(t, f.out, 1)
	f.add(1, 9*1024, true)
	require.Len(t, f.out, 1)
	big := f.unit(30000, false)
	big.Payload = [][]byte{make([]byte, 500)}
	require.NoError(t, f.Append(0, big), "an access unit beyond the bound is a chunk of its own")
	require.Len(t, f.out, 2)
	f.add(0, 33600, false)
	require.Len(t, f.out, 3)
}

func TestPayloadBoundHoldsBeforeThePicture(t *testing.T) {
	f := newFeed(t, BuilderConfig{MaxBytes: 100}, video(), audio())
	f.add(0, 0, true)
	f.live(1, 0, 1024, 100) // sound cuts: the picture has no place in the chunk
	n := len(f.out)
	big := f.unit(100*3600, false)
	big.Payload = [][]byte{make([]byte, 99)}
	require.NoError(t, f.Append(0, big))
	require.Len(t, f.out, n+1)
}

func TestManyTinyUnitsDoNotGrowAChunk(t *testing.T) {
	a := audio()
	a.Timescale = 4e9
	f := newFeed(t, BuilderConfig{}, a)
	for i := range int64(maxUnits + 10) {
		f.add(0, i, true)
	}
	require.Len(t, f.out, 1)
	require.Equal(t, maxUnits, f.out[0].AccessUnits())
}

func TestSetTracksBeginsAnew(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	f.live(0, 0, 3600, 10)
	f.live(0, 3600*90000, 3600, 10) // a jump
	next, err := NewTrackSet(2, []Track{video()})
	require.NoError(t, err)
	f.SetTracks(next)
	require.Len(t, f.out, 2)
	require.EqualValues(t, 20*3600, f.out[1].Tracks[0].EndTicks, "the last duration repeats")
	require.ErrorIs(t, f.Append(0, f.unit(36000, false)), ErrNoKeyFrame)
	f.add(0, 0, true) // no jump: another time line
	f.Flush()
	last := f.out[2]
	require.Same(t, next, last.Set)
	require.EqualValues(t, 3, last.Seq)
	require.True(t, last.Gap.None())
	require.Equal(t, []int64{0}, last.Tracks[0].DTS, "no correction of the old line")
}

func TestLastDurations(t *testing.T) {
	still := video()
	still.Timescale = 1
	f := newFeed(t, BuilderConfig{}, video(), audio(), still)
	for i := range 3 {
		f.add(i, 5, true)
	}
	f.Flush()
	for i, want := range []int64{3600, 1024, 1} {
		require.Equal(t, want, f.out[0].Tracks[i].DurationTicks(0))
	}
	odd := audio()
	odd.FrameDurationTicks = 1 << 31
	g := newFeed(t, BuilderConfig{}, odd)
	g.add(0, 0, true)
	g.Flush()
	require.EqualValues(t, 480000, g.out[0].Tracks[0].EndTicks, "no frame is longer than a stall")
}

func TestChunksHoldLittleThatTheyDoNotUse(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	sizes := []int{500, 520, 480, 5000, 500, 510, 20, 500, 600} // KB
	for i, n := range sizes {
		au := f.unit(int64(i)*3600, true)
		au.Payload = [][]byte{make([]byte, n<<10)}
		require.NoError(t, f.Append(0, au))
	}
	f.Flush()
	for i, c := range f.out {
		require.LessOrEqual(t, c.MemoryBytes(), c.Bytes()+maxBlock/8+1<<10, "chunk %d", i)
	}
}
