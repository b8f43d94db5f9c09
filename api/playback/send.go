package playback

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// Send answers a request with a file or the requested ranges of it. The answer for a finished file has
// an ETag and a Last-Modified, and may be cached. The answer for a growing file has the part that can
// be played now, without ETag and Last-Modified, because the bytes will change. Send closes the
// connection of a client that does not read sliceBytes within stall. It calls refuse to write an
// answer with code 416; size is the size of the file in decimal.
func Send(w http.ResponseWriter, r *http.Request, f File, stall time.Duration, refuse func(w http.ResponseWriter, size string)) {
	h := w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "video/mp4")
	}
	out := &footage{ResponseWriter: w, deadline: http.NewResponseController(w).SetWriteDeadline, stall: stall, refuse: refuse}
	normaliseRange(r.Header, f.Size)
	if f.Growing {
		h.Set("Cache-Control", "no-store")
		http.ServeContent(out, r, "", time.Time{}, &prefix{f.File, f.Size})
		return
	}
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", etag(f.Info))
	http.ServeContent(out, r, "", f.Info.ModTime(), f.File)
}

// etag returns a strong ETag (RFC 9110, 8.8.3) of a finished file, made of its size and
// modification time: a change of the file's bytes also changes its modification time.
func etag(info fs.FileInfo) string {
	return fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size())
}

// sliceBytes is the number of bytes that a client must read within the time stall of Send.
const sliceBytes = 4 << 20

// footage is the http.ResponseWriter of an answer with a file. It has ReadFrom, so that net/http uses
// sendfile(2). It extends the write deadline as long as the client reads, so that the connection of a
// slow client stays open and that of a stalled one is closed. It lets refuse write an answer with code
// 416.
type footage struct {
	http.ResponseWriter
	deadline func(time.Time) error // sets the write deadline of the connection
	stall    time.Duration
	refuse   func(w http.ResponseWriter, size string)
	replaced bool // refuse has written the answer; further writes are discarded
}

// WriteHeader sends the header with a status code. For code 416 it lets refuse write the whole answer.
func (f *footage) WriteHeader(code int) {
	f.extend()
	if code != http.StatusRequestedRangeNotSatisfiable {
		f.ResponseWriter.WriteHeader(code)
		return
	}
	f.replaced = true
	f.refuse(f.ResponseWriter, strings.TrimPrefix(f.Header().Get("Content-Range"), "bytes */"))
}

// Write sends bytes of the answer, such as the boundaries between several ranges.
func (f *footage) Write(b []byte) (int, error) {
	if f.replaced {
		return len(b), nil
	}
	f.extend()
	return f.ResponseWriter.Write(b)
}

// ReadFrom sends the bytes of src, in slices of sliceBytes with a write deadline each. See
// io.ReaderFrom.
func (f *footage) ReadFrom(src io.Reader) (n int64, err error) {
	all, ok := src.(*io.LimitedReader)
	if !ok {
		all = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	for all.N > 0 {
		f.extend()
		if made, ok := all.R.(*madeReader); ok {
			sent, err := made.sendTo(f.ResponseWriter, min(all.N, sliceBytes))
			n += sent
			all.N -= sent
			if err == io.EOF {
				return n, nil
			}
			if err != nil {
				return n, err
			}
			continue
		}
		slice := &io.LimitedReader{R: all.R, N: min(all.N, sliceBytes)}
		sent, err := io.Copy(f.ResponseWriter, slice)
		n += sent
		all.N -= sent
		if err != nil || slice.N > 0 {
			return n, err
		}
	}
	return n, nil
}

// extend sets the write deadline to the time f.stall from now. It does nothing if the connection
// supports no deadline.
func (f *footage) extend() { _ = f.deadline(time.Now().Add(f.stall)) }
