package rtmp

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/codec/obu"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtmp/flv"
)

// nalReader reads a decoder configuration: the size of the length before each NAL unit, and the parameter sets.
type nalReader func(data []byte) (lengthBytes int, sets [][]byte, err error)

// maxConfigBytes bounds a decoder configuration. Real ones have less than 1 KiB.
const maxConfigBytes = 64 << 10

var (
	errConfig      = errors.New("the decoder configuration is cut or malformed")
	errLargeConfig = fmt.Errorf("the decoder configuration has more than %d bytes", maxConfigBytes)
)

func readAVC(data []byte) (int, [][]byte, error) {
	c, ok := isobmff.ReadAVCConfig(data)
	if !ok {
		return 0, nil, errConfig
	}
	return c.LengthSize, append(c.SequenceSets, c.PictureSets...), nil
}

func readHEVC(data []byte) (int, [][]byte, error) {
	c, ok := isobmff.ReadHEVCConfig(data)
	if !ok {
		return 0, nil, errConfig
	}
	var sets [][]byte
	for _, a := range c.Arrays {
		sets = append(sets, a.NALs...)
	}
	return c.LengthSize, sets, nil
}

// nals unpacks a codec with NAL units.
type nals struct {
	read        nalReader
	lengthBytes int
	present     []byte   // the newest configuration
	sets        [][]byte // of the newest configuration, until they have been written
}

func openNALs(read nalReader) func(*opener, *flv.Packet) (unpacker, error) {
	return func(o *opener, k *flv.Packet) (unpacker, error) {
		n := &nals{read: read, lengthBytes: 4}
		if k.Kind == flv.Config {
			if err := n.take(k.Data); err != nil {
				return nil, err
			}
			o.track.ParameterSets, n.sets = n.sets, nil
		}
		return n, nil // without a configuration the parameter sets may come in the stream
	}
}

// take takes a configuration, unless it is the present one again.
func (n *nals) take(data []byte) error {
	if len(data) == 0 || bytes.Equal(data, n.present) {
		return nil
	}
	present := bytes.Clone(data)
	lengthBytes, sets, err := n.read(present)
	if err != nil {
		return err
	}
	n.lengthBytes, n.present, n.sets = lengthBytes, present, sets
	return nil
}

func (n *nals) config(_ *track, data []byte) error { return n.take(data) }

var errLength = errors.New("the length of a NAL unit exceeds the message")

func (n *nals) frame(t *track, k *flv.Packet, ns int64, now time.Time) error {
	u := t.picture(k, ns, now)
	for _, set := range n.sets {
		u.Put(set)
	}
	err := n.split(u, k.Data)
	if err == nil {
		n.sets = nil
	}
	if ended := t.to.Unit(u); ended != nil {
		return ended
	}
	return err
}

// split adds the NAL units of a frame to a unit. Senders that have not replaced start codes by lengths are understood, too.
func (n *nals) split(u *ingest.Unit, data []byte) error {
	if n.lengthBytes == 4 && startsWithCode(data) {
		u.Put(data)
		u.SplitStartCodes()
		return nil
	}
	for len(data) > 0 {
		length := 0
		for _, b := range data[:min(n.lengthBytes, len(data))] {
			length = length<<8 + int(b)
		}
		if len(data) < n.lengthBytes || length > len(data)-n.lengthBytes {
			u.Unread()
			return errLength
		}
		data = data[n.lengthBytes:]
		u.Put(data[:length])
		data = data[length:]
	}
	return nil
}

// startsWithCode reports whether data begins with a start code (ITU-T H.264, annex B). As a length it would be that of a
// NAL unit of one byte, or of 256 to 511 bytes if its code has three bytes.
func startsWithCode(data []byte) bool {
	const code = "\x00\x00\x00\x01"
	if !bytes.HasPrefix(data, []byte(code)) {
		return bytes.HasPrefix(data, []byte(code[1:])) && len(data) > 3 && int(data[3])+256 > len(data)-4
	}
	return len(data) > 5
}

// obus unpacks AV1.
type obus struct {
	sequence []byte // sequence header of the configuration, if it has one
	buf      []byte
}

func openOBUs(_ *opener, k *flv.Packet) (unpacker, error) {
	o := &obus{}
	if k.Kind == flv.Config {
		if err := o.config(nil, k.Data); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *obus) config(_ *track, data []byte) error {
	const head = 4 // of av1C, before its OBUs
	if len(data) < head {
		return errConfig
	}
	o.sequence = o.sequence[:0]
	for u, rest, ok := obu.Next(data[head:]); ok; u, rest, ok = obu.Next(rest) {
		if u.Type == obu.SequenceHeader {
			o.sequence = u.Append(o.sequence)
			break
		}
	}
	return nil
}

var errOBU = errors.New("a unit of the bit stream exceeds the message")

func (o *obus) frame(t *track, k *flv.Packet, ns int64, now time.Time) error {
	o.buf = append(o.buf[:0], o.sequence...)
	described, rest := false, k.Data
	for len(rest) > 0 {
		next, after, ok := obu.Next(rest)
		if !ok {
			o.buf = reusable(o.buf)
			return errOBU
		}
		if described = described || next.Type == obu.SequenceHeader; next.Type != obu.TemporalDelimiter {
			o.buf = next.Append(o.buf)
		}
		rest = after
	}
	data := o.buf
	if described || !isSequenceStart(data) { // only a key frame without a sequence header gets that of the configuration
		data = data[len(o.sequence):]
	}
	u := t.picture(k, ns, now)
	u.Put(data)
	o.buf = reusable(o.buf)
	return t.to.Unit(u)
}

// maxReusedBytes bounds a buffer that a track keeps from one frame to the next.
const maxReusedBytes = 1 << 20

// reusable returns a buffer to be used again, or nil if it is too large to be kept.
func reusable(buf []byte) []byte {
	if cap(buf) > maxReusedBytes {
		return nil
	}
	return buf
}

// whole unpacks a codec whose frames describe the track, and whose packets are frames.
type whole struct{}

func openWhole(*opener, *flv.Packet) (unpacker, error) { return whole{}, nil }

func (whole) config(*track, []byte) error { return nil }

func (whole) frame(t *track, k *flv.Packet, ns int64, now time.Time) error {
	u := t.picture(k, ns, now)
	u.Put(k.Data)
	return t.to.Unit(u)
}
