package publishload

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/asticode/go-astits"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/bareserver"
	"github.com/gospool/spool/bench/child"
	"github.com/gospool/spool/bench/movie"
)

// The times and the counters go on from round to round of the clip, and over the wrap of PTS and PCR.
func TestATransportStreamGoesOn(t *testing.T) {
	c, err := newTransportClip(&Load{Clip: small(), Sound: true})
	require.NoError(t, err)
	const step = tsScale / 100
	for name, first := range map[string]int64{"from the begin": 0, "over the wrap": ((1<<33 - tsBegin) / step / 4 * 4) - 4} {
		t.Run(name, func(t *testing.T) {
			s := c.stream()
			var out []byte
			const pictures = 12
			for n := range int64(pictures) {
				out = s.frame(s.picture(out, first+n), soundFrame(n), (first*480/movie.AudioStep+n)*movie.AudioStep)
			}

			r := &mpegts.Reader{R: bytes.NewReader(out)}
			require.NoError(t, r.Initialize())
			require.Len(t, r.Tracks(), 2)
			video, audio := int64(0), int64(0)
			r.OnDataH264(r.Tracks()[0], func(pts, _ int64, au [][]byte) error {
				require.Equal(t, (tsBegin+(first+video)*step)&tsTimeMask, pts)
				require.Equal(t, small().Units[video%4].NALs, au)
				video++
				return nil
			})
			r.OnDataMPEG4Audio(r.Tracks()[1], func(pts int64, frames [][]byte) error {
				require.Equal(t, (tsBegin+(first*480/movie.AudioStep+audio)*1920)&tsTimeMask, pts)
				number, ok := FrameNumber(frames[0])
				require.True(t, ok)
				require.Equal(t, audio, number)
				audio++
				return nil
			})
			for err = r.Read(); err == nil; err = r.Read() {
			}
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, []int64{pictures, pictures}, []int64{video, audio})

			packets, next, pcrs := astits.NewDemuxer(t.Context(), bytes.NewReader(out)), map[uint16]uint8{}, 0
			for p, err := packets.NextPacket(); err == nil; p, err = packets.NextPacket() {
				require.Equal(t, next[p.Header.PID], p.Header.ContinuityCounter)
				next[p.Header.PID] = (p.Header.ContinuityCounter + 1) & 0x0f
				if a := p.AdaptationField; a != nil && a.HasPCR {
					since := (a.PCR.Base + tsPCRAhead - tsBegin - first*step) & tsTimeMask
					require.Less(t, since, int64(pictures*step))
					require.Zero(t, since%step, "the time of a picture, less the lead")
					require.Zero(t, a.PCR.Extension)
					pcrs++
				}
			}
			require.Len(t, next, 4, "two tables, two streams")
			require.Greater(t, pcrs, 3)
		})
	}
}

// leaky writes all datagrams but one.
type leaky struct {
	io.Writer
	left int // number of datagrams before the one that is lost
}

func (l *leaky) Write(b []byte) (int, error) {
	if l.left--; l.left == -1 {
		return len(b), nil
	}
	return l.Writer.Write(b)
}

// A server of transport streams counts fewer access units if any datagram is lost.
func TestALostDatagramIsFound(t *testing.T) {
	l := &Load{Clip: small(), Sound: true}
	for name, demux := range map[string]bool{"counted": false, "demuxed": true} {
		t.Run(name, func(t *testing.T) {
			c, err := newTransportClip(l)
			require.NoError(t, err)
			address, err := child.FreeDatagramAddress(1)
			require.NoError(t, err)
			for lost := 2; lost < 12; lost++ { // the tables are in the first
				server, err := bareserver.StartUDP(address, 1, demux)
				require.NoError(t, err)
				conn, err := net.Dial("udp", address)
				require.NoError(t, err)
				out := transport{stream: c.stream(), out: &leaky{conn, lost}, count: &l.count}
				const sent = 20
				for n := range int64(sent) {
					ok, err := out.picture(context.Background(), n)
					require.True(t, ok, err)
					ok, err = out.sound(context.Background(), [][]byte{soundFrame(n)}, n*movie.AudioStep)
					require.True(t, ok, err)
				}
				require.NoError(t, out.rest())
				server.Close()
				require.Less(t, server.Stats().Units, int64(2*sent), "datagram %d", lost)
				require.NoError(t, conn.Close())
			}
		})
	}
}

// recorder notes when each datagram is written.
type recorder struct{ at []time.Time }

func (r *recorder) Write(b []byte) (int, error) {
	r.at = append(r.at, time.Now())
	return len(b), nil
}

// A large picture is sent in bursts, and at once when the context has ended.
func TestALargePictureIsSentInBursts(t *testing.T) {
	big := small()
	big.Units[0].NALs[2] = append([]byte{0x65}, bytes.Repeat([]byte{0x88}, 40*datagramBytes)...)
	c, err := newTransportClip(&Load{Clip: big})
	require.NoError(t, err)
	for _, ended := range []bool{false, true} {
		ctx, end := context.WithCancel(t.Context())
		if ended {
			end()
		}
		var r recorder
		out := transport{stream: c.stream(), out: &r, count: &counters{}}
		ok, err := out.picture(ctx, 0)
		require.True(t, ok, err)
		require.Greater(t, len(r.at), 2*leastBurst)
		if !ended {
			require.GreaterOrEqual(t, r.at[len(r.at)-1].Sub(r.at[0]), 2*time.Second*4/5/100/mostBursts, "two pauses")
		}
		end()
	}
}
