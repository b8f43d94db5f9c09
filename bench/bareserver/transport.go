package bareserver

import (
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
)

// Parts of a packet of an MPEG transport stream (ISO/IEC 13818-1, 2.4.3.2).
const (
	packetBytes = 188
	syncByte    = 0x47
	pids        = 1 << 13
)

// receiveTransport reads a transport stream to its end, a datagram with each Read, and counts it. demux says how: with
// mediacommon, or by continuity.
func (c *counts) receiveTransport(r io.Reader, demux bool) {
	var err error
	if demux {
		err = c.demux(r)
	} else {
		err = (&continuity{count: c}).read(r)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.errors.Add(1)
	}
}

// demux decodes access units with mediacommon until an error.
func (c *counts) demux(from io.Reader) error {
	r := &mpegts.Reader{R: from}
	if err := r.Initialize(); err != nil {
		return err
	}
	r.OnDecodeError(func(error) { c.errors.Add(1) })
	for _, track := range r.Tracks() {
		switch track.Codec.(type) {
		case *codecs.H264:
			r.OnDataH264(track, func(_, _ int64, au [][]byte) error {
				c.add(au, 1)
				return nil
			})
		case *codecs.MPEG4Audio:
			r.OnDataMPEG4Audio(track, func(_ int64, frames [][]byte) error {
				c.add(frames, len(frames))
				return nil
			})
		default:
			return fmt.Errorf("a track of %T: only H.264 and AAC are supported", track.Codec)
		}
	}
	c.sessions.Add(1)
	for {
		if err := r.Read(); err != nil {
			return err
		}
	}
}

// continuity counts the PES packets of a transport stream by their first packets and by the continuity counters, and
// decodes nothing. Each PES packet must carry one access unit. One with a gap does not count.
type continuity struct {
	count   *counts
	streams [pids]struct {
		next  uint8 // continuity_counter that the next packet must have
		known bool
		open  bool // the last PES packet has no gap so far
	}
}

// read reads datagrams until an error.
func (t *continuity) read(r io.Reader) error {
	b := make([]byte, 1500)
	for first := true; ; first = false {
		n, err := r.Read(b)
		if err != nil {
			return err
		}
		if first {
			t.count.sessions.Add(1)
		}
		t.datagram(b[:n])
	}
}

func (t *continuity) datagram(b []byte) {
	t.count.bytes.Add(int64(len(b)))
	for ; len(b) >= packetBytes; b = b[packetBytes:] {
		if b[0] != syncByte {
			t.count.errors.Add(1)
			return
		}
		t.packet(b[:packetBytes])
	}
	if len(b) > 0 {
		t.count.errors.Add(1)
	}
}

// packet counts a packet.
func (t *continuity) packet(p []byte) {
	s := &t.streams[int(p[1]&0x1f)<<8|int(p[2])]
	if p[3]&0x10 == 0 { // without payload: the counter does not change
		return
	}
	counter := p[3] & 0x0f
	if s.known && counter != s.next {
		t.count.lost.Add(int64((counter - s.next) & 0x0f))
		if s.open {
			t.count.units.Add(-1)
			s.open = false
		}
	}
	s.known, s.next = true, (counter+1)&0x0f
	if p[1]&0x40 == 0 {
		return
	}
	payload := p[4:]
	if p[3]&0x20 != 0 { // an adaptation field
		payload = payload[min(1+int(payload[0]), len(payload)):]
	}
	if len(payload) >= 3 && payload[0] == 0 && payload[1] == 0 && payload[2] == 1 { // not a table
		t.count.units.Add(1)
		s.open = true
	}
}
