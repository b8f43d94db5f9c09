package rtmp

import (
	"bytes"
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
	frame            bool // the newest message has a frame: configurations of further tracks come before the first one

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
)

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
}

// hold holds a message back, and counts its memory.
func (o *opening) hold(f *ingest.Feed, video bool, ms int64, body []byte, now time.Time) {
	f.Grow(len(body)) // bounded by openingBytes and the message itself
	o.bytes += len(body)
	o.held = append(o.held, heldMessage{video, ms, bytes.Clone(body), now})
}

func (o *opening) release(f *ingest.Feed) {
	f.Grow(-o.bytes)
	o.held, o.bytes = nil, 0
}

// ready reports whether the tracks are known, or nothing more is to be waited for.
func (o *opening) ready() bool {
	switch {
	case o.bytes >= openingBytes, len(o.held) >= openingMessages:
		return true
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
