package still

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
)

// Server answers requests for pictures. It is safe for concurrent use.
type Server struct {
	Library   *clip.Library
	Catalogue clip.Catalogue
	Readers   *playback.Readers // keep a file from deletion while it is read
	Decoder   *Decoder
	Stall     time.Duration                  // see playback.SendSection
	Failed    func(stream string, err error) // reports that an answer ended early

	turns chan struct{} // see New
}

// maxAtOnce bounds the searches for pictures at once: one in a growing recording makes the index of that in memory.
const maxAtOnce = 4

// New returns a Server whose exported fields the caller sets.
func New() *Server { return &Server{turns: make(chan struct{}, maxAtOnce)} }

// Serve answers a request with a picture. refuse writes an answer with code 416: see
// playback.SendSection. Serve returns an error if it has not answered: a *NothingError, ErrNoPictures,
// playback.ErrBusy, an *ElsewhereError, those of Decoder.JPEG, or that of the catalogue, of a file or of an
// index.
//
// The headers Spool-Time and Spool-Recording give the wall clock of the picture and the ID of its
// recording. A client that repeats the request with If-None-Match gets 304 while the answer is the
// same picture. A HEAD request for a JPEG does not decode the picture, and its answer has no
// Content-Length.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, q *Request, refuse func(w http.ResponseWriter, size string)) error {
	if q.JPEG {
		if _, err := s.Decoder.find(); err != nil {
			return err
		}
	}
	f, err := s.inTurn(r.Context(), q)
	if err != nil {
		return err
	}
	defer f.Close()
	mp4, err := f.file()
	if err != nil {
		return err
	}
	answer := io.NewSectionReader(mp4, 0, mp4.size())
	kind, tag := "video/mp4", `"`+mp4.tag+`"`
	if q.JPEG {
		kind, tag = "image/jpeg", jpegTag(mp4, q.Width)
	}
	if q.JPEG && r.Method != http.MethodHead && !known(r.Header, tag) {
		jpeg, err := s.Decoder.JPEG(r.Context(), answer, q.Width)
		if err != nil {
			return err
		}
		answer = io.NewSectionReader(bytes.NewReader(jpeg), 0, int64(len(jpeg)))
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", tag)
	h.Set("Spool-Time", time.Unix(0, f.utc).UTC().Format("2006-01-02T15:04:05.000000000Z"))
	h.Set("Spool-Recording", f.id.String())
	switch {
	case q.JPEG && known(r.Header, tag):
		w.WriteHeader(http.StatusNotModified)
	case q.JPEG && r.Method == http.MethodHead:
		w.WriteHeader(http.StatusOK)
	default:
		if err := playback.SendSection(w, r, answer, s.Stall, refuse); err != nil {
			s.Failed(q.Stream, err)
		}
	}
	return nil
}

// jpegTag returns the ETag of the JPEG of a picture. It is weak, because another version of ffmpeg
// makes other bytes.
func jpegTag(f *file, width int) string {
	sum := sha256.Sum256(fmt.Appendln(nil, f.tag, width))
	return fmt.Sprintf(`W/"%x"`, sum[:16])
}

// known reports whether If-None-Match lists an ETag (RFC 9110, 13.1.2).
func known(h http.Header, tag string) bool {
	for _, line := range h.Values("If-None-Match") {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}
