package client

import (
	"math/rand/v2"
	"time"

	"github.com/pion/rtcp"
)

// reception collects the values for the receiver reports about one sender (RFC 3550, 6.4.1).
type reception struct {
	ssrc         uint32  // of the sender
	begun        bool    // a packet has arrived
	first, last  uint32  // extended sequence numbers: the cycles are above the low 16 bits
	count        uint32  // number of packets that arrived
	transitTicks uint32  // arrival less RTP time of the newest packet, in ticks
	jitter       float64 // in ticks
	clockHz      int64   // ticks per second

	expectedBefore, countBefore uint32 // packets expected and arrived at the previous report

	senderReportNTP uint32    // middle 32 bits of the NTP time in the newest sender report
	senderReportAt  time.Time // arrival of that sender report; zero: none arrived
}

// packet counts a packet that arrived at the time at; ticks is its RTP time. Another SSRC is another sender, with which
// all values begin anew.
func (r *reception) packet(ssrc uint32, seq uint16, ticks uint32, at time.Time) {
	if !r.begun || ssrc != r.ssrc {
		*r = reception{ssrc: ssrc, begun: true, first: uint32(seq), last: uint32(seq), clockHz: r.clockHz}
	}
	r.count++
	if d := int16(seq - uint16(r.last)); d > 0 {
		r.last += uint32(d)
	}
	transit := uint32(at.Sub(zero).Microseconds()*r.clockHz/time.Second.Microseconds()) - ticks
	if r.count > 1 {
		d := int32(transit - r.transitTicks)
		r.jitter += (float64(max(d, -d)) - r.jitter) / 16
	}
	r.transitTicks = transit
}

func (r *reception) senderReport(ssrc uint32, ntp uint64, at time.Time) {
	if ssrc == r.ssrc || !r.begun {
		r.senderReportNTP, r.senderReportAt = uint32(ntp>>16), at
	}
}

// report returns the reception report for the moment now. The fraction of lost packets concerns the packets since the
// previous report; the other values concern all packets of the sender.
func (r *reception) report(now time.Time) rtcp.ReceptionReport {
	expected := r.last - r.first + 1
	lost := max(int64(expected)-int64(r.count), 0)
	out := rtcp.ReceptionReport{
		SSRC: r.ssrc, LastSequenceNumber: r.last, Jitter: uint32(r.jitter),
		TotalLost: uint32(min(lost, 1<<23-1)), LastSenderReport: r.senderReportNTP,
	}
	if of := expected - r.expectedBefore; of > 0 {
		missing := max(int64(of)-int64(r.count-r.countBefore), 0)
		out.FractionLost = uint8(min(missing*256/int64(of), 255))
	}
	if !r.senderReportAt.IsZero() {
		out.Delay = uint32(now.Sub(r.senderReportAt).Seconds() * 65536)
	}
	r.expectedBefore, r.countBefore = expected, r.count
	return out
}

// reportAfter returns the time until the next receiver report: 2.5 to 7.5 seconds, at random (RFC 3550, 6.2).
func reportAfter() time.Duration {
	const each = 5 * time.Second
	return each/2 + rand.N(each)
}

// report sends a receiver report for each track of which a packet has arrived, and schedules the next ones. Some
// cameras stop sending media without them.
func (c *Client) report(now time.Time) error {
	c.reportAt = now.Add(reportAfter())
	for _, t := range c.tracks {
		t.mu.Lock()
		begun := t.received.begun
		var about rtcp.ReceptionReport
		if begun {
			about = t.received.report(now)
		}
		t.mu.Unlock()
		if !begun {
			continue
		}
		b, err := rtcp.Marshal([]rtcp.Packet{
			&rtcp.ReceiverReport{SSRC: c.ssrc, Reports: []rtcp.ReceptionReport{about}},
			rtcp.NewCNAMESourceDescription(c.ssrc, "spool"),
		})
		if err == nil {
			err = t.sendReport(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sendReport sends the RTCP packet b. Over UDP it returns no error: the next report may arrive.
func (t *track) sendReport(b []byte) error {
	if t.udp != nil {
		t.udp.report(b)
		return nil
	}
	n := len(b)
	return t.client.write(append([]byte{'$', byte(t.channels[1]), byte(n >> 8), byte(n)}, b...))
}
