package playback

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// Send answers with a file, or the range of it that is asked for. A finished one has
// validators and may be cached; a growing one is the prefix that can be played now and
// has none, since its bytes are not those of the file that it will be. A client that
// does not take sliceBytes within stall is dropped. The body of a range that cannot be
// served is written by refuse.
func Send(w http.ResponseWriter, r *http.Request, f File, stall time.Duration, refuse func(w http.ResponseWriter, size string)) {
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
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

// etag is strong: a finished file is never written again, and a repair changes
// its time to the nanosecond.
func etag(info fs.FileInfo) string {
	return fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size())
}

// sliceBytes is what a client has to take within the stall time.
const sliceBytes = 4 << 20

// footage is the answer's writer while a file is sent. It keeps ReadFrom, and so
// sendfile(2); it moves the deadline as the client reads, so that one that has
// stalled is dropped and one that is slow is not; and it gives a range that
// cannot be satisfied the body of every other error.
type footage struct {
	http.ResponseWriter
	deadline func(time.Time) error
	stall    time.Duration
	refuse   func(w http.ResponseWriter, size string)
	replaced bool // the error's own body was written; what follows is not sent
}

// WriteHeader lets the body of a 416 be replaced.
func (f *footage) WriteHeader(code int) {
	f.extend()
	if code != http.StatusRequestedRangeNotSatisfiable {
		f.ResponseWriter.WriteHeader(code)
		return
	}
	f.replaced = true
	f.refuse(f.ResponseWriter, strings.TrimPrefix(f.Header().Get("Content-Range"), "bytes */"))
}

// Write sends what did not come from the file.
func (f *footage) Write(b []byte) (int, error) {
	if f.replaced {
		return len(b), nil
	}
	f.extend()
	return f.ResponseWriter.Write(b)
}

// ReadFrom sends a range in slices, each with its own deadline.
func (f *footage) ReadFrom(src io.Reader) (n int64, err error) {
	all, ok := src.(*io.LimitedReader)
	if !ok {
		all = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	for all.N > 0 {
		f.extend()
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

func (f *footage) extend() { _ = f.deadline(time.Now().Add(f.stall)) } // HTTP/2 and tests may have none
