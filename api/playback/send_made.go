package playback

import (
	"io"
	"net/http"
	"time"
)

// Made is the content of a file that is made while it is read, in part of the bytes of other files.
type Made interface {
	io.ReadSeeker
	// Stretch returns a reader that has the next n bytes, which may be an *os.File at the right offset: then net/http
	// copies them within the kernel. The error is io.EOF at the end.
	Stretch() (from io.Reader, n int64, err error)
	// Skip moves the offset by n bytes that were read from the result of Stretch.
	Skip(n int64)
}

// SendMade answers a request with a file that is made while it is sent, or the requested ranges of it. The caller has set the
// header ETag, and Content-Type unless it is video/mp4. An error means that the answer ended before its last byte, for another reason
// than the client's: net/http then closes the connection. See Send for stall and refuse.
func SendMade(w http.ResponseWriter, r *http.Request, content Made, size int64, stall time.Duration, refuse func(w http.ResponseWriter, size string)) error {
	h := w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "video/mp4")
	}
	h.Set("Cache-Control", "no-cache")
	normaliseRange(r.Header, size)
	watched := &madeReader{Made: content}
	http.ServeContent(&footage{ResponseWriter: w, deadline: http.NewResponseController(w).SetWriteDeadline, stall: stall, refuse: refuse}, r, "", time.Time{}, watched)
	return watched.err
}

// Stream returns a writer of an answer whose length is not known before its end. It closes the connection of a client that does not
// read what a call of Write sends within stall.
func Stream(w http.ResponseWriter, stall time.Duration) io.Writer {
	return &footage{ResponseWriter: w, deadline: http.NewResponseController(w).SetWriteDeadline, stall: stall}
}

// madeReader keeps the first error of its content, which http.ServeContent does not return.
type madeReader struct {
	Made
	err error
}

func (m *madeReader) Read(b []byte) (int, error) {
	n, err := m.Made.Read(b)
	m.keep(err)
	return n, err
}

func (m *madeReader) keep(err error) {
	if err != nil && err != io.EOF && m.err == nil {
		m.err = err
	}
}

// sendTo copies the next bytes of the content to w, at most n of them.
func (m *madeReader) sendTo(w io.Writer, n int64) (int64, error) {
	from, have, err := m.Stretch()
	if err != nil {
		m.keep(err)
		return 0, err
	}
	sent, err := io.Copy(w, &io.LimitedReader{R: from, N: min(n, have)})
	m.Skip(sent)
	if err == nil && sent < min(n, have) { // a file is shorter than the plan says
		err = io.ErrUnexpectedEOF
		m.keep(err)
	}
	return sent, err
}
