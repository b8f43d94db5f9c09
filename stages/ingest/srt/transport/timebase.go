package transport

// timebase turns the timestamps of a sender's packets into times of arrival without the jitter of the network.
//
// The clocks of both sides run at slightly different rates, so the difference between them is measured again and
// again: it is that of the packet that came fastest within the last windowUS to 2 windowUS. A retransmitted packet has
// the timestamp of the original, and so never is the fastest.
type timebase struct {
	newestUS          int64 // newest timestamp, without the wraps of its 32 bits
	begun             bool
	leastUS, beforeUS int64 // least difference in this window, and in the one before
	untilUS           int64 // end of this window
}

const windowUS = 10_000_000

// at returns the time of arrival of a packet that came at nowUS. It is never after nowUS.
func (t *timebase) at(timestamp uint32, nowUS int64) int64 {
	stampUS := t.newestUS + int64(int32(timestamp-uint32(t.newestUS)))
	t.newestUS = max(t.newestUS, stampUS)
	difference := nowUS - stampUS
	switch {
	case !t.begun || nowUS >= t.untilUS+windowUS:
		t.begun, t.leastUS, t.beforeUS, t.untilUS = true, difference, difference, nowUS+windowUS
	case nowUS >= t.untilUS:
		t.leastUS, t.beforeUS, t.untilUS = difference, t.leastUS, nowUS+windowUS
	}
	t.leastUS = min(t.leastUS, difference)
	return stampUS + min(t.leastUS, t.beforeUS)
}
