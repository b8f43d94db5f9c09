package ingest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// TestNothingKept sends ten seconds of units that cannot be kept, ten of units that can, and ten that cannot again,
// for every cause that a sender may have.
func TestNothingKept(t *testing.T) {
	sps, pps := ingesttest.CodedSets(false)
	good := ingesttest.Coded{Kind: 5}.NAL(false)[:40]
	later := ingesttest.Coded{Kind: 1, Ref: true, FrameNum: 1}.NAL(false)[:40]
	for name, tc := range map[string]struct {
		sets  bool // they are in the session description
		bad   func(b *bench, v *rtp.Track, at uint32)
		cause string
	}{
		"no parameter sets": {false, func(b *bench, v *rtp.Track, at uint32) { b.Send(v, at, true, good...) }, media.DropNoParameterSets},
		"damaged":           {true, func(b *bench, v *rtp.Track, at uint32) { b.Seq[v]++; b.Send(v, at, true, ingesttest.IDRLater...) }, media.DropDamaged},
		"no slices":         {true, func(b *bench, v *rtp.Track, at uint32) { b.Send(v, at, true, 9, 0x10) }, media.DropNoPicture},
		"nothing but SEI":   {true, func(b *bench, v *rtp.Track, at uint32) { b.Send(v, at, true, 6, 5, 1, 1, 0x80) }, media.DropNoPicture},
		"garbage":           {true, func(b *bench, v *rtp.Track, at uint32) { b.Send(v, at, true, 0x7f, 0xff, 3) }, ingest.RepairedUndefined},
		"another layer":     {true, func(b *bench, v *rtp.Track, at uint32) { b.Send(v, at, true, 20, 0xff, 3) }, ingest.RepairedLayer},
		"no end":            {true, func(b *bench, v *rtp.Track, _ uint32) { b.Send(v, 3600, false, later...) }, media.DropEndlessPicture},
		"fragments only":    {true, func(b *bench, v *rtp.Track, at uint32) { b.Send(v, at, true, 0x7c, 0x05, 1) }, media.DropDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			var sets [][]byte
			if tc.sets {
				sets = [][]byte{sps, pps}
			}
			v := b.Video(codec.H264, sets...)
			warnings := func() int { return strings.Count(b.Log.String(), "no access unit of a track can be recorded") }
			at := uint32(3600)
			for second := range 30 {
				wrong := second < 10 || second >= 20
				for range 25 {
					if wrong && (second < 10 || tc.sets) {
						tc.bad(b, v, at)
					} else {
						if !tc.sets {
							b.Send(v, at, false, sps...)
							b.Send(v, at, false, pps...)
						}
						b.Send(v, at, true, good...)
					}
					at += 3600
					b.Now = b.Now.Add(40 * time.Millisecond)
				}
				switch second {
				case 3:
					require.Zero(t, warnings(), "five seconds are not over")
				case 9:
					require.Equal(t, 1, warnings(), "it is logged once")
					p := b.Publisher.Problems[0]
					require.NotNil(t, p)
					require.Equal(t, "nothing_kept", p.Problem)
					require.Contains(t, p.Cause, tc.cause)
					require.NotEmpty(t, p.Remedy)
					require.True(t, p.Failing)
					require.WithinDuration(t, b.Now.Add(-10*time.Second), p.Since, time.Second)
				case 19:
					require.Nil(t, b.Publisher.Problems[0], "it is over")
				}
			}
			if tc.sets {
				require.Equal(t, 2, warnings(), "it is logged again after its end")
				require.NotNil(t, b.Publisher.Problems[0])
			}
		})
	}
}

func TestNoKeyFrameEver(t *testing.T) {
	b := newBench(t)
	b.Publisher.Refuse = media.ErrNoKeyFrame
	sps, pps := ingesttest.CodedSets(false)
	v := b.Video(codec.H264, sps, pps)
	for i := range uint32(200) {
		b.Send(v, i*3600, true, ingesttest.Coded{Kind: 1, Ref: true, FrameNum: i}.NAL(false)[:40]...)
		b.Now = b.Now.Add(40 * time.Millisecond)
	}
	require.Contains(t, b.Publisher.Problems[0].Cause, media.DropNoKeyFrame)
	require.Contains(t, b.Publisher.Problems[0].Remedy, "key frame interval")
}

// TestATrackThatDiesWhileTheOtherGoesOn ends one of two tracks, and never begins one that was announced.
func TestATrackThatDiesWhileTheOtherGoesOn(t *testing.T) {
	for name, last := range map[string]int{"never came": 0, "came for two seconds": 50} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			sps, pps := ingesttest.CodedSets(false)
			v, a := b.Video(codec.H264, sps, pps), b.audio()
			for i := range 400 {
				if i < last {
					b.Send(v, uint32(i)*3600, true, ingesttest.Coded{Kind: 5, IDRID: uint32(i % 2)}.NAL(false)[:40]...)
				}
				b.Send(a, uint32(i)*1920, true, 0xaa)
				b.Now = b.Now.Add(40 * time.Millisecond)
			}
			require.Equal(t, 1, strings.Count(b.Log.String(), "no access unit of a track can be recorded"))
			require.True(t, b.Publisher.Problems[0].Failing)
			require.Nil(t, b.Publisher.Problems[1])
			require.WithinDuration(t, b.Now.Add(-time.Duration(400-last)*40*time.Millisecond), b.Publisher.Problems[0].Since, time.Second)
		})
	}
}

// The connection or this machine stands still in the middle of a picture, which ends right after.
func TestAPauseOfAllDataWithinAPictureCausesNoProblem(t *testing.T) {
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	v, a := b.Video(codec.H264, sps, pps), b.audio()
	for i := range uint32(50) {
		b.Send(v, i*3600, true, ingesttest.Coded{Kind: 5, IDRID: i % 2}.NAL(false)[:40]...)
		b.Send(a, i*1920, true, 0xaa)
		b.Now = b.Now.Add(40 * time.Millisecond)
	}
	idr := ingesttest.Coded{Kind: 5}.NAL(false)[:40]
	fragment := func(head byte, marker bool, data []byte) {
		b.Send(v, 50*3600, marker, append([]byte{idr[0]&0xe0 | 28, head | idr[0]&0x1f}, data...)...)
	}
	fragment(0x80, false, idr[1:10])
	b.Now = b.Now.Add(8 * time.Second)
	b.Send(a, 50*1920, true, 0xaa)
	fragment(0, false, idr[10:20])
	b.Now = b.Now.Add(time.Second)
	b.Send(a, 51*1920, true, 0xaa)
	fragment(0x40, true, idr[20:])
	require.NotContains(t, b.Log.String(), "no access unit of a track can be recorded")
	require.Empty(t, b.Publisher.Problems)
}

// TestASlowSenderCausesNoProblem sends a picture every twenty seconds.
func TestASlowSenderCausesNoProblem(t *testing.T) {
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	v := b.Video(codec.H264, sps, pps)
	for i := range 30 {
		b.Send(v, uint32(i)*90000*20, true, ingesttest.Coded{Kind: 5, IDRID: uint32(i % 2)}.NAL(false)[:40]...)
		b.Now = b.Now.Add(20 * time.Second)
	}
	require.Empty(t, b.Publisher.Problems)
}

// TestRarePicturesBesideSoundCauseNoProblem sends a picture every thirty seconds, and sound all the time.
func TestRarePicturesBesideSoundCauseNoProblem(t *testing.T) {
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	v, a := b.Video(codec.H264, sps, pps), b.audio()
	for i := range 1500 {
		if i%300 == 0 {
			b.Send(v, uint32(i)*9000, true, ingesttest.Coded{Kind: 5, IDRID: uint32(i / 300 % 2)}.NAL(false)[:40]...)
		}
		b.Send(a, uint32(i)*4800, true, 0xaa)
		b.Now = b.Now.Add(100 * time.Millisecond)
		require.Nil(t, b.Publisher.Problems[0])
	}
	v.Close()
	a.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Of(codec.H264), 5)
	require.Len(t, b.Publisher.Of(codec.AAC), 1500)
	require.Len(t, b.Publisher.Sets, 1, "sound does not begin alone")
}

// TestDelayedSoundCausesNoProblem loses a packet: those behind it arrive together much later, as gortsplib
// delivers them over UDP.
func TestDelayedSoundCausesNoProblem(t *testing.T) {
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	v, a := b.Video(codec.H264, sps, pps), b.audio()
	for i := range 1000 {
		b.Send(v, uint32(i)*3600, true, ingesttest.Coded{Kind: 5, IDRID: uint32(i % 2)}.NAL(false)[:40]...)
		b.Now = b.Now.Add(40 * time.Millisecond)
		const lost = 100
		n := i / 4
		switch { // a packet each 160 ms
		case i%4 != 0 || n >= lost && n < lost+64:
		case n == lost+64:
			b.Seq[a]++
			for kept := lost + 1; kept <= n; kept++ {
				b.Send(a, uint32(kept)*7680, true, 0xaa)
			}
		default:
			b.Send(a, uint32(n)*7680, true, 0xaa)
		}
	}
	require.Empty(t, b.Publisher.Problems)
	require.EqualValues(t, 1, b.Publisher.Losses[media.DropRTPLoss])
}
