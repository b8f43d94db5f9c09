package replay

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
	"github.com/gospool/spool/stages/egress/rtsp"
)

// Answer describes for the response to a PLAY request what is played.
type Answer struct {
	Range Range
	Speed Speed
	Info  []TrackInfo // of the tracks that were set up
}

// TrackInfo has the values of RTP-Info (RFC 2326, 12.33).
type TrackInfo struct {
	Control  string
	Sequence uint16 // of the first packet
	RTPTime  uint32 // at the begin of the range
}

// answer describes what is played from the next unit on.
func (p *Player) answer() Answer {
	a := Answer{Speed: p.request.Speed}
	a.Range = Range{Relative: p.request.Ranged && p.request.Range.Relative, From: Moment{Given, p.atUTC}}
	if p.some {
		a.Range.From.At = p.unit.UTC
	}
	if p.span.ToUTC > footage.Oldest && p.span.ToUTC < footage.Newest {
		a.Range.To = Moment{Given, p.span.ToUTC}
	}
	if a.Range.Relative {
		a.Range.From.At -= p.show.fromUTC
		a.Range.To.At -= p.show.fromUTC
	}
	for _, t := range p.tracks {
		s := p.senders[p.show.TrackOf(t.Section)]
		sequence, _ := s.Next()
		at := s.At(media.FromNanos(p.times.shownNS(&p.unit), s.Timescale()))
		a.Info = append(a.Info, TrackInfo{t.Section.Control, sequence, at})
	}
	return a
}

// Header returns the headers of the response, without RTP-Info.
func (a *Answer) Header() base.Header {
	return base.Header{"Range": base.HeaderValue{a.Range.String()}, "Scale": base.HeaderValue{a.Speed.String()}}
}

// RTPInfo returns the RTP-Info header of the response to a request for a URL.
func (a *Answer) RTPInfo(u *base.URL) base.HeaderValue {
	var tracks []string
	stream := &base.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}
	for _, t := range a.Info {
		tracks = append(tracks, fmt.Sprintf("url=%s/%s;seq=%d;rtptime=%d", stream, t.Control, t.Sequence, t.RTPTime))
	}
	return base.HeaderValue{strings.Join(tracks, ",")}
}

// Refusal returns the response to a client for an error of this package, or nil for another error.
func Refusal(err error) *base.Response {
	var wrong *RequestError
	switch {
	case errors.As(err, &wrong):
		return &base.Response{StatusCode: base.StatusBadRequest, StatusMessage: wrong.Error()}
	case errors.Is(err, ErrPlace):
		return &base.Response{StatusCode: base.StatusBadRequest, StatusMessage: "Bad start Or end In The URL"}
	case errors.Is(err, footage.ErrNone):
		return &base.Response{StatusCode: base.StatusNotFound, StatusMessage: "Stream Has No Recordings There"}
	case errors.Is(err, ErrRange):
		return &base.Response{StatusCode: base.StatusInvalidRange, StatusMessage: "No Recording In This Range And Direction"}
	case errors.Is(err, ErrOtherTracks):
		return &base.Response{StatusCode: base.StatusUnsupportedMediaType, StatusMessage: "Other Tracks There: DESCRIBE With ?start="}
	case errors.Is(err, rtsp.ErrNoTracks), !errors.Is(err, errLibrary):
		return nil
	}
	return &base.Response{StatusCode: base.StatusInternalServerError, StatusMessage: "Recordings Cannot Be Read"}
}

// errLibrary is wrapped by errors of the library.
var errLibrary = errors.New("recordings cannot be read")

// ofLibrary returns an error of the library as one of this package.
func ofLibrary(err error) error {
	if err == nil || errors.Is(err, footage.ErrNone) {
		return err
	}
	return fmt.Errorf("%w: %w", errLibrary, err)
}
