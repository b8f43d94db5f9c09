package transport

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Over hours the sender's clock runs too fast or too slow by 200 ppm, and its timestamps wrap: the times of arrival stay within
// the jitter.
func TestTheTimebaseFollowsTheSendersClock(t *testing.T) {
	for _, ppm := range []int64{-200, 0, 200} {
		random := rand.New(rand.NewPCG(1, 2))
		var b timebase
		const hours = 3
		for sentUS := int64(0); sentUS < hours*3600_000_000; sentUS += 20_000 {
			stamp := uint32(4_000_000_000 + sentUS + sentUS/1_000_000*ppm)
			nowUS := zeroUS + sentUS + 5_000 + random.Int64N(30_000)
			at := b.at(stamp, nowUS)
			if late := nowUS - at; late < 0 || late > 45_000 {
				require.Fail(t, "a packet is placed wrongly", "%d µs late, %d ppm after %d s", late, ppm, sentUS/1_000_000)
			}
		}
	}
}

// Packets that are sent again have old timestamps, and do not disturb the others.
func TestRetransmissionsDoNotMoveTheTimebase(t *testing.T) {
	var b timebase
	for i := range int64(1000) {
		require.Equal(t, zeroUS+i*1000, b.at(uint32(i*1000), zeroUS+i*1000))
		if i > 100 {
			require.Equal(t, zeroUS+(i-100)*1000, b.at(uint32((i-100)*1000), zeroUS+i*1000))
		}
	}
}

// A hostile sender cannot make data be held for longer than the latency.
func FuzzTimebase(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		var b timebase
		for nowUS := zeroUS; len(data) >= 5; data = data[5:] {
			nowUS += int64(data[4]) * 100_000
			require.LessOrEqual(t, b.at(order.Uint32(data), nowUS), nowUS)
		}
	})
}
