package ingest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// ntp returns a sender's clock in the form of its report.
func ntp(at time.Duration) uint64 { return uint64(at/time.Second)<<32 | uint64(at%time.Second)<<32/1e9 }

// TestWrongReportsMoveNothing sends reports whose clock stands still, is years off, is set, or belongs to another
// track. Sound and picture stay in place.
func TestWrongReportsMoveNothing(t *testing.T) {
	for name, report := range map[string]func(i uint32) (ntpV, ntpA uint64, rtpV, rtpA uint32){
		"clock at nought": func(i uint32) (_, _ uint64, v, a uint32) { return 0, 0, i * 3600, i * 1920 },
		"clock of 1970": func(i uint32) (_, _ uint64, v, a uint32) {
			n := ntp(time.Duration(i) * 40 * time.Millisecond)
			return n, n, i * 3600, i * 1920
		},
		"clock passes 2036": func(i uint32) (_, _ uint64, v, a uint32) {
			n := uint64(1<<32-2)<<32 + uint64(i)<<32/25
			return n, n, i * 3600, i * 1920
		},
		"clock stands still": func(i uint32) (_, _ uint64, v, a uint32) { return 99 << 32, 99 << 32, i * 3600, i * 1920 },
		"one track's clock is off": func(i uint32) (_, _ uint64, v, a uint32) {
			n := ntp(time.Hour + time.Duration(i)*40*time.Millisecond)
			return n, n + 7200<<32, i * 3600, i * 1920
		},
		"RTP time of another clock": func(i uint32) (_, _ uint64, v, a uint32) {
			n := ntp(time.Hour + time.Duration(i)*40*time.Millisecond)
			return n, n, i*40 + 1<<30, i*1920 + 1<<29
		},
		"clock set between two reports": func(i uint32) (_, _ uint64, v, a uint32) {
			n := ntp(time.Hour + time.Duration(i)*40*time.Millisecond)
			set := uint64(0)
			if i >= 100 {
				set = 7200 << 32
			}
			return n + set, n + set, i * 3600, i * 1920
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v, a := b.Video(codec.H264, ingesttest.Baseline, ingesttest.PPSX264), b.audio()
			for i := range uint32(150) {
				if i%10 == 1 || i == 100 {
					ntpV, ntpA, rtpV, rtpA := report(i)
					v.SenderReport(ntpV, rtpV)
					if name != "clock set between two reports" || i != 100 {
						a.SenderReport(ntpA, rtpA)
					}
				}
				b.Send(a, i*1920, true, 0xaa)
				b.Send(v, i*3600, true, ingesttest.IDR...)
				b.Now = b.Now.Add(40 * time.Millisecond)
			}
			v.Close()
			a.Close()
			b.Feed.Close()
			pictures, sound := b.Publisher.Of(codec.H264), b.Publisher.Of(codec.AAC)
			require.Len(t, pictures, 150)
			require.Len(t, sound, 150)
			if name == "clock set between two reports" {
				require.Zero(t, b.Publisher.Losses[media.DropClocksDisagree])
			}
			for i := range pictures {
				require.EqualValues(t, i*3600, pictures[i].AU.PTS)
				require.InDelta(t, i*1920, sound[i].AU.PTS, 48*50)
				require.InDelta(t, float64(i)*0.04, float64(pictures[i].AU.UTC-pictures[0].AU.UTC)/1e9, 0.1)
			}
		})
	}
}
