package replay

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// FeatureTag is the tag by which a client requires this package's extensions of RTSP.
const FeatureTag = "onvif-replay"

// Request has the headers of a PLAY request that say what is played, and how.
type Request struct {
	Ranged bool // the client gives a range
	Range  Range
	Marked bool // it requires FeatureTag, or has a header of ONVIF: the packets carry marks
	CSeq   byte // low-order byte
	Speed  Speed
	Scaled bool // it gives a speed, or which frames it wants
}

// Speed says how footage is played. It is comparable.
type Speed struct {
	Thousandths int64 // Scale: 1000 is the speed of the recording; negative: in reverse
	Unpaced     bool  // Rate-Control: no: as fast as the client takes it
	Frames      Frames
	IntervalNS  int64 // least time of the media between two frames of Intra
}

// Frames says which pictures are sent (ONVIF Streaming Specification, Frames header field).
type Frames byte

// The choices of frames.
const (
	All       Frames = iota
	Predicted        // without the pictures that no other needs
	Intra            // key frames
)

// Bounds of Scale. A faster one is played at maxScale, and from intraScale on with key frames alone.
const (
	minScale   = 125
	maxScale   = 64_000
	intraScale = 4_001
)

var errScale = errors.New("Scale is a number other than 0")

// RequestError says what is wrong with a header of a request, for the client.
type RequestError struct{ Text string }

// Error returns the text in printable ASCII, as a reason phrase has to be.
func (e *RequestError) Error() string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, e.Text)
}

// ParseRequest reads the headers of a PLAY request. Its error is a *RequestError.
func ParseRequest(h base.Header) (q Request, err error) {
	q.Speed.Thousandths = 1000
	for _, name := range []string{"Require", "Rate-Control", "Frames", "Immediate"} { // GStreamer does not send Require
		q.Marked = q.Marked || len(h[name]) > 0
	}
	if n, err := strconv.ParseUint(first(h, "CSeq"), 10, 64); err == nil {
		q.CSeq = byte(n)
	}
	if text := first(h, "Range"); text != "" {
		q.Ranged = true
		if q.Range, err = ParseRange(text); err != nil {
			return q, &RequestError{err.Error()}
		}
	}
	for _, one := range []struct {
		name  string
		parse func(text string, s *Speed) error
	}{{"Scale", parseScale}, {"Rate-Control", parseRateControl}, {"Frames", parseFrames}} {
		if text := first(h, one.name); text != "" {
			q.Scaled = true
			if err := one.parse(text, &q.Speed); err != nil {
				return q, &RequestError{err.Error()}
			}
		}
	}
	q.Speed.limit()
	return q, nil
}

// first returns the value of a header, or an empty text.
func first(h base.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

func parseScale(text string, s *Speed) error {
	scale, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(scale) > 0) {
		return errScale
	}
	s.Thousandths = int64(math.Round(min(max(scale*1000, -maxScale), maxScale)))
	if s.Thousandths == 0 {
		s.Thousandths = int64(math.Copysign(minScale, scale))
	}
	return nil
}

func parseRateControl(text string, s *Speed) error {
	switch strings.ToLower(text) {
	case "yes":
	case "no":
		s.Unpaced = true
	default:
		return errors.New("Rate-Control is yes or no")
	}
	return nil
}

// maxIntervalMS bounds the interval of Frames: intra.
const maxIntervalMS = 24 * 3600 * 1000

func parseFrames(text string, s *Speed) error {
	kind, interval, some := strings.Cut(strings.ToLower(text), "/")
	switch kind {
	case "all":
	case "predicted":
		s.Frames = Predicted
	case "intra":
		s.Frames = Intra
	default:
		return fmt.Errorf("Frames is all, predicted, intra or intra/MILLISECONDS")
	}
	if !some {
		return nil
	}
	ms, err := strconv.ParseUint(interval, 10, 32)
	if err != nil || kind != "intra" || ms > maxIntervalMS {
		return fmt.Errorf("Frames has an interval of up to %d ms with intra only", maxIntervalMS)
	}
	s.IntervalNS = int64(ms) * int64(time.Millisecond)
	return nil
}

// limit replaces what cannot be played by what is played instead.
func (s *Speed) limit() {
	size := max(s.Thousandths, -s.Thousandths)
	bounded := max(size, minScale)
	if s.Unpaced {
		bounded = 1000
	}
	s.Thousandths = s.Thousandths / size * bounded
	if bounded >= intraScale {
		s.Frames = Intra
	}
}

// Reverse reports whether footage is played in reverse.
func (s Speed) Reverse() bool { return s.Thousandths < 0 }

// String formats the scale for the header of a response.
func (s Speed) String() string { return strconv.FormatFloat(float64(s.Thousandths)/1000, 'f', -1, 64) }

// Unsupported returns the feature tags that a request requires, and that are not supported. replay reports that recordings are
// played.
func Unsupported(h base.Header, replay bool) (tags base.HeaderValue) {
	for _, v := range h["Require"] {
		for tag := range strings.SplitSeq(v, ",") {
			if tag = strings.TrimSpace(tag); tag != "" && !(replay && tag == FeatureTag) {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}
