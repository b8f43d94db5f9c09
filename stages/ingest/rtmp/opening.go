package rtmp

import (
	"bytes"
	"errors"
	"time"

	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtmp/flv"
	"github.com/gospool/spool/stages/ingest/rtmp/wire"
)

// opening is the beginning of a publication, until its tracks are known. It holds the messages back meanwhile.
type opening struct {
	done             bool
	sound, pictures  bool // have come
	told             bool // the metadata of the sender names its tracks
	willSpeak, shows bool // the tracks that it names
	packets          bool // the newest message has something to record
	frame            bool // the newest message has a frame: configurations of further tracks come before the first one
	begun            bool // a frame has come

	held  []heldMessage
	bytes int
}

type heldMessage struct {
	video   bool
	ms      int64
	body    []byte
	arrived time.Time
}

// The bounds of an opening.
const (
	openingTime     = time.Second     // if the sender does not name its tracks
	toldTime        = 2 * time.Second // if it names one that has not come
	openingBytes    = 4 << 20
	openingMessages = 4096

	heldBytes = 64 // memory of a held message without its body
)

var errOpening = errors.New("too much is held in memory before the tracks are known, of this publisher or of all")

// announce takes the metadata of the sender. Metadata without a codec says nothing about the tracks.
func (o *opening) announce(of wire.Properties) {
	sound, pictures := of.Get("audiocodecid") != nil, of.Get("videocodecid") != nil
	if o.done || !sound && !pictures {
		return
	}
	o.told, o.willSpeak, o.shows = true, sound, pictures
}

// seen records that a packet has come whose codec is known.
func (o *opening) seen(video bool, kind flv.Kind) {
	o.pictures, o.sound = o.pictures || video, o.sound || !video
	o.frame = o.frame || kind == flv.Frame
	o.begun = o.begun || o.frame
}

// hold holds a message back, and counts its memory. It returns errOpening if there is no room.
func (o *opening) hold(f *ingest.Feed, video bool, ms int64, body []byte, now time.Time) error {
	n := len(body) + heldBytes
	if !f.Grow(n) {
		f.Grow(-n)
		return errOpening
	}
	o.bytes += n
	o.held = append(o.held, heldMessage{video, ms, bytes.Clone(body), now})
	return nil
}

func (o *opening) release(f *ingest.Feed) {
	f.Grow(-o.bytes)
	o.held, o.bytes = nil, 0
}

// full reports whether no more may be held.
func (o *opening) full() bool { return o.bytes >= openingBytes || len(o.held) >= openingMessages }

// ready reports whether the tracks are known, or nothing more is to be waited for. A message is held.
func (o *opening) ready() bool {
	switch {
	case o.told && (o.sound || !o.willSpeak) && (o.pictures || !o.shows):
		return true
	case o.sound && o.pictures:
		return true
	}
	limit := openingTime
	if o.told {
		limit = toldTime
	}
	first, last := &o.held[0], &o.held[len(o.held)-1]
	return last.arrived.Sub(first.arrived) >= limit || time.Duration(last.ms-first.ms)*time.Millisecond >= limit
}
