package hls

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/gospool/spool/pipeline/media"
)

// packedAudio reads segments of frames of sound without a container (RFC 8216, 3.4): see readPacked. The time of the first frame
// is in an ID3 tag before it.
type packedAudio struct {
	to        sink
	tracks    *tracks
	of        packedTrack // of tracks
	started   bool        // the piece has had its tag
	stamp     int64       // of the tag, ticks of 90 kHz
	stamped   bool        // the next frame is the first one after a tag
	nextTicks int64       // end of the newest frame
	timed     bool        // nextTicks is known
}

// owner is the owner of the private frame with the time (RFC 8216, 3.4).
const owner = "com.apple.streaming.transportStreamTimestamp\x00"

const (
	tagHeaderBytes = 10
	maxTagBytes    = 1 << 20
	hz90           = 90000
)

// isPacked reports whether a segment begins with a tag or with a frame.
func isPacked(head []byte) bool {
	if bytes.HasPrefix(head, []byte("ID3")) {
		return true
	}
	_, err := readPacked(head)
	return err == nil
}

func (a *packedAudio) begin(_ *piece, follows bool) error {
	a.started, a.stamped = false, false
	a.timed = a.timed && follows
	return nil
}

func (a *packedAudio) flush(bool) {}
func (a *packedAudio) close()     {}

// read reads a tag or a frame.
func (a *packedAudio) read(r *bufio.Reader) error {
	head, err := r.Peek(tagHeaderBytes)
	switch {
	case len(head) == 0:
		return err
	case len(head) < tagHeaderBytes:
		return notEOF(err)
	case string(head[:3]) == "ID3":
		return a.tag(r, head)
	}
	h, err := readPacked(head)
	if err != nil {
		return err
	}
	if !a.timed && !a.stamped {
		return refusal{errors.New("packed audio without a time: it needs an ID3 tag with " + owner[:len(owner)-1])}
	}
	u := a.to.unit()
	if cap(u.own) < h.bytes {
		u.own = make([]byte, h.bytes)
	}
	u.own = u.own[:h.bytes]
	if _, err := io.ReadFull(r, u.own); err != nil {
		return notEOF(err)
	}
	if err := a.describe(h.of); err != nil {
		return err
	}
	a.time(h.of.rate)
	u.of, u.dts, u.pts, u.durationTicks, u.sync = a.tracks, a.nextTicks, a.nextTicks, h.samples, true
	u.data = append(u.data, u.own[h.headerBytes:])
	a.nextTicks += h.samples
	a.to.push(u)
	return nil
}

// tag reads an ID3 tag (ID3 2.4.0, 3.1 and 4.27).
func (a *packedAudio) tag(r *bufio.Reader, head []byte) error {
	size := int(head[6]&0x7f)<<21 | int(head[7]&0x7f)<<14 | int(head[8]&0x7f)<<7 | int(head[9]&0x7f)
	if size > maxTagBytes {
		return fmt.Errorf("an ID3 tag has %d bytes", size)
	}
	b := make([]byte, tagHeaderBytes+size)
	if _, err := io.ReadFull(r, b); err != nil {
		return notEOF(err)
	}
	at := bytes.Index(b, []byte(owner))
	if at < 0 || len(b) < at+len(owner)+8 {
		return nil
	}
	stamp := int64(0)
	for _, c := range b[at+len(owner):][:8] {
		stamp = stamp<<8 | int64(c)
	}
	a.stamp, a.stamped = stamp&(1<<33-1), true
	return nil
}

// describe sets the tracks by the header of a frame.
func (a *packedAudio) describe(of packedTrack) error {
	if a.tracks != nil && a.of == of {
		return nil
	}
	t, err := of.track()
	if err != nil {
		return refusal{err}
	}
	a.of, a.tracks, a.timed = of, &tracks{list: []media.Track{t}, ninety: true}, false
	a.stamped = true
	return nil
}

// time sets the time of the next frame by the tag before it. A tag is rounded to 90 kHz: the times count samples, and follow
// it only where they differ by more than that.
func (a *packedAudio) time(rate int) {
	if !a.stamped {
		return
	}
	a.stamped = false
	at := media.Rescale(a.stamp, hz90, uint32(rate))
	tolerance := int64(rate)/1000 + 2
	if d := at - a.nextTicks; !a.timed || d < -tolerance || d > tolerance {
		a.nextTicks = at
	}
	a.timed = true
}
