package viewing

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
	"github.com/gospool/spool/stages/egress/fmp4"
	"github.com/gospool/spool/stages/egress/hls"
	"github.com/gospool/spool/stages/hub"
)

// Live serves the files of live streams: a playlist and its media by HLS, any other NAME.mp4 as the stream NAME. It implements
// api.Live.
type Live struct {
	FMP4 *fmp4.Server
	HLS  *hls.Server
}

// Stream returns the path of the stream to which a file belongs, and false for a file that no output has.
func (l Live) Stream(file string) (path string, known bool) {
	if path, _, known = hls.Split(file); known {
		return path, true
	}
	return strings.CutSuffix(file, ".mp4")
}

// Serve answers a request for a file of a stream. An error means that nothing has been written.
func (l Live) Serve(w http.ResponseWriter, r *http.Request, file, user string) (err error) {
	if path, name, known := hls.Split(file); known {
		err = l.HLS.Serve(w, r, path, name, user)
	} else {
		err = l.FMP4.Serve(w, r, strings.TrimSuffix(file, ".mp4"), user)
	}
	if r.Context().Err() != nil { // the client is gone
		return nil
	}
	return answerOf(err)
}

// answerOf returns the API's error for an error of an output.
func answerOf(err error) error {
	var notServed *egress.NotServedError
	switch {
	case errors.As(err, &notServed):
		return api.NotFound("%v", err)
	case errors.Is(err, egress.ErrNoStream), errors.Is(err, hls.ErrNoFile), errors.Is(err, cmaf.ErrNoTracks), errors.Is(err, cmaf.ErrEnded):
		return api.NotFound("%v", err)
	case errors.Is(err, egress.ErrHungUp):
		return &api.Error{Code: http.StatusGone, Text: err.Error()}
	case errors.Is(err, hls.ErrQuery):
		return api.BadRequest("%v", err)
	case errors.Is(err, egress.ErrFull), errors.Is(err, egress.ErrLate), errors.Is(err, hub.ErrClosed):
		return &api.Error{Code: http.StatusServiceUnavailable, Text: err.Error()}
	}
	return err
}
