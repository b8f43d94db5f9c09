package media

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func at(s int64, track int) Gap {
	return Gap{Cause: GapRTPLoss, StartUTC: s * second, DurationNS: second / 2, Track: track, AccessUnits: 2, Bytes: 3}
}

func TestGapsThatAreNearAreOne(t *testing.T) {
	list := JoinGap(nil, at(10, 1))
	list = JoinGap(list, at(11, 1)) // half a second behind it
	list = JoinGap(list, at(11, 2))
	list = JoinGap(list, at(12, 1))
	list = JoinGap(list, at(20, 1))
	stall := at(20, 1)
	stall.Cause = GapStall
	list = JoinGap(list, stall)
	require.Equal(t, []Gap{
		{Cause: GapRTPLoss, StartUTC: 10 * second, DurationNS: second * 5 / 2, Track: 1, AccessUnits: 6, Bytes: 9, Places: 3, MissingNS: second * 3 / 2},
		{Cause: GapRTPLoss, StartUTC: 11 * second, DurationNS: second / 2, Track: 2, AccessUnits: 2, Bytes: 3, Places: 1},
		{Cause: GapRTPLoss, StartUTC: 20 * second, DurationNS: second / 2, Track: 1, AccessUnits: 2, Bytes: 3, Places: 1},
		{Cause: GapStall, StartUTC: 20 * second, DurationNS: second / 2, Track: 1, AccessUnits: 2, Bytes: 3, Places: 1},
	}, list)
}

// The list is bounded for any gaps, and its sums include all of them.
func TestGapsThatDoNotFitAreCounted(t *testing.T) {
	var list []Gap
	const n = 1000
	for i := range int64(n) {
		list = JoinGap(list, at(i*10, 1))
	}
	require.Len(t, list, MaxGaps)
	places, units, bytes := 0, 0, int64(0)
	for _, g := range list {
		places, units, bytes = places+g.Places, units+g.AccessUnits, bytes+g.Bytes
	}
	require.Equal(t, []int64{n, 2 * n, 3 * n}, []int64{int64(places), int64(units), bytes})
	last := list[MaxGaps-1]
	require.Equal(t, GapFurther, last.Cause)
	require.Equal(t, at((MaxGaps-1)*10, 0).StartUTC, last.StartUTC)
	require.Equal(t, at((n-1)*10, 0).EndUTC(), last.EndUTC())

	folded := FoldGaps(list, 3)
	require.Len(t, folded, 3)
	require.Equal(t, list[:2], folded[:2])
	require.Equal(t, n-2, folded[2].Places)
	require.Len(t, list, MaxGaps, "it is another list")
}

// Where the next file begins at once, its gap is left out of the list: the whole gap, and no other, however full the
// list is.
func TestTheGapOfTheNextFileStaysApartInAFullList(t *testing.T) {
	for before := range 3 * maxChunkGaps {
		for next := range 3 * maxChunkGaps {
			for behind := range maxChunkGaps {
				var list []Gap
				moment := int64(0)
				add := func(n int, next bool) {
					for range n {
						g := at(moment, 1)
						g.Next = next
						moment += 10
						list = JoinChunkGap(list, g)
					}
				}
				add(before, false)
				add(next, true)
				add(behind, false)
				require.LessOrEqual(t, len(list), maxChunkGaps)
				told := map[bool]int{}
				for _, g := range list {
					told[g.Next] += g.Places
				}
				require.Equal(t, []int{before + behind, next}, []int{told[false], told[true]})
			}
		}
	}
}

// within builds chunks of two tracks: pictures at 25 a second with a key frame each second, and sound; alter changes
// or removes a unit.
func within(t *testing.T, seconds int64, alter func(track int, n int64, au *AU) bool) (gaps []Gap, before []Gap) {
	t.Helper()
	pool := NewCheckedPool()
	t.Cleanup(func() { require.Zero(t, pool.Outstanding(), pool.Leaks()) })
	b := NewBuilder(pool, BuilderConfig{}, func(c *Chunk) {
		gaps = append(gaps, c.Gaps...)
		if !c.Gap.None() {
			before = append(before, c.Gap)
		}
		c.Release()
	})
	set := setOf(t, video(), audio())
	b.SetTracks(set)
	put := func(track int, n, dts int64, sync bool) {
		ns := ToNanos(dts, set.Tracks[track].Timescale)
		au := &AU{DTS: dts, PTS: dts, UTC: start + ns, MonoNS: ns + 1, Sync: sync, Payload: [][]byte{{0x65, 1, 2}}}
		if alter(track, n, au) {
			_ = b.Append(track, au)
		}
	}
	sound := int64(0)
	for n := range seconds * 25 {
		put(0, n, n*3600, n%25 == 0)
		for ; sound*1024*90000 < (n+1)*3600*48000; sound++ {
			put(1, sound, sound*1024, true)
		}
	}
	b.Flush()
	return gaps, before
}

func TestLossesWithinAFileAreNotedWhereTheyAre(t *testing.T) {
	gaps, before := within(t, 8, func(track int, n int64, au *AU) bool {
		switch {
		case track == 0 && (n == 60 || n == 61):
			return false
		case track == 0 && n == 62:
			au.Lost = 2
		case track == 1 && n == 200:
			au.Lost, au.LostBy = 1, GapDamaged // a frame that is not missed in time
		}
		return true
	})
	require.Empty(t, before)
	require.Equal(t, []Gap{
		{Cause: GapRTPLoss, StartUTC: start + 60*second/25, DurationNS: 2 * second / 25, Track: 1, AccessUnits: 2, Places: 1},
		{Cause: GapDamaged, StartUTC: start + ToNanos(200*1024, 48000), Track: 2, AccessUnits: 1, Places: 1},
	}, gaps)
}

func TestAccessUnitsThatTheBuilderRefusesAreNoted(t *testing.T) {
	gaps, before := within(t, 8, func(track int, n int64, au *AU) bool {
		if track == 0 && n == 60 {
			au.Payload = nil
		}
		if track == 0 && n == 199 { // the last of all
			au.DTS -= 7200
		}
		return true
	})
	require.Empty(t, before)
	require.Equal(t, []Gap{
		{Cause: "empty", StartUTC: start + 60*second/25, DurationNS: second / 25, Track: 1, AccessUnits: 1, Places: 1},
		{Cause: "time_not_advancing", StartUTC: start + 198*second/25, Track: 1, AccessUnits: 1, Bytes: 7, Places: 1},
	}, gaps)
}

func TestATrackThatStallsWhileAnotherGoesOnIsNoted(t *testing.T) {
	gaps, before := within(t, 8, func(track int, n int64, _ *AU) bool { return track == 0 || n < 100 || n >= 200 })
	require.Empty(t, before)
	require.Equal(t, []Gap{
		{Cause: GapStall, StartUTC: start + ToNanos(200*1024, 48000) - ToNanos(100*1024, 48000), DurationNS: ToNanos(100*1024, 48000), Track: 2, Places: 1},
	}, gaps)
}

// A hole that cuts a file is noted in the file behind it, and in the file before it if that has pictures from behind
// the hole.
func TestAHoleThatCutsIsNotedOnceForEachFile(t *testing.T) {
	lose := func(from, to int64) func(int, int64, *AU) bool {
		return func(track int, n int64, au *AU) bool {
			if au.Lost = 0; track == 0 && n == to {
				au.Lost = int(to - from)
			}
			return track == 1 || n < from || n >= to
		}
	}
	gaps, before := within(t, 8, lose(60, 100)) // up to a key frame
	require.Empty(t, gaps)
	require.Equal(t, []Gap{{Cause: GapRTPLoss, DurationNS: 41 * second / 25}}, before)
	gaps, before = within(t, 8, lose(60, 101)) // and behind it
	require.Equal(t, []Gap{{Cause: GapRTPLoss, DurationNS: 42 * second / 25}}, before)
	require.Equal(t, []Gap{{Cause: GapRTPLoss, StartUTC: start + 60*second/25, DurationNS: 41 * second / 25, Track: 1, AccessUnits: 41, Places: 1, Next: true}}, gaps)
}

func TestGapsOfAChunkArePartedWithIt(t *testing.T) {
	pool := NewCheckedPool()
	set := setOf(t, video())
	c := pool.get(set)
	c.UTC = start
	c.Tracks[0] = Columns{DTS: []int64{0, 90000}, OffsetTicks: make([]int32, 2), SizeBytes: make([]uint32, 2), Flags: []uint8{FlagSync, FlagSync}, EndTicks: 180000}
	early, late := Gap{Cause: GapStall, StartUTC: start + 5, Track: 1}, Gap{Cause: GapStall, StartUTC: start + second, Track: 1}
	c.Gaps = []Gap{early, late}
	pool.seal(c)
	before, behind := c.Split(1)
	require.Equal(t, []Gap{early}, before.Gaps)
	require.Equal(t, []Gap{late}, behind.Gaps)
	before.Release()
	behind.Release()
	require.Zero(t, pool.Outstanding())
}
