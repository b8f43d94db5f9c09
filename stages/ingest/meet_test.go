package ingest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// A track that is left and comes back is a track again, as one of two formats that a
// sender changes between.
func TestATrackThatWasLeftComesBack(t *testing.T) {
	f, out := soundFeed(t)
	sendFrame(t, f, 0, 0)
	sendFrame(t, f, 1, 1024)
	f.Leave(0)
	sendFrame(t, f, 1, 2048)
	require.Len(t, out.sets[len(out.sets)-1], 1)
	sendFrame(t, f, 0, 3072)
	f.Leave(1)
	sendFrame(t, f, 0, 4096)
	sendFrame(t, f, 1, 5120)
	f.Close()
	require.Len(t, out.units, 6, "what comes is kept")
	require.Len(t, out.sets[len(out.sets)-1], 2)
	require.Zero(t, f.memory.held)
}

// A sender that begins anew right behind a time out of line: what goes on is where it
// would be without that.
func TestATakeoverBehindAnOutlier(t *testing.T) {
	for name, bad := range badTimes {
		for _, first := range []int64{77, 1<<32 - 50*3600} { // of the new sender's times
			c := newCamera(t, noB)
			c.clock = 1 << 30
			send := func(ssrc uint32, at int64) {
				i := c.n % len(c.form)
				p := coded{kind: 1, ref: true, frameNum: uint32(i), poc: uint32(2 * i)}
				if i == 0 {
					p.kind, p.idrID = 5, uint32(c.n/len(c.form)%2)
				}
				c.b.seq[c.v]++
				require.NoError(t, c.v.Packet(&rtp.Packet{
					Header: rtp.Header{SSRC: ssrc, SequenceNumber: c.b.seq[c.v], Timestamp: uint32(at), Marker: true}, Payload: p.nal(false)[:40],
				}, c.b.now))
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
			c.v.sender.left = true
			c.b.seq[c.v] = 7
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
				require.InDelta(t, i*3600, u.au.PTS-units[0].au.PTS, 3*3600, "%s %d: picture %d", name, first, i)
			}
		}
	}
}

// Of a sound track the same.
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
				a.sender.left = a.sender.left || i == 100
			}
			b.seq[a]++
			require.NoError(t, a.Packet(&rtp.Packet{
				Header: rtp.Header{SSRC: ssrc, SequenceNumber: b.seq[a], Timestamp: uint32(at), Marker: true}, Payload: []byte{1, byte(i)},
			}, b.now))
			b.now = b.now.Add(1024 * time.Second / 48000)
		}
		a.Close()
		b.feed.Close()
		units := b.shelf.units
		require.Len(t, units, 200, name)
		for i, u := range units {
			require.InDelta(t, i*1024, u.au.PTS-units[0].au.PTS, 2*1024, "%s: frame %d", name, i)
		}
	}
}

// However a publication ends, all memory is given back: with the publisher's end, in
// the middle of a picture, while tracks wait for each other, or for their sets.
func TestAllMemoryIsGivenBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for name, begin := range map[string]func(b *bench) *RTPTrack{
		"pictures":           func(b *bench) *RTPTrack { return b.of(codec.H264) },
		"waits for sound":    func(b *bench) *RTPTrack { b.audio(); return b.of(codec.H264) },
		"waits for its sets": func(b *bench) *RTPTrack { return b.video(codec.H264) },
		"in decoding order": func(b *bench) *RTPTrack {
			sps, pps := codedSets(false)
			v, err := b.feed.AddRTPTrack(RTPConfig{
				Track: TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, DecodingOrder: true, Datagrams: true,
			})
			require.NoError(b.t, err)
			return v
		},
		"sound": func(b *bench) *RTPTrack { return b.audio() },
		"sound whose clock is tried": func(b *bench) *RTPTrack {
			a := b.audio()
			a.trial = &clockTrial{others: []uint32{24000}}
			return a
		},
	} {
		for _, ends := range []int{-1, 0, 5, 40} { // unit at which the publisher ends
			for range 6 {
				b := newBench(t)
				v := begin(b)
				seq := uint16(0)
				for i := range 60 {
					if i == ends {
						b.shelf.err = errShort
					}
					at := uint32(i) * 3600
					if rnd.IntN(10) == 0 {
						at = rnd.Uint32()
					}
					payload := coded{kind: 1 + byte(rnd.IntN(2))*4, frameNum: uint32(i), poc: uint32(2 * rnd.IntN(i+1))}.nal(false)[:30]
					switch rnd.IntN(6) {
					case 0:
						payload = append([]byte{0x7c, 0x85}, payload...)
					case 1:
						payload = append([]byte{0x7d, 0xc1, 0, byte(rnd.IntN(200))}, payload...)
					}
					seq += 1 + uint16(rnd.IntN(8)/7)
					_ = v.Packet(&rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: at, Marker: rnd.IntN(3) > 0}, Payload: payload}, b.now)
					b.now = b.now.Add(40 * time.Millisecond)
				}
				v.Close()
				b.feed.Close()
				require.Zero(t, b.feed.memory.held, "%s %d", name, ends)
			}
		}
	}
}

// Nor is what waits for its place kept when the publisher ends.
func TestWhatWaitsForItsPlaceIsGivenBack(t *testing.T) {
	b := newBench(t)
	v, a := b.of(codec.H264), b.audio()
	v.SenderReport(1<<32, 0)
	a.SenderReport(1<<32, 0)
	late, err := b.feed.AddRTPTrack(RTPConfig{
		Track: TrackConfig{Codec: codec.AAC, Timescale: 48000, ParameterSets: [][]byte{aacLC48}, Optional: true}, Audio: rawAudio{frames{1024, 48000}},
	})
	require.NoError(t, err)
	b.send(a, 0, true, 1)
	b.sendPictures(v, 1, 0, 20, nil)
	b.send(late, 0, true, 1)
	require.NotEmpty(t, late.track().pending)
	b.shelf.err = errShort
	for i := range uint16(4) {
		_ = v.Packet(&rtp.Packet{Header: rtp.Header{SequenceNumber: 21 + i, Timestamp: uint32(20+i) * 3600, Marker: true}, Payload: idr}, b.now)
	}
	require.Error(t, b.feed.err)
	for _, track := range []*RTPTrack{v, a, late} {
		track.Close()
	}
	b.feed.Close()
	require.Zero(t, b.feed.memory.held)
}

// Over a bad network, with times out of line, and with numbers and times that pass
// their ends: what came whole is kept once, in order, at its time, and nothing looks
// like a break or a change.
func TestLossReorderingAndOutliersTogether(t *testing.T) {
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(9, seed))
		lossy := seed%2 == 1
		b := newBench(t)
		sps, pps := codedSets(false)
		v, err := b.feed.AddRTPTrack(RTPConfig{
			Track: TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{sps, pps}}, Datagrams: true,
		})
		require.NoError(t, err)
		_, err = b.feed.AddRTPTrack(RTPConfig{
			Track: TrackConfig{Codec: codec.H265, Timescale: 90000, ParameterSets: [][]byte{vpsX265, hevc0, ppsX265}, Optional: true}, Datagrams: true,
		})
		require.NoError(t, err)
		type sent struct {
			p  rtp.Packet
			at time.Time
		}
		var wire []sent
		seq, whole := uint16(65000), map[byte]bool{}
		const n = 250
		for i := range n {
			nal := coded{kind: 1, ref: true, frameNum: uint32(i % 25), poc: uint32(2 * (i % 25)), level: byte(i)}
			if i%25 == 0 {
				nal.kind, nal.idrID = 5, uint32(i/25%2)
			}
			at := uint32(int64(i-100) * 3600)
			if i > 20 && rnd.IntN(50) == 0 {
				at = rnd.Uint32()
			}
			body := append(nal.nal(false)[:60], byte(i))
			head := body[0]&0xe0 | 28
			whole[byte(i)] = true
			for k, payload := range [][]byte{
				append([]byte{head, 0x80 | body[0]&0x1f}, body[1:20]...),
				append([]byte{head, body[0] & 0x1f}, body[20:40]...),
				append([]byte{head, 0x40 | body[0]&0x1f}, body[40:]...),
			} {
				p := rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: at, Marker: k == 2}, Payload: payload}
				seq++
				if lossy && i > 20 && rnd.IntN(100) == 0 {
					whole[byte(i)] = false
					continue
				}
				wire = append(wire, sent{p, b.now})
				if rnd.IntN(50) == 0 {
					wire = append(wire, sent{p, b.now}) // twice
				}
			}
			b.now = b.now.Add(40 * time.Millisecond)
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
		b.feed.Close()
		require.Zero(t, b.feed.memory.held)
		require.Len(t, b.shelf.sets, 1, "seed %d", seed)
		want := 0
		for i := range n {
			if whole[byte(i)] {
				want++
			}
		}
		if !lossy {
			require.Empty(t, b.shelf.lost, "seed %d", seed)
		}
		require.InDelta(t, want, len(b.shelf.units), float64(b.shelf.lost[media.DropDamaged]), "seed %d: %v", seed, b.shelf.lost)
		last := int64(-1)
		for k, u := range b.shelf.units {
			nal := u.nals[len(u.nals)-1]
			i := int64(nal[len(nal)-1])
			require.Greater(t, i, last, "seed %d", seed)
			if u.au.Lost == 0 && last >= 0 {
				require.Equal(t, last+1, i, "seed %d: a gap is said", seed)
			}
			require.False(t, u.au.Lost > 0 && i == last+1 && whole[byte(i)], "seed %d: a gap that is none before %d", seed, i)
			require.InDelta(t, i*3600, u.au.PTS-b.shelf.units[0].au.PTS, 3*3600, "seed %d: picture %d", seed, i)
			if k > 0 {
				require.Greater(t, u.au.DTS, b.shelf.units[k-1].au.DTS)
			}
			last = i
		}
	}
}

// Several packets of a wrong time, one such time behind another, do not have the
// times wrap that come behind them.
func TestTimesGoOnBehindSeveralOutliers(t *testing.T) {
	var u unwrapper
	const base = 1 << 20
	require.EqualValues(t, base, u.next(base))
	for i := range int64(50) {
		for k := range int64(3) {
			for range 3 {
				u.next(uint32(base + i*3600 + (k+1)*1_431_655_765))
			}
		}
		for range 3 {
			require.Equal(t, base+i*3600, u.next(uint32(base+i*3600)), "picture %d", i)
		}
	}
}

// A camera whose times begin anew at each key frame, beside sound: one file, and its
// reports, which go by the same clock, are no doubt.
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
			c.b.send(a, uint32(sound), true, 0xaa)
			heard++
		}
	}
	a.Close()
	units := c.end()
	require.Len(t, units, 2500+heard)
	require.Len(t, c.b.shelf.sets, 1)
	require.Positive(t, c.b.shelf.repaired[RepairedOutlier])
	first := c.b.shelf.of(codec.H264)[0].au
	newest := c.b.shelf.of(codec.H264)[2499].au
	require.InDelta(t, 2499*3600, newest.PTS-first.PTS, 15_000, "sound and picture stay together")
	breaks, last := 0, int64(0)
	for i, u := range c.b.shelf.of(codec.H264) {
		if d := u.au.DTS - last; i > 0 && (d > 90000 || d <= 0) {
			breaks++
		}
		last = u.au.DTS
	}
	require.LessOrEqual(t, breaks, 2*2, "two a minute")
}
