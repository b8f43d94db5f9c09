package ingest_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
	"github.com/gospool/spool/stages/ingest/ingesttest/feedtest"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// A sender starts over directly after an outlier: the times continue as they would without the outlier.
func TestATakeoverBehindAnOutlier(t *testing.T) {
	for name, bad := range badTimes {
		for _, first := range []int64{77, 1<<32 - 50*3600} { // of the new sender's times
			c := newCamera(t, noB)
			c.clock = 1 << 30
			send := func(ssrc uint32, at int64) {
				i := c.n % len(c.form)
				p := ingesttest.Coded{Kind: 1, Ref: true, FrameNum: uint32(i), POC: uint32(2 * i)}
				if i == 0 {
					p.Kind, p.IDRID = 5, uint32(c.n/len(c.form)%2)
				}
				c.b.Seq[c.v]++
				require.NoError(t, c.v.Packet(&pion.Packet{
					Header: pion.Header{SSRC: ssrc, SequenceNumber: c.b.Seq[c.v], Timestamp: uint32(at), Marker: true}, Payload: p.NAL(false)[:40],
				}, c.b.Now))
				c.sent = append(c.sent, int64(c.n)*3600)
				c.skip()
			}
			for i := range int64(100) {
				at := c.clock + i*3600
				if i == 99 {
					at = bad(at)
				}
				send(1, at)
			}
			c.v.RTCP(&rtcp.Goodbye{Sources: []uint32{1}})
			c.b.Seq[c.v] = 7
			c.n = 0
			before := c.sent
			c.sent = nil
			for i := range int64(100) {
				send(2, first+i*3600)
			}
			for i := range c.sent {
				c.sent[i] += 100 * 3600
			}
			c.sent = append(before, c.sent...)
			units := c.end()
			require.Len(t, units, 200, "%s %d", name, first)
			for i, u := range units {
				require.InDelta(t, i*3600, u.AU.PTS-units[0].AU.PTS, 3*3600, "%s %d: picture %d", name, first, i)
			}
		}
	}
}

// The same for a sound track.
func TestATakeoverOfSoundBehindAnOutlier(t *testing.T) {
	for name, bad := range badTimes {
		b := newBench(t)
		a := b.audio()
		for i := range int64(200) {
			at, ssrc := i*1024+1<<30, uint32(1)
			switch {
			case i == 99:
				at = bad(at)
			case i >= 100:
				at, ssrc = (i-100)*1024, 2
				if i == 100 {
					a.RTCP(&rtcp.Goodbye{Sources: []uint32{1}})
				}
			}
			b.Seq[a]++
			require.NoError(t, a.Packet(&pion.Packet{
				Header: pion.Header{SSRC: ssrc, SequenceNumber: b.Seq[a], Timestamp: uint32(at), Marker: true}, Payload: []byte{1, byte(i)},
			}, b.Now))
			b.Now = b.Now.Add(1024 * time.Second / 48000)
		}
		a.Close()
		b.Feed.Close()
		units := b.Publisher.Units
		require.Len(t, units, 200, name)
		for i, u := range units {
			require.InDelta(t, i*1024, u.AU.PTS-units[0].AU.PTS, 2*1024, "%s: frame %d", name, i)
		}
	}
}

// sender is a track of RTP.
type sender interface {
	feedtest.Track
	Close()
}

var errGone = errors.New("gone")

// All memory is released at any end of a publication: by the publisher's end, in the middle of a picture, while
// tracks wait for each other, or for their parameter sets.
func TestAllMemoryIsGivenBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for name, begin := range map[string]func(b *bench) sender{
		"pictures":           func(b *bench) sender { return b.Of(codec.H264) },
		"waits for sound":    func(b *bench) sender { b.audio(); return b.Of(codec.H264) },
		"waits for its sets": func(b *bench) sender { return b.Video(codec.H264) },
		"in decoding order": func(b *bench) sender {
			sps, pps := ingesttest.CodedSets(false)
			v, err := rtp.Add(b.Feed, rtp.Config{
				Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, DecodingOrder: true, Datagrams: true,
			})
			require.NoError(b.T, err)
			return v
		},
		"sound": func(b *bench) sender { return b.audio() },
		"sound whose clock is tried": func(b *bench) sender {
			return b.sound(func(c *rtp.Config) { c.OtherClocks = []uint32{24000} })
		},
	} {
		for _, ends := range []int{-1, 0, 5, 40} { // unit at which the publisher ends
			for range 6 {
				b := newBench(t)
				v := begin(b)
				seq := uint16(0)
				for i := range 60 {
					if i == ends {
						b.Publisher.Err = errGone
					}
					at := uint32(i) * 3600
					if rnd.IntN(10) == 0 {
						at = rnd.Uint32()
					}
					payload := ingesttest.Coded{Kind: 1 + byte(rnd.IntN(2))*4, FrameNum: uint32(i), POC: uint32(2 * rnd.IntN(i+1))}.NAL(false)[:30]
					switch rnd.IntN(6) {
					case 0:
						payload = append([]byte{0x7c, 0x85}, payload...)
					case 1:
						payload = append([]byte{0x7d, 0xc1, 0, byte(rnd.IntN(200))}, payload...)
					}
					seq += 1 + uint16(rnd.IntN(8)/7)
					_ = v.Packet(&pion.Packet{Header: pion.Header{SequenceNumber: seq, Timestamp: at, Marker: rnd.IntN(3) > 0}, Payload: payload}, b.Now)
					b.Now = b.Now.Add(40 * time.Millisecond)
				}
				v.Close()
				b.Feed.Close()
				require.Zero(t, b.Feed.HeldBytes(), "%s %d", name, ends)
			}
		}
	}
}

// The units that wait for their track's place are released too when the publisher ends.
func TestWaitingUnitsAreReleased(t *testing.T) {
	b := newBench(t)
	v, a := b.Of(codec.H264), b.audio()
	v.SenderReport(1<<32, 0)
	a.SenderReport(1<<32, 0)
	late := b.sound(func(c *rtp.Config) { c.Track.Optional = true })
	b.Send(a, 0, true, 1)
	b.SendPictures(v, 1, 0, 20, nil)
	held := b.Feed.HeldBytes()
	b.Send(late, 0, true, 1)
	require.Greater(t, b.Feed.HeldBytes(), held, "it waits")
	b.Publisher.Err = errGone
	for i := range uint16(4) {
		_ = v.Packet(&pion.Packet{Header: pion.Header{SequenceNumber: 21 + i, Timestamp: uint32(20+i) * 3600, Marker: true}, Payload: ingesttest.IDR}, b.Now)
	}
	require.Error(t, b.Feed.Err())
	for _, track := range []sender{v, a, late} {
		track.Close()
	}
	b.Feed.Close()
	require.Zero(t, b.Feed.HeldBytes())
}

// Over a bad network, with outliers and wraps of numbers and times, units that arrived whole are kept once, in order
// and at their time, without a false break or change.
func TestLossReorderingAndOutliersTogether(t *testing.T) {
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(9, seed))
		lossy := seed%2 == 1
		b := newBench(t)
		sps, pps := ingesttest.CodedSets(false)
		v, err := rtp.Add(b.Feed, rtp.Config{
			Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, Datagrams: true,
		})
		require.NoError(t, err)
		_, err = rtp.Add(b.Feed, rtp.Config{
			Track: ingest.TrackConfig{Codec: codec.H265, Timescale: 90000, ParameterSets: [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}, Optional: true}, Datagrams: true,
		})
		require.NoError(t, err)
		type sent struct {
			p  pion.Packet
			at time.Time
		}
		var wire []sent
		seq, whole := uint16(65000), map[byte]bool{}
		const n = 250
		for i := range n {
			nal := ingesttest.Coded{Kind: 1, Ref: true, FrameNum: uint32(i % 25), POC: uint32(2 * (i % 25)), Level: byte(i)}
			if i%25 == 0 {
				nal.Kind, nal.IDRID = 5, uint32(i/25%2)
			}
			at := uint32(int64(i-100) * 3600)
			if i > 20 && rnd.IntN(50) == 0 {
				at = rnd.Uint32()
			}
			body := append(nal.NAL(false)[:60], byte(i))
			head := body[0]&0xe0 | 28
			whole[byte(i)] = true
			for k, payload := range [][]byte{
				append([]byte{head, 0x80 | body[0]&0x1f}, body[1:20]...),
				append([]byte{head, body[0] & 0x1f}, body[20:40]...),
				append([]byte{head, 0x40 | body[0]&0x1f}, body[40:]...),
			} {
				p := pion.Packet{Header: pion.Header{SequenceNumber: seq, Timestamp: at, Marker: k == 2}, Payload: payload}
				seq++
				if lossy && i > 20 && rnd.IntN(100) == 0 {
					whole[byte(i)] = false
					continue
				}
				wire = append(wire, sent{p, b.Now})
				if rnd.IntN(50) == 0 {
					wire = append(wire, sent{p, b.Now}) // twice
				}
			}
			b.Now = b.Now.Add(40 * time.Millisecond)
		}
		for i := range wire {
			if j := i + rnd.IntN(6); i > 70 && rnd.IntN(10) == 0 && j < len(wire) {
				wire[i].p, wire[j].p = wire[j].p, wire[i].p
			}
		}
		for i := range wire {
			require.NoError(t, v.Packet(&wire[i].p, wire[i].at))
		}
		v.Close()
		b.Feed.Close()
		require.Zero(t, b.Feed.HeldBytes())
		require.Len(t, b.Publisher.Sets, 1, "seed %d", seed)
		want := 0
		for i := range n {
			if whole[byte(i)] {
				want++
			}
		}
		if !lossy {
			require.Empty(t, b.Publisher.Losses, "seed %d", seed)
		}
		require.InDelta(t, want, len(b.Publisher.Units), float64(b.Publisher.Losses[media.DropDamaged]), "seed %d: %v", seed, b.Publisher.Losses)
		last := int64(-1)
		for k, u := range b.Publisher.Units {
			nal := u.NALs[len(u.NALs)-1]
			i := int64(nal[len(nal)-1])
			require.Greater(t, i, last, "seed %d", seed)
			if u.AU.Lost == 0 && last >= 0 {
				require.Equal(t, last+1, i, "seed %d: a gap is said", seed)
			}
			require.False(t, u.AU.Lost > 0 && i == last+1 && whole[byte(i)], "seed %d: a false gap before %d", seed, i)
			require.InDelta(t, i*3600, u.AU.PTS-b.Publisher.Units[0].AU.PTS, 3*3600, "seed %d: picture %d", seed, i)
			if k > 0 {
				require.Greater(t, u.AU.DTS, b.Publisher.Units[k-1].AU.DTS)
			}
			last = i
		}
	}
}

// The times of a camera start over at each key frame, beside sound: the result is one file, and its reports, which
// use the same clock, cause no doubt.
func TestTimesThatBeginAnewWithEachKeyFrameAndReports(t *testing.T) {
	c := newCamera(t, noB)
	a := c.b.audio()
	sound, heard := int64(0), 0
	for i := range 2500 {
		if i%12 == 0 && i > 50 {
			c.clock = -int64(c.n) * 3600
		}
		if i%25 == 3 {
			since := uint64(i) << 32 * 40 / 1000
			c.v.SenderReport(1<<32+since, uint32(int64(c.n)*3600+c.clock))
			a.SenderReport(1<<32+since, uint32(int64(i)*1920))
		}
		c.next(nil)
		for ; sound <= int64(i)*1920; sound += 1024 {
			c.b.Send(a, uint32(sound), true, 0xaa)
			heard++
		}
	}
	a.Close()
	units := c.end()
	require.Len(t, units, 2500+heard)
	require.Len(t, c.b.Publisher.Sets, 1)
	require.Positive(t, c.b.Publisher.Repairs[ingest.RepairedOutlier])
	first := c.b.Publisher.Of(codec.H264)[0].AU
	newest := c.b.Publisher.Of(codec.H264)[2499].AU
	require.InDelta(t, 2499*3600, newest.PTS-first.PTS, 15_000, "sound and picture stay together")
	breaks, last := 0, int64(0)
	for i, u := range c.b.Publisher.Of(codec.H264) {
		if d := u.AU.DTS - last; i > 0 && (d > 90000 || d <= 0) {
			breaks++
		}
		last = u.AU.DTS
	}
	require.LessOrEqual(t, breaks, 2*2, "two a minute")
}
