package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// TestNothingKept sends ten seconds of what cannot be kept, ten that can, and ten
// that cannot again, for every cause that a sender may have.
func TestNothingKept(t *testing.T) {
	sps, pps := codedSets(false)
	good := coded{kind: 5}.nal(false)[:40]
	later := coded{kind: 1, ref: true, frameNum: 1}.nal(false)[:40]
	for name, tc := range map[string]struct {
		sets  bool // they are in the session description
		bad   func(b *bench, v *RTPTrack, at uint32)
		cause string
	}{
		"no parameter sets": {false, func(b *bench, v *RTPTrack, at uint32) { b.send(v, at, true, good...) }, media.DropNoParameterSets},
		"damaged":           {true, func(b *bench, v *RTPTrack, at uint32) { b.seq[v]++; b.send(v, at, true, idrLater...) }, media.DropDamaged},
		"no slices":         {true, func(b *bench, v *RTPTrack, at uint32) { b.send(v, at, true, 9, 0x10) }, media.DropNoPicture},
		"nothing but SEI":   {true, func(b *bench, v *RTPTrack, at uint32) { b.send(v, at, true, 6, 5, 1, 1, 0x80) }, media.DropNoPicture},
		"garbage":           {true, func(b *bench, v *RTPTrack, at uint32) { b.send(v, at, true, 0x7f, 0xff, 3) }, RepairedUndefined},
		"another layer":     {true, func(b *bench, v *RTPTrack, at uint32) { b.send(v, at, true, 20, 0xff, 3) }, RepairedLayer},
		"no end":            {true, func(b *bench, v *RTPTrack, _ uint32) { b.send(v, 3600, false, later...) }, media.DropEndlessPicture},
		"fragments only":    {true, func(b *bench, v *RTPTrack, at uint32) { b.send(v, at, true, 0x7c, 0x05, 1) }, media.DropDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			var sets [][]byte
			if tc.sets {
				sets = [][]byte{sps, pps}
			}
			v := b.video(codec.H264, sets...)
			warnings := func() int { return strings.Count(b.log.String(), "nothing of a track can be kept") }
			at := uint32(3600)
			for second := range 30 {
				wrong := second < 10 || second >= 20
				for range 25 {
					if wrong && (second < 10 || tc.sets) {
						tc.bad(b, v, at)
					} else {
						if !tc.sets {
							b.send(v, at, false, sps...)
							b.send(v, at, false, pps...)
						}
						b.send(v, at, true, good...)
					}
					at += 3600
					b.now = b.now.Add(40 * time.Millisecond)
				}
				switch second {
				case 3:
					require.Zero(t, warnings(), "five seconds are not over")
				case 9:
					require.Equal(t, 1, warnings(), "it is said once")
					p := b.shelf.problems[0]
					require.NotNil(t, p)
					require.Equal(t, "nothing_kept", p.Problem)
					require.Contains(t, p.Cause, tc.cause)
					require.NotEmpty(t, p.Remedy)
					require.True(t, p.Failing)
					require.WithinDuration(t, b.now.Add(-10*time.Second), p.Since, time.Second)
				case 19:
					require.Nil(t, b.shelf.problems[0], "it is over")
				}
			}
			if tc.sets {
				require.Equal(t, 2, warnings(), "it is said again, since it was over")
				require.NotNil(t, b.shelf.problems[0])
			}
		})
	}
}

func TestNoKeyFrameEver(t *testing.T) {
	b := newBench(t)
	b.shelf.refuse = media.ErrNoKeyFrame
	sps, pps := codedSets(false)
	v := b.video(codec.H264, sps, pps)
	for i := range uint32(200) {
		b.send(v, i*3600, true, coded{kind: 1, ref: true, frameNum: i}.nal(false)[:40]...)
		b.now = b.now.Add(40 * time.Millisecond)
	}
	require.Contains(t, b.shelf.problems[0].Cause, media.DropNoKeyFrame)
	require.Contains(t, b.shelf.problems[0].Remedy, "key frame interval")
}

// TestATrackThatDiesWhileTheOtherGoesOn: of two tracks one ends, and one that was
// announced never begins.
func TestATrackThatDiesWhileTheOtherGoesOn(t *testing.T) {
	for name, last := range map[string]int{"never came": 0, "came for two seconds": 50} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			sps, pps := codedSets(false)
			v, a := b.video(codec.H264, sps, pps), b.audio()
			for i := range 400 {
				if i < last {
					b.send(v, uint32(i)*3600, true, coded{kind: 5, idrID: uint32(i % 2)}.nal(false)[:40]...)
				}
				b.send(a, uint32(i)*1920, true, 0xaa)
				b.now = b.now.Add(40 * time.Millisecond)
			}
			require.Equal(t, 1, strings.Count(b.log.String(), "nothing of a track can be kept"))
			require.True(t, b.shelf.problems[0].Failing)
			require.Nil(t, b.shelf.problems[1])
			require.WithinDuration(t, b.now.Add(-time.Duration(400-last)*40*time.Millisecond), b.shelf.problems[0].Since, time.Second)
		})
	}
}

// TestASlowSenderIsNoProblem sends a picture every twenty seconds.
func TestASlowSenderIsNoProblem(t *testing.T) {
	b := newBench(t)
	sps, pps := codedSets(false)
	v := b.video(codec.H264, sps, pps)
	for i := range 30 {
		b.send(v, uint32(i)*90000*20, true, coded{kind: 5, idrID: uint32(i % 2)}.nal(false)[:40]...)
		b.now = b.now.Add(20 * time.Second)
	}
	require.Empty(t, b.shelf.problems)
}

// TestRarePicturesBesideSoundAreNoProblem sends a picture every thirty seconds, and
// sound all the time.
func TestRarePicturesBesideSoundAreNoProblem(t *testing.T) {
	b := newBench(t)
	sps, pps := codedSets(false)
	v, a := b.video(codec.H264, sps, pps), b.audio()
	for i := range 1500 {
		if i%300 == 0 {
			b.send(v, uint32(i)*9000, true, coded{kind: 5, idrID: uint32(i / 300 % 2)}.nal(false)[:40]...)
		}
		b.send(a, uint32(i)*4800, true, 0xaa)
		b.now = b.now.Add(100 * time.Millisecond)
		require.Nil(t, b.shelf.problems[0])
	}
	v.Close()
	a.Close()
	b.feed.Close()
	require.Len(t, b.shelf.of(codec.H264), 5)
	require.Len(t, b.shelf.of(codec.AAC), 1500)
	require.Len(t, b.shelf.sets, 1, "sound does not begin alone")
}

// TestSoundThatIsKeptBackIsNoProblem: a packet of few is lost, and those behind it come
// together much later, as gortsplib gives them over UDP.
func TestSoundThatIsKeptBackIsNoProblem(t *testing.T) {
	b := newBench(t)
	sps, pps := codedSets(false)
	v, a := b.video(codec.H264, sps, pps), b.audio()
	for i := range 1000 {
		b.send(v, uint32(i)*3600, true, coded{kind: 5, idrID: uint32(i % 2)}.nal(false)[:40]...)
		b.now = b.now.Add(40 * time.Millisecond)
		const lost = 100
		n := i / 4
		switch { // a packet each 160 ms
		case i%4 != 0 || n >= lost && n < lost+64:
		case n == lost+64:
			b.seq[a]++
			for kept := lost + 1; kept <= n; kept++ {
				b.send(a, uint32(kept)*7680, true, 0xaa)
			}
		default:
			b.send(a, uint32(n)*7680, true, 0xaa)
		}
	}
	require.Empty(t, b.shelf.problems)
	require.EqualValues(t, 1, b.shelf.lost[media.DropRTPLoss])
}
