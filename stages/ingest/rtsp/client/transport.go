package client

import (
	"net/netip"
	"strconv"
	"strings"
)

// transport holds the parts of the Transport header (RFC 2326, 12.39) in an answer to SETUP that the client uses.
type transport struct {
	tcp, udp    bool // lower transport; neither: not given
	multicast   bool
	interleaved bool // channels is given
	channels    [2]int
	serverPorts [2]uint16  // of RTP and RTCP; 0: not given
	source      netip.Addr // address from which packets come; invalid: not given
}

// readTransport reads the first transport of a header, in upper or lower case and with blanks anywhere. It skips
// unreadable parts. It also ignores the SSRC, which some cameras state wrongly, because the packets contain it.
func readTransport(values []string) (t transport) {
	if len(values) == 0 {
		return t
	}
	first, _, _ := strings.Cut(values[0], ",")
	for part := range strings.SplitSeq(first, ";") {
		key, value, _ := strings.Cut(part, "=")
		value = strings.Trim(value, " \t\"")
		switch key = strings.ToLower(strings.TrimSpace(key)); {
		case strings.HasPrefix(key, "rtp/"):
			t.tcp = strings.HasSuffix(key, "/tcp")
			t.udp = !t.tcp
		case key == "multicast":
			t.multicast = true
		case key == "interleaved":
			if lo, hi, is := numbers(value, 255); is {
				t.interleaved, t.channels = true, [2]int{lo, hi}
			}
		case key == "server_port":
			if lo, hi, is := numbers(value, 65535); is {
				t.serverPorts = [2]uint16{uint16(lo), uint16(hi)}
			}
		case key == "source":
			if ip, err := netip.ParseAddr(strings.Trim(value, "[]")); err == nil && !ip.IsUnspecified() {
				t.source = ip.Unmap()
			}
		}
	}
	if t.interleaved { // some servers omit /TCP
		t.tcp, t.udp = true, false
	}
	return t
}

// numbers reads LO-HI, or LO alone with HI = LO+1. It returns false unless both are from 0 to most.
func numbers(text string, most int) (lo, hi int, is bool) {
	a, b, both := strings.Cut(text, "-")
	lo, err := strconv.Atoi(strings.TrimSpace(a))
	if hi = lo + 1; both && err == nil {
		hi, err = strconv.Atoi(strings.TrimSpace(b))
	}
	return lo, hi, err == nil && lo >= 0 && hi >= 0 && lo <= most && hi <= most
}
