package rtp

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/adts"
	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/guard"
	"github.com/gospool/spool/pipeline/media"
)

// AudioPayload extracts the frames of a codec without NAL units from the RTP packets of one track.
type AudioPayload interface {
	// unpack returns the frames that a packet completes. They are valid until the next call. If the stream carries a
	// new configuration, unpack passes it as the track's parameter set to describe before it returns frames. An error
	// means that the packet's frames are lost; it is errFrames if the packet has too many.
	unpack(p *rtp.Packet, describe func(set []byte) error) ([][]byte, error)
	// duration returns the duration of n frames as long as those of the newest packet, in ticks of a timescale.
	duration(n int, timescale uint32) int64
}

// lossy is an AudioPayload whose frames depend on the packets before. The track calls lost before it unpacks a packet
// before which data may be missing.
type lossy interface{ lost() }

// frames computes the duration of AAC frames.
type frames struct {
	samples int64  // samples of one frame
	rate    uint32 // sample rate, Hz
}

func framesOf(c *mpeg4audio.AudioSpecificConfig) frames {
	if c.FrameLengthFlag {
		return frames{960, uint32(c.SampleRate)}
	}
	return frames{1024, uint32(c.SampleRate)}
}

func (f frames) duration(n int, timescale uint32) int64 {
	return media.Rescale(int64(n)*f.samples, f.rate, timescale)
}

// The bounds of a packet, or of the packets that carry one frame. gortsplib's decoders, which have no such bounds,
// would keep every packet of a frame that does not end.
const (
	maxFrames          = 1024    // of a packet; each lasts some 20 ms at 48 kHz
	maxFrameBytes      = 1 << 16 // of a frame; AAC allows at most 768 for each channel
	maxMuxElementBytes = 1 << 20 // of a LATM element
	keptFragmentBytes  = 1 << 16 // a buffer of at most this size is kept for the next fragmented frame
)

// errFrames is the error of a packet with too many frames.
var errFrames = errors.New("RTP packet has too many frames")

// fragments joins the payloads of consecutive packets that carry one frame.
type fragments struct {
	buf  []byte // joined payloads
	open bool   // the frame is incomplete
	seq  uint16 // sequence number of the next packet of the frame
}

// follows reports whether packet p continues the frame whose payloads f has joined.
func (f *fragments) follows(p *rtp.Packet) bool { return f.open && f.seq == p.SequenceNumber }

func (f *fragments) begin() {
	if cap(f.buf) > keptFragmentBytes {
		f.buf = nil
	}
	f.buf, f.open = f.buf[:0], true
}

func (f *fragments) add(p *rtp.Packet, b []byte) {
	f.buf, f.seq = append(f.buf, b...), p.SequenceNumber+1
}

// aacPayload implements RFC 3640, the modes AAC-hbr and AAC-lbr, without interleaving.
type aacPayload struct {
	frames
	size, index, delta int // sizes, in bits, of the fields of an AU-header
	sizes              []int
	out                [][]byte
	part               fragments
	wantBytes          int    // size of the fragmented frame
	timeTicks          uint32 // RTP time of the packets of the fragmented frame
	begun              bool   // a frame has come
	adts               bool   // the frames have ADTS headers, as some cameras send them
	bared              [][]byte
	inBand             bool    // the configuration follows from the ADTS headers
	config             [2]byte // newest configuration from a header
}

// AACPayload returns the depacketizer of RFC 3640. asc is the AudioSpecificConfig of the session description, or nil if
// that has none; the frames must then have ADTS headers. widths are the sizes in bits of the fields of an AU-header:
// AU-size, AU-Index and AU-Index-delta. The error says that one of the arguments is not supported.
func AACPayload(asc []byte, widths [3]int) (AudioPayload, error) {
	a := &aacPayload{size: widths[0], index: widths[1], delta: widths[2], inBand: asc == nil}
	if a.size < 1 || max(a.size, a.index, a.delta) > 32 {
		return nil, errors.New("aac with AU-headers of an unknown form")
	}
	if asc == nil {
		return a, nil
	}
	return a, a.configure(asc)
}

func (a *aacPayload) configure(asc []byte) error {
	c, err := codec.ReadAudioSpecificConfig(asc)
	if err == nil {
		a.frames = frames{int64(c.FrameSamples), uint32(c.CoreRate)}
	}
	return err
}

func (a *aacPayload) unpack(p *rtp.Packet, describe func([]byte) error) ([][]byte, error) {
	data, err := a.headers(p.Payload)
	if err == nil {
		err = a.cut(p, data)
	}
	if err != nil {
		a.part.open = false
		return nil, err
	}
	if len(a.out) > 0 && !a.begun {
		a.begun, a.adts = true, allADTS(a.out)
	}
	switch {
	case len(a.out) == 0:
		return nil, nil
	case a.adts:
		return a.bare(describe)
	case a.inBand:
		return nil, errNoConfig
	}
	return a.out, nil
}

// headers reads the AU-headers of a packet, and returns the data after them (RFC 3640, 3.2.1). The headers give the
// sizes of the frames, or the size of the one frame of which the packet has a fragment.
func (a *aacPayload) headers(p []byte) (data []byte, err error) {
	if len(p) < 2 {
		return nil, errShort
	}
	bits := int(binary.BigEndian.Uint16(p))
	first, other := a.size+a.index, a.size+a.delta
	p = p[2:]
	switch {
	case bits < first || (bits-first)%other != 0 || (bits+7)/8 > len(p):
		return nil, errShort
	case (bits-first)/other >= maxFrames:
		return nil, errFrames
	}
	r := bitstream.NewReader(p)
	a.sizes = a.sizes[:0]
	for width, behind := a.index, 8*len(p)-bits; r.Left() > behind; width = a.delta {
		n := r.Bits(a.size)
		if index := r.Bits(width); n == 0 || n > maxFrameBytes || index != 0 {
			return nil, errPacking
		}
		a.sizes = append(a.sizes, int(n))
	}
	return p[(bits+7)/8:], nil
}

// cut sets a.out to the frames in data, the part of a packet's payload after the AU-headers. a.out is empty if data
// is a fragment that completes no frame.
func (a *aacPayload) cut(p *rtp.Packet, data []byte) error {
	a.out = a.out[:0]
	n := a.sizes[0]
	if a.part.open = a.part.follows(p); a.part.open { // if it does not follow, the loss has been counted
		if len(a.sizes) > 1 || n != a.wantBytes || p.Timestamp != a.timeTicks || len(data) == 0 || len(a.part.buf)+len(data) > n {
			return errFragment
		}
		return a.extend(p, data)
	}
	if len(a.sizes) == 1 && len(data) < n {
		if len(data) == 0 || p.Marker {
			return errShort
		}
		a.part.begin()
		a.wantBytes, a.timeTicks = n, p.Timestamp
		return a.extend(p, data)
	}
	for _, n := range a.sizes {
		if n > len(data) {
			return errShort
		}
		a.out = append(a.out, data[:n])
		data = data[n:]
	}
	return nil
}

// extend appends a fragment of a frame. If that completes the frame, extend adds the frame to out.
func (a *aacPayload) extend(p *rtp.Packet, data []byte) error {
	a.part.add(p, data)
	switch {
	case len(a.part.buf) == a.wantBytes:
		a.part.open = false
		a.out = append(a.out, a.part.buf)
	case p.Marker:
		return errShort
	}
	return nil
}

// errNoConfig is the error of frames of which neither the session description nor an ADTS header has the configuration.
var errNoConfig = errors.New("aac without a configuration")

// allADTS reports whether access units are ADTS frames as a whole. Frames of AAC do not begin as ADTS frames do.
func allADTS(units [][]byte) bool {
	for _, unit := range units {
		for len(unit) > 0 {
			h, err := adts.Read(unit)
			if err != nil || h.Bytes > len(unit) {
				return false
			}
			unit = unit[h.Bytes:]
		}
	}
	return true
}

// bare returns the frames in out without their ADTS headers. An access unit may have several frames. If the session
// description has no configuration, bare passes each new one to describe.
func (a *aacPayload) bare(describe func([]byte) error) ([][]byte, error) {
	a.bared = a.bared[:0]
	for _, unit := range a.out {
		for len(unit) > 0 {
			h, err := adts.Read(unit)
			switch {
			case err != nil:
				return nil, err
			case h.Bytes > len(unit):
				return nil, errPacking
			case len(a.bared) == maxFrames:
				return nil, errFrames
			}
			if c := h.Config(); a.inBand && c != a.config {
				if err := a.adopt(c, describe); err != nil {
					return nil, err
				}
			}
			a.bared, unit = append(a.bared, unit[h.HeaderBytes:h.Bytes]), unit[h.Bytes:]
		}
	}
	return a.bared, nil
}

// adopt makes the configuration of a header that of the track.
func (a *aacPayload) adopt(config [2]byte, describe func([]byte) error) error {
	asc := bytes.Clone(config[:])
	if err := a.configure(asc); err != nil {
		return err
	}
	a.config = config
	return describe(asc)
}

// latmPayload implements RFC 6416 (LATM). The configuration is in the session description (cpresent=0) or in the stream
// (cpresent=1).
type latmPayload struct {
	frames
	part   fragments
	inBand bool                        // the configuration is in the stream
	config *mpeg4audio.StreamMuxConfig // newest one; nil: none has come
	asc    []byte                      // AudioSpecificConfig of the newest configuration from the stream
}

// LATMPayload returns the depacketizer of a format of RFC 6416.
func LATMPayload(f *format.MPEG4AudioLATM) (AudioPayload, error) {
	l := &latmPayload{inBand: f.CPresent, config: f.StreamMuxConfig}
	if l.config != nil {
		l.frames = framesOf(latmConfig(l.config))
	}
	return l, nil
}

// latmConfig returns the configuration of the first layer of the first program, the only one that is recorded.
func latmConfig(c *mpeg4audio.StreamMuxConfig) *mpeg4audio.AudioSpecificConfig {
	return c.Programs[0].Layers[0].AudioSpecificConfig
}

func (l *latmPayload) unpack(p *rtp.Packet, describe func([]byte) error) ([][]byte, error) {
	whole, err := l.join(p)
	if whole == nil || err != nil {
		return nil, err
	}
	element := mpeg4audio.AudioMuxElement{MuxConfigPresent: l.inBand, StreamMuxConfig: l.config}
	if err := guard.Call(func() error { return element.Unmarshal(whole) }); err != nil {
		return nil, err
	}
	if l.inBand && element.StreamMuxConfig != l.config {
		if err := l.configure(element.StreamMuxConfig, describe); err != nil {
			return nil, err
		}
	}
	var out [][]byte
	for _, sub := range element.Payloads {
		out = append(out, sub[0][0])
	}
	return out, nil
}

// join appends the payload of packet p to the LATM element in progress. It returns the element if p completes it,
// and otherwise nil. The element is valid until the next call.
func (l *latmPayload) join(p *rtp.Packet) ([]byte, error) {
	if !l.part.open && p.Marker {
		return p.Payload, nil
	}
	switch {
	case !l.part.open:
		l.part.begin()
	case !l.part.follows(p) || len(l.part.buf)+len(p.Payload) > maxMuxElementBytes:
		l.part.open = false
		return nil, errFragment
	}
	l.part.add(p, p.Payload)
	if !p.Marker {
		return nil, nil
	}
	l.part.open = false
	return l.part.buf, nil
}

// configure takes a configuration that a LATM element carries. It calls describe with the AudioSpecificConfig if
// that is new; the stream repeats the configuration often.
func (l *latmPayload) configure(c *mpeg4audio.StreamMuxConfig, describe func([]byte) error) error {
	asc, err := latmConfig(c).Marshal()
	if err != nil {
		return err
	}
	l.config, l.frames = c, framesOf(latmConfig(c))
	if bytes.Equal(asc, l.asc) {
		return nil
	}
	l.asc = asc
	return describe(asc)
}
