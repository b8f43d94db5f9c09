package rtsp

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// frame returns an RTP packet as an interleaved frame.
func frame(t *testing.T, channel byte, p *rtp.Packet) []byte {
	t.Helper()
	b, err := p.Marshal()
	require.NoError(t, err)
	return append([]byte{'$', channel, byte(len(b) >> 8), byte(len(b))}, b...)
}

// TestRequestsBetweenPackets publishes a clip with requests, unknown packets and unknown channels between its packets,
// in
// pieces that end anywhere.
func TestRequestsBetweenPackets(t *testing.T) {
	for name, size := range map[string]int{"in small pieces": 7, "in pieces": 1009, "in large pieces": 50_021} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			_, addr := r.serve(Config{})
			file := clip(t, "h264", x264...)
			f := film(t, file, true)
			wait := r.record("live/x")
			k := recording(t, "127.0.0.1", addr, "live/x")
			var all []byte
			requests, strays := 0, 0
			for i, p := range f.packets {
				if p.media != &f.video {
					continue
				}
				all = append(all, frame(t, 0, p.pkt)...)
				switch i % 5 {
				case 0:
					all = fmt.Appendf(all, "GET_PARAMETER rtsp://%s/live/x RTSP/1.0\r\nCSeq: %d\r\nSession: %s\r\n\r\n", addr, i, k.session)
					requests++
				case 1:
					all = append(all, frame(t, 0, &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 99}, Payload: make([]byte, 40_000)})...)
					strays++
				case 2:
					all = append(all, frame(t, 8, p.pkt)...)
				}
			}
			all = fmt.Appendf(all, "TEARDOWN rtsp://%s/live/x RTSP/1.0\r\nCSeq: 1\r\nSession: %s\r\n\r\n", addr, k.session)
			go func() {
				for len(all) > 0 {
					n := min(size, len(all))
					if _, err := k.c.Write(all[:n]); err != nil {
						return
					}
					all = all[n:]
				}
			}()
			for range requests + 1 {
				var res base.Response
				require.NoError(t, res.Unmarshal(k.in))
				require.Equal(t, base.StatusOK, res.StatusCode)
			}
			video, scale := probe(t, file, "v")
			compareTrack(t, video, wait().units[codec.H264], scale, 90000)
			require.EqualValues(t, strays, r.losses("live/x")[media.DropWrongPayloadType])
		})
	}
}

// TestAPacketCostsNoMemory counts the allocations of the process while pictures of many packets arrive.
func TestAPacketCostsNoMemory(t *testing.T) {
	const pictures, packets = 100, 100
	r := newFixture(t)
	_, addr := r.serve(Config{})
	f := film(t, clip(t, "h264", x264...), true)
	k := recording(t, "127.0.0.1", addr, "live/x")
	all := make([]byte, 0, pictures*(packets+2)*1100)
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 1}}
	add := func(payload []byte, last bool) {
		p.Payload, p.Marker = payload, last
		all = append(all, frame(t, 0, &p)...)
		p.SequenceNumber++
	}
	fragment := make([]byte, 1000)
	copy(fragment, []byte{0x7c, 0x05, 0x88, 0x84}) // FU-A of an IDR picture
	for range pictures {
		add(f.sps, false)
		add(f.pps, false)
		for i := range packets {
			fragment[1] = 0x05
			if i == 0 {
				fragment[1] |= 0x80
			} else if i == packets-1 {
				fragment[1] |= 0x40
			}
			add(fragment, i == packets-1)
		}
		p.Timestamp += 3600
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, k.write(string(all)))
	eventually(t, "the pictures have come", func() bool { return r.info("live/x").AccessUnits >= pictures-1 })
	runtime.ReadMemStats(&after)
	require.Less(t, after.Mallocs-before.Mallocs, uint64(pictures*packets/2))
	require.Empty(t, r.losses("live/x"))
}
