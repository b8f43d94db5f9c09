package rtp

import "time"

// maxReportSeconds is the largest distance between the RTP time of a report and the track's newest time. A report
// further off is ignored: it belongs to another clock, or to an earlier run of the sender.
const maxReportSeconds = 60

// SenderReport takes an RTCP sender report: at the RTP time rtpTime, the sender's wall clock, in NTP format, was at ntp
// (RFC 3550, 6.4.1). It ignores a report of a sender without a wall clock.
func (t *Track) SenderReport(ntp uint64, rtpTime uint32) {
	if ntp == 0 { // the sender has no clock
		return
	}
	at, far := t.time.near(rtpTime), maxReportSeconds*int64(t.clockHz)
	if d := at - t.time.wideTicks; t.packets > 0 && (d > far || d < -far) {
		return
	}
	t.place(byReport, at, unixNS(ntp))
}

// unixNS converts a time in NTP format to ns of UTC since 1970. Times from 2036 on are of the next NTP era (RFC 5905, 6).
func unixNS(ntp uint64) int64 {
	const from1900To1970, halfEra = 2208988800, 1 << 31 // s
	sec, frac := int64(ntp>>32), int64(ntp&0xffffffff)
	if sec < halfEra {
		sec += 2 * halfEra
	}
	return (sec-from1900To1970)*int64(time.Second) + frac*int64(time.Second)>>32
}
