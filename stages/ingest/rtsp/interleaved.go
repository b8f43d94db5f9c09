package rtsp

import (
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	pion "github.com/pion/rtp"

	"github.com/gospool/spool/stages/ingest/rtsp/framing"
)

// gortsplib copies each packet into memory of its own, which it allocates, and keeps statistics that are not used here.
// For a server of many streams over TCP that took a third of the CPU time. Therefore serverConn takes the RTP packets of
// a client that records out of the connection itself, and passes them to the session where they lie. gortsplib reads
// all else: requests, RTCP, and packets that are malformed or not announced.

// interleaved passes the RTP packets of the frames of one connection to its session. Only the goroutine that reads the
// connection uses it.
type interleaved struct {
	session  *session
	channels [256]map[uint8]*sessionTrack // by channel and payload type; nil: the packets of the format are discarded
	packet   pion.Packet                  // reused for each packet
}

// newInterleaved returns an interleaved for a session that records over TCP. It leaves out the sections whose channels
// are not known.
func newInterleaved(s *session) *interleaved {
	m := &interleaved{session: s}
	for section, channel := range s.channelOf {
		if channel < 0 || channel >= len(m.channels) {
			continue
		}
		formats := map[uint8]*sessionTrack{}
		for _, f := range section.Formats {
			formats[f.PayloadType()] = nil
		}
		for _, list := range [...][]sessionTrack{s.unfit, s.tracks} {
			for i := range list {
				if list[i].media == section {
					formats[list[i].format.PayloadType()] = &list[i]
				}
			}
		}
		m.channels[channel] = formats
	}
	return m
}

// pass passes the RTP packets of the frames at the beginning of b to the session, up to the first message that gortsplib
// must read, and returns their size. A frame for gortsplib has an unknown channel or payload type, or a malformed packet.
func (m *interleaved) pass(b []byte) (passed int) {
	s := m.session
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.caught()
	for now := s.clock.Now(); ; {
		channel, payload, size := framing.Frame(b[passed:])
		if payload == nil || !m.take(channel, payload, now) {
			return passed
		}
		passed += size
	}
}

// take passes the RTP packet of a frame to the session, or returns false if gortsplib must read the frame.
func (m *interleaved) take(channel byte, payload []byte, now time.Time) bool {
	formats := m.channels[channel]
	if formats == nil || m.packet.Unmarshal(payload) != nil {
		return false
	}
	t, announced := formats[m.packet.PayloadType]
	if announced && t != nil {
		m.session.accept(t, &m.packet, now)
	}
	return announced
}

// noteChannel records the interleaved channels that gortsplib has assigned to a section in its response to SETUP.
func (s *session) noteChannel(section *description.Media, res *base.Response) {
	var t headers.Transport
	if section == nil || res.StatusCode != base.StatusOK || t.Unmarshal(res.Header["Transport"]) != nil || t.InterleavedIDs == nil {
		return
	}
	s.channelOf[section] = t.InterleavedIDs[0]
}

// takeFrames makes the connection pass the RTP packets of a session that records over TCP to the session. It does
// nothing if the media has another transport or is encrypted.
func (g *serverConn) takeFrames(s *session, by *gortsplib.SessionTransport) {
	if by != nil && by.Protocol == gortsplib.ProtocolTCP && by.Profile == headers.TransportProfileAVP {
		g.frames.Store(newInterleaved(s))
	}
}

// next reads bytes for gortsplib into p. While the client records over TCP, it takes the RTP packets out of the
// connection first, and returns the bytes of one message at most.
func (g *serverConn) next(p []byte) (n int, err error) {
	for {
		m := g.frames.Load()
		if m == nil {
			n, err = g.conn.Read(p)
			g.client.Read(n)
			for rest := p[:n]; len(rest) > 0; {
				rest = rest[g.messages.Next(rest):]
			}
			return n, err
		}
		if g.messages.Between() {
			g.r += m.pass(g.unread())
		}
		if rest := g.unread(); len(rest) > 0 && !g.partial(rest) {
			n = g.messages.Next(rest[:min(len(p), len(rest))])
			g.r += copy(p, rest[:n])
			return n, nil
		}
		g.keepReading()
		n, err = g.more()
		g.client.Read(n)
		if err != nil {
			return 0, err
		}
	}
}

// partial reports whether the unread bytes are only the beginning of a frame that fits into the buffer. gortsplib would
// then read the frame.
func (g *serverConn) partial(unread []byte) bool {
	if !g.messages.Between() || unread[0] != '$' {
		return false
	}
	_, payload, size := framing.Frame(unread)
	return payload == nil && size <= maxReadAheadBytes
}

// keepReading extends the read deadline, as gortsplib does before each of its reads.
func (g *serverConn) keepReading() {
	if now := time.Since(steadyZero); now >= g.extendAt {
		g.extendAt = now + longestSilence/2
		_ = g.SetReadDeadline(time.Now().Add(longestSilence))
	}
}
