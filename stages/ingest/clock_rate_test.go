package ingest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// drifting sends a picture a second by a clock of a wrong rate.
func drifting(t *testing.T, rate float64, byArrival bool, life time.Duration) *bench {
	b := newBench(t)
	b.Feed.Time(hub.Timing{WallClock: map[bool]string{true: hub.WallClockArrival}[byArrival]})
	sps, pps := ingesttest.CodedSets(false)
	v := b.Video(codec.H264, sps, pps)
	dice := rand.New(rand.NewPCG(1, uint64(rate*1e6)))
	began := b.Now
	picture := ingesttest.Coded{Kind: 5, IDRID: 1}.NAL(false)[:40]
	for at := time.Duration(0); at < life; at += time.Second {
		b.Now = began.Add(at + time.Duration(dice.IntN(60))*time.Millisecond)
		b.Send(v, uint32(int64(math.Round(at.Seconds()*90000*rate))), true, picture...)
	}
	v.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, int(life/time.Second))
	return b
}

// TestDatesFollowArrival checks the dates over an hour, for several rates of the sender's clock.
func TestDatesFollowArrival(t *testing.T) {
	for _, rate := range []float64{1, 1.0004, 0.999, 1.005, 0.995, 1.1, 0.9, 2, 0.5} {
		for _, byArrival := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v %v", rate, byArrival), func(t *testing.T) {
				b := drifting(t, rate, byArrival, time.Hour)
				first := b.Publisher.Units[0].AU
				bound, settled := 1.5, 400
				for i, u := range b.Publisher.Units {
					if i > settled {
						require.InDelta(t, float64(i), float64(u.AU.UTC-first.UTC)/1e9, bound, "date of picture %d", i)
					}
					if byArrival {
						require.InDelta(t, float64(i), float64(u.AU.PTS-first.PTS)/90000, 4, "time of picture %d", i)
					} else {
						require.InDelta(t, float64(i)*rate, float64(u.AU.PTS-first.PTS)/90000, 1e-3, "time of picture %d", i)
					}
				}
				said := strings.Count(b.Log.String(), "the sender's clock runs at a wrong rate")
				if math.Abs(rate-1) < 0.004 {
					require.Zero(t, said)
					return
				}
				require.Equal(t, 1, said, "said once")
				p := b.Publisher.Problems[-1]
				require.NotNil(t, p)
				require.Contains(t, p.Cause, fmt.Sprintf("%.1f %%", 100*rate))
			})
		}
	}
}
