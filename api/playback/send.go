package playback

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// Send answers with a file or the requested range of it. A finished file has validators and may be
// cached. A growing file is the prefix that is playable now. It has no validators, because its
// bytes will change. A client that does not take sliceBytes within stall is dropped. refuse writes
// the body of a 416.
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

// etag is strong: a finished file is never written again, and a repair changes its modification
// time.
func etag(info fs.FileInfo) string {
	return fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size())
}

// sliceBytes is the amount that a client must take within the stall time.
const sliceBytes = 4 << 20

// footage is the answer's writer while a file is sent. It keeps ReadFrom, and so sendfile(2). It
// extends the write deadline as the client reads, so that a stalled client is dropped and a slow
// one is not. It replaces the body of a 416.
type footage struct {
	http.ResponseWriter
	deadline func(time.Time) error
	stall    time.Duration
	refuse   func(w http.ResponseWriter, size string)
	replaced bool // refuse has written the body; further writes are discarded
}

// WriteHeader lets refuse write the body of a 416.
func (f *footage) WriteHeader(code int) {
	f.extend()
	if code != http.StatusRequestedRangeNotSatisfiable {
		f.ResponseWriter.WriteHeader(code)
		return
	}
	f.replaced = true
	f.refuse(f.ResponseWriter, strings.TrimPrefix(f.Header().Get("Content-Range"), "bytes */"))
}

// Write sends bytes that do not come from the file.
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

func (f *footage) extend() { _ = f.deadline(time.Now().Add(f.stall)) } // HTTP/2 and tests may not support it
