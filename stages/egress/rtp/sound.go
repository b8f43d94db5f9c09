package rtp

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
)

// whole sends a unit in one packet: a packet of Opus has no fragments (RFC 7587, 4.2).
func whole(s *Sender, f *Frames, u *live.Unit) {
	if u.SizeBytes > maxDatagramBytes-headerBytes {
		s.leaveOut()
		return
	}
	place := s.open(f, s.newest, false)
	f.b = s.payload.appendTo(f.b, u.SizeBytes)
	s.close(f, place)
}

// maxAACBytes is the longest access unit whose size the headers can say: 13 bits.
const maxAACBytes = 1<<13 - 1

// aac sends a unit with one AU header (RFC 3640, 3.3.6), or fragments of it, each with the size of the whole unit (3.2.3.1).
func aac(s *Sender, f *Frames, u *live.Unit) {
	if u.SizeBytes > maxAACBytes {
		s.leaveOut()
		return
	}
	for s.payload.left > 0 {
		n := min(s.payload.left, s.mostBytes-4)
		place := s.open(f, s.newest, n == s.payload.left)
		f.b = append(f.b, 0, 16)
		f.b = binary.BigEndian.AppendUint16(f.b, uint16(u.SizeBytes)<<3)
		f.b = s.payload.appendTo(f.b, n)
		s.close(f, place)
	}
}

// mpegAudio sends a frame behind the offset of the fragment (RFC 2250, 3.5).
func mpegAudio(s *Sender, f *Frames, u *live.Unit) {
	for s.payload.left > 0 {
		offset := u.SizeBytes - s.payload.left
		n := min(s.payload.left, s.mostBytes-4)
		place := s.open(f, s.newest, false)
		f.b = append(f.b, 0, 0)
		f.b = binary.BigEndian.AppendUint16(f.b, uint16(offset))
		f.b = s.payload.appendTo(f.b, n)
		s.close(f, place)
	}
}

// samples sends the samples of a unit in packets of their own times (RFC 3551, 4.3 to 4.5). Samples of several bytes are
// sent the most significant byte first.
func samples(s *Sender, f *Frames, _ *live.Unit) {
	frameBytes := frameBytesOf(s.track)
	most := s.mostBytes / frameBytes * frameBytes
	at := s.newest
	for s.payload.left >= frameBytes {
		n := min(s.payload.left/frameBytes*frameBytes, most)
		place := s.open(f, at, false)
		from := len(f.b)
		f.b = s.payload.appendTo(f.b, n)
		toBigEndian(f.b[from:], s.track)
		s.close(f, place)
		at += uint32(n / frameBytes)
	}
}

// frameBytesOf returns the size of one sample of all channels.
func frameBytesOf(t *media.Track) int {
	if of := codec.Of(t.Codec).FrameBytes; of != nil {
		return max(of(t), 1)
	}
	return max(t.Channels, 1)
}

// toBigEndian turns round the bytes of samples that lie in the other order.
func toBigEndian(b []byte, t *media.Track) {
	set := codec.LPCMFormat{}
	if len(t.ParameterSets) > 0 && len(t.ParameterSets[0]) > 1 {
		set = codec.LPCMFormat{Bits: int(t.ParameterSets[0][1]), LittleEndian: t.ParameterSets[0][0]&1 != 0}
	}
	if !set.LittleEndian {
		return
	}
	for n := set.Bits / 8; len(b) >= n; b = b[n:] {
		for i := range n / 2 {
			b[i], b[n-1-i] = b[n-1-i], b[i]
		}
	}
}

// ac3 sends a frame, or fragments of it (RFC 4184, 4): the kind of the first one says whether it has 5/8 of the frame, which a
// decoder can use alone.
func ac3(s *Sender, f *Frames, u *live.Unit) {
	const begins, beginsShort, continues = 1, 2, 3
	first := byte(beginsShort)
	if 8*(s.mostBytes-dolbyHeaderBytes) >= 5*u.SizeBytes {
		first = begins
	}
	dolby(s, f, u, first, continues)
}

// eac3 sends an access unit, or fragments of it (RFC 4598, 4).
func eac3(s *Sender, f *Frames, u *live.Unit) { dolby(s, f, u, 1, 1) }

const dolbyHeaderBytes = 2 // the kind of the payload, and the number of frames or of fragments

// dolby sends a unit, or fragments of it, of which the first one and the others have a kind. The kind of a whole unit is 0.
func dolby(s *Sender, f *Frames, u *live.Unit, first, other byte) {
	most := s.mostBytes - dolbyHeaderBytes
	packets := (u.SizeBytes + most - 1) / most
	if packets > 255 {
		s.leaveOut()
		return
	}
	if packets == 1 {
		first = 0
	}
	for kind := first; s.payload.left > 0; kind = other {
		n := min(s.payload.left, most)
		place := s.open(f, s.newest, n == s.payload.left)
		f.b = append(f.b, kind, byte(packets))
		f.b = s.payload.appendTo(f.b, n)
		s.close(f, place)
	}
}
