package udp

import (
	"net/netip"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

// flow is the stream of one sender.
type flow struct {
	address *Address
	from    netip.AddrPort
	began   time.Time

	mu      sync.Mutex // guards the fields below
	demuxer *mpegts.Demuxer
	plain   bool     // a datagram without RTP has come: all are parts of one stream of bytes, at any of which they may begin
	order   *reorder // nil: no RTP packet has come
	pass    func(payload []byte, missing int, at time.Time) error
	heard   time.Time // arrival of the newest datagram
	opened  time.Time // when it was seen to publish last, or began
	foreign uint64    // datagrams of other senders, not counted yet
	closed  bool
}

func newFlow(a *Address, from netip.AddrPort, at time.Time, o mpegts.Options) *flow {
	f := &flow{address: a, from: from, began: at, heard: at, opened: at, demuxer: mpegts.NewDemuxer(o)}
	f.pass = f.payload
	return f
}

// carries reports whether a datagram has packets of a transport stream, plain or in RTP.
func (a *Address) carries(b []byte) bool {
	_, kind, payload, is := rtpPayload(b)
	if is {
		return kind == payloadType && begins(payload)
	}
	return !a.RTP && (begins(b) || mpegts.IsStream(b))
}

// payloadType is the RTP payload type of transport streams (RFC 3551, 6).
const payloadType = 33

// begins reports whether b begins with a packet of 188 bytes, or with one that has 4 bytes before it or 16 behind it.
func begins(b []byte) bool {
	const sync = 0x47
	for _, form := range [3][2]int{{0, 188}, {4, 192}, {0, 204}} {
		at, stride := form[0], form[1]
		if len(b) >= stride && b[at] == sync && (len(b) <= at+stride || b[at+stride] == sync) {
			return true
		}
	}
	return false
}

// datagram takes a datagram of the sender. An error ends the flow.
func (f *flow) datagram(b []byte, at time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return hub.ErrReplaced
	}
	f.heard = at
	if f.plain {
		return f.demuxer.Data(b, at)
	}
	seq, kind, payload, is := rtpPayload(b)
	switch {
	case is && kind != payloadType:
		f.lost(media.DropWrongPayloadType, 1)
		return nil
	case is:
		if f.order == nil {
			f.order = &reorder{}
		}
		return f.order.packet(seq, payload, at, f.pass)
	case f.address.RTP:
		f.lost(media.DropRTPMalformed, 1)
		return nil
	}
	f.plain = f.order == nil
	return f.demuxer.Data(b, at)
}

// suspectPackets is the number of consecutive RTP packets whose loss the counters of a transport stream may hide: they
// have three packets or more with one of sixteen counters.
const suspectPackets = 3

func (f *flow) payload(b []byte, missing int, at time.Time) error {
	if missing >= suspectPackets {
		f.demuxer.Missing()
	}
	return f.demuxer.Data(b, at)
}

// lost counts lost datagrams of a flow that publishes.
func (f *flow) lost(cause string, n uint64) {
	if pub := f.demuxer.Publisher(); pub != nil && n > 0 {
		pub.Lost(cause, n)
	}
}

// look passes on packets that have waited for long enough, and counts what is not counted yet. closed is the time for which
// the flow has not published, and silent that since its newest datagram.
func (f *flow) look(now time.Time) (closed, silent time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, 0, hub.ErrReplaced
	}
	if f.order != nil {
		err = f.order.look(now, f.pass)
		if pub := f.demuxer.Publisher(); pub != nil && f.order.twice > 0 {
			pub.Repaired(ingest.RepairedTwice, f.order.twice)
			f.order.twice = 0
		}
	}
	if pub := f.demuxer.Publisher(); pub != nil {
		f.lost(media.DropForeignSSRC, f.foreign)
		f.foreign, f.opened = 0, now
		select {
		case <-pub.Done():
			err = hub.ErrReplaced
		default:
		}
	}
	return now.Sub(f.opened), now.Sub(f.heard), err
}

// ahead reports whether the datagrams of another sender are left out because the flow goes on.
func (f *flow) ahead(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || now.Sub(f.heard) > takeOver || f.demuxer.Publisher() == nil && now.Sub(f.began) > proof {
		return false
	}
	f.foreign++
	return true
}

// Another sender takes the place of one that is silent for takeOver, or that has sent no media for proof.
const (
	takeOver = 2 * time.Second
	proof    = 5 * time.Second
)

// silence returns the time since the newest datagram: see hub.PublishOptions.
func (f *flow) silence(now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Sub(f.heard)
}

// close ends the flow, and its publication with a cause: a sender that is lost or replaced may come back. Before that it writes what is held.
func (f *flow) close(cause media.Cause) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	if f.order != nil {
		_ = f.order.flush(f.pass)
	}
	if cause == endcause.SourceLost || cause == endcause.Replaced {
		f.demuxer.Disconnect()
		return
	}
	f.demuxer.Close(cause)
}

// publisher returns the open publisher, or nil.
func (f *flow) publisher() *hub.Publisher {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.demuxer.Publisher()
}
