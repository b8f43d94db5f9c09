package rtsp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// shuffled returns footage with some packets in another order than sent, each less than within places of its track
// away; the first packet stays.
func (f *footage) shuffled(within, from, to int) []footagePacket {
	out := append([]footagePacket(nil), f.packets...)
	random := rand.New(rand.NewPCG(1, 2))
	for _, m := range []*description.Media{&f.video, &f.audio} {
		var at []int
		for i, p := range f.packets {
			if p.media == m && from <= i && i < to {
				at = append(at, i)
			}
		}
		for at = at[1:]; len(at) > 0; at = at[min(within, len(at)):] {
			block := at[:min(within, len(at))]
			for i, j := range random.Perm(len(block)) {
				out[block[i]] = f.packets[block[j]]
			}
		}
	}
	return out
}

// TestPacketsOutOfOrderLoseNothingOverUDP checks that sequence numbers restore the order.
func TestPacketsOutOfOrderLoseNothingOverUDP(t *testing.T) {
	r := newFixture(t)
	// The wait for missing packets is bounded by time: here the clock stands still.
	still := &standing{Clock: pipeline.SystemClock, at: time.Now()}
	_, addr := r.serve(Config{UDP: freeUDPPair(t), Clock: still, ReadTimeout: 10 * deadline})
	file := clip(t, "h264", x264...)
	f := film(t, file, false)
	wait := r.record("shuffled")
	udp := gortsplib.ProtocolUDP
	c := &gortsplib.Client{Protocol: &udp, DisableRTCPSenderReports: true, WriteQueueSize: 4096, ListenPacket: listenPaced}
	require.NoError(t, c.StartRecording("rtsp://"+addr+"/shuffled", f.description()))
	v, a := f.reports()
	require.NoError(t, c.WritePacketRTCP(&f.video, v))
	require.NoError(t, c.WritePacketRTCP(&f.audio, a))
	for _, p := range f.shuffled(20, 0, len(f.packets)) {
		require.NoError(t, c.WritePacketRTP(p.media, p.pkt))
	}
	eventually(t, "all units have come", func() bool { return r.info("shuffled").AccessUnits == uint64(f.units) })
	c.Close()
	compare(t, file, codec.H264, wait(), 0)
	require.Empty(t, r.losses("shuffled"))
}

// TestPacketsOutOfOrderOverTCPSpoilNoPicture plays a broken sender, since no network reorders TCP. Torn pictures are
// left out and counted; the kept ones equal the source's.
func TestPacketsOutOfOrderOverTCPSpoilNoPicture(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	file := clip(t, "h264", x264...)
	f := film(t, file, false)
	wait := r.record("torn")
	third := len(f.packets) / 3
	c := f.publish(t, "rtsp://"+addr+"/torn", true, f.shuffled(2, third, 2*third))
	eventually(t, "it goes on behind what was torn", func() bool {
		return len(r.losses("torn")) > 0 && r.info("torn").AccessUnits > uint64(f.units)*2/3-25
	})
	c.Close()
	got := wait()
	for coding, stream := range map[media.Codec]string{codec.H264: "v", codec.AAC: "a"} {
		own := map[string]bool{}
		source, _ := probe(t, file, stream)
		for _, p := range source {
			own[p.hash] = true
		}
		for i, u := range got.units[coding] {
			require.True(t, own[u.hash], "unit %d of %s is not in the source", i, coding)
		}
	}
	require.Greater(t, len(got.units[codec.H264]), 25)
}
