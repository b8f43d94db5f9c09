package mpegts

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// payloadOf returns the payload of a packet.
func payloadOf(p []byte) []byte {
	at := 4
	if p[3]&0x20 != 0 {
		at += 1 + int(p[4])
	}
	return p[min(at, len(p)):]
}

// shifted returns a stream whose PES packets have times that are later by ticks of 90 kHz, in 33 bits.
func shifted(stream []byte, ticks int64) []byte {
	b := bytes.Clone(stream)
	for p := range slices.Chunk(b, packetBytes) {
		pes := payloadOf(p)
		if p[1]&0x40 == 0 || len(pes) < 19 || !bytes.HasPrefix(pes, startCode) {
			continue
		}
		for i := range int(pes[7]>>6) - 1 {
			at := pes[9+5*i:]
			old, _ := readTime(at)
			now := (old + ticks) & (1<<33 - 1)
			at[0] = at[0]&0xf0 | byte(now>>29)&0x0e | 1
			at[1], at[2], at[3], at[4] = byte(now>>22), byte(now>>14)|1, byte(now>>7), byte(now<<1)|1
		}
	}
	return b
}

// scrambled returns a stream in which the packets of a PID are scrambled, from one packet up to another.
func scrambled(stream []byte, pid uint16, from, to int) []byte {
	b := bytes.Clone(stream)
	for i := from; i < min(to, len(b)/packetBytes); i++ {
		if p := b[i*packetBytes:]; uint16(p[1]&0x1f)<<8|uint16(p[2]) == pid {
			p[3] |= 0x80
		}
	}
	return b
}

const videoPID = 0x100 // of ffmpeg

func passed(t *testing.T, stream []byte) (recorded, *fixture) {
	t.Helper()
	f := newFixture(t)
	f.write(stream, 1316)
	return f.end(), f
}

// The times of a stream go on where they begin again at 0 after 33 bits, in every track; and where the sender's clock is set,
// no unit is lost. Units of packets that are not scrambled are recorded, and the others are counted.
func TestTimesThatBeginAgainAndScrambledPackets(t *testing.T) {
	stream, _ := muxed(t, []string{"-c:v", "libx264", "-bf", "2", "-g", "10"}, []string{"-c:a", "aac"})
	want, _ := passed(t, stream)
	require.Empty(t, want.losses)
	t.Run("33 bits", func(t *testing.T) {
		got, _ := passed(t, shifted(stream, 1<<33-3*clockHz))
		require.Empty(t, got.losses)
		shift := got.units[0][0].dts - want.units[0][0].dts
		for track, all := range want.units {
			require.Len(t, got.units[track], len(all))
			for i, w := range all {
				g := got.units[track][i]
				require.Equal(t, w.hash, g.hash)
				require.InDelta(t, w.dts, g.dts-shift, 0.00003, "track %d, unit %d", track, i)
				require.InDelta(t, w.pts, g.pts-shift, 0.00003, "track %d, unit %d", track, i)
			}
		}
	})
	t.Run("a clock that is set", func(t *testing.T) {
		got, _ := passed(t, slices.Concat(stream, shifted(stream, -3000*clockHz), shifted(stream, 3000*clockHz)))
		require.Contains(t, got.losses, media.DropTSLoss) // the counters do not fit
		delete(got.losses, media.DropTSLoss)
		require.Empty(t, got.losses)
		for track, all := range want.units {
			require.Len(t, got.units[track], 3*len(all), "track %d", track)
			for i, g := range got.units[track] {
				require.Equal(t, all[i%len(all)].hash, g.hash, "track %d, unit %d", track, i)
			}
		}
	})
	t.Run("some packets are scrambled", func(t *testing.T) {
		got, f := passed(t, scrambled(stream, videoPID, 300, 500))
		require.Positive(t, got.losses[media.DropScrambled])
		require.Len(t, got.units[1], len(want.units[1]))
		require.Less(t, len(got.units[0]), len(want.units[0]))
		require.Contains(t, f.book.String(), "switch encryption off")
	})
	t.Run("all packets are scrambled", func(t *testing.T) {
		got, f := passed(t, scrambled(scrambled(stream, videoPID, 0, len(stream)), videoPID+1, 0, len(stream)))
		require.Zero(t, f.begun)
		require.Empty(t, got.units)
		require.ErrorIs(t, f.demuxer.Nothing(nil), ErrScrambled)
	})
	t.Run("the beginning is scrambled", func(t *testing.T) {
		got, _ := passed(t, scrambled(scrambled(stream, videoPID, 0, 100), videoPID+1, 0, 100))
		require.Greater(t, got.losses[media.DropScrambled], uint64(80))
	})
}
