package rtp

import (
	"encoding/binary"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// mpa makes the Config of MP3 (RFC 2250, 3.5). The frames say what the description leaves out: the rate and the channels.
func (f *Format) mpa(of media.Codec) (Config, error) {
	return Config{
		Clock: mp3ClockHz, Audio: &mp3Payload{}, RateInStream: true, Track: ingest.TrackConfig{Codec: of, Timescale: mp3ClockHz},
	}, nil
}

// mp3ClockHz is the rate of the RTP times, whatever the sample rate is (RFC 3551, 4.5.13).
const mp3ClockHz = 90000

// mp3Payload implements RFC 2250, 3.5: a packet has whole frames, or a fragment of one frame.
type mp3Payload struct {
	set       [4]byte // the newest description
	samples   int64   // of the newest frame
	rate      uint32  // its sample rate, Hz
	part      fragments
	wantBytes int // size of the fragmented frame
	out       [][]byte
}

func (m *mp3Payload) unpack(p *rtp.Packet, describe func([]byte) error) ([][]byte, error) {
	m.out = m.out[:0]
	if len(p.Payload) <= 4 {
		m.part.open = false
		return nil, errShort
	}
	offset, data := int(binary.BigEndian.Uint16(p.Payload[2:])), p.Payload[4:]
	if offset > 0 {
		if m.part.open = m.part.follows(p) && offset == len(m.part.buf) && offset+len(data) <= m.wantBytes; !m.part.open {
			return nil, errFragment
		}
		return m.extend(p, data)
	}
	if unfinished := m.part.follows(p); unfinished {
		m.part.open = false
		return nil, errFragment
	}
	m.part.open = false // the rest is missing, and counted
	for len(data) > 0 {
		h, err := codec.ReadMP3Frame(data)
		if err == nil && len(m.out) == maxFrames {
			err = errFrames
		}
		if err == nil {
			err = m.describe(h, describe)
		}
		if err != nil {
			return nil, err
		}
		if h.Bytes > len(data) {
			if len(m.out) > 0 {
				return nil, errShort
			}
			m.part.begin()
			m.wantBytes = h.Bytes
			return m.extend(p, data)
		}
		m.out, data = append(m.out, data[:h.Bytes]), data[h.Bytes:]
	}
	return m.out, nil
}

// describe takes the header of a frame. It passes on a rate or a number of channels that is new.
func (m *mp3Payload) describe(h codec.MP3Frame, describe func([]byte) error) error {
	m.samples, m.rate = int64(h.Samples), uint32(h.Rate)
	set := [4]byte(h.Set())
	if set == m.set {
		return nil
	}
	err := describe(set[:])
	if err == nil {
		m.set = set
	}
	return err
}

// extend appends a fragment. If that completes the frame, extend returns the frame.
func (m *mp3Payload) extend(p *rtp.Packet, data []byte) ([][]byte, error) {
	if m.part.add(p, data); len(m.part.buf) < m.wantBytes {
		return nil, nil
	}
	m.part.open = false
	m.out = append(m.out, m.part.buf)
	return m.out, nil
}

func (m *mp3Payload) duration(n int, timescale uint32) int64 {
	return media.Rescale(int64(n)*m.samples, m.rate, timescale)
}
