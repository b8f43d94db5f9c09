package api

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

var vodParams = []param{
	{name: "download", kind: flag, doc: "ask a browser to save it"},
	{name: "id", doc: "the recording that the file must be of; with another one's file the answer is 409"},
}

type vodAnswer struct {
	Status string      `json:"status" enum:"success"`
	Files  []vodDetail `json:"files"`
	Count  int         `json:"count" doc:"files in this answer"`
	paging
}

type vodDetail struct {
	Filename string  `json:"filename" doc:"below the record directory"`
	Size     int64   `json:"size" doc:"bytes"`
	Start    *string `json:"start_time" format:"date-time"`
	Duration float64 `json:"duration" doc:"seconds"`
	URL      string  `json:"url"`
	Stream   string  `json:"stream_path"`
	ID       string  `json:"id" format:"uuid"`
	Growing  bool    `json:"growing" doc:"still being written"`
}

// vodList is the page of records that have a file.
func (s *Server) vodList(w http.ResponseWriter, r *request) error {
	page, err := s.page(r)
	if err != nil {
		return err
	}
	a := vodAnswer{Status: "success", Files: make([]vodDetail, 0, len(page.Records)), paging: paging{page.Next, page.Degraded || page.Stalled}}
	for i := range page.Records {
		if d := detail(&page.Records[i]); d.URL != "" {
			a.Files = append(a.Files, vodDetail{d.File, d.Size, d.Start, d.Duration, d.URL, d.Stream, d.ID, d.State == media.StateRecording})
		}
	}
	a.Count = len(a.Files)
	answer(w, http.StatusOK, a)
	return nil
}

// vod serves a file. A finished one has validators and may be cached; a growing
// one is the prefix that can be played now and has none, since its bytes are
// not those of the file that it will be.
func (s *Server) vod(w http.ResponseWriter, r *request) error {
	name := strings.TrimPrefix(r.params.ByName("filename"), "/")
	download := r.query.flag("download")
	if r.query.err != nil {
		return r.query.err
	}
	var id media.ID
	if text := r.query.text("id"); text != "" {
		var err error
		if id, err = media.ParseID(text); err != nil {
			return BadRequest("parameter id: %v", err)
		}
	}
	if err := checkFileName(name); err != nil {
		return NotFound("%v", err)
	}
	key := strings.TrimSuffix(name, media.PartSuffix)
	if !s.readers.enter(key) {
		return Conflict("%s is being deleted", name)
	}
	defer s.readers.leave(key)
	f, err := s.deps.Files.Open(name)
	if err != nil {
		return openError(name, err)
	}
	defer f.Close()
	if id != (media.ID{}) && s.deps.Belongs != nil {
		if err := s.deps.Belongs(f.File, name, id); err != nil {
			return err
		}
	}
	if download {
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", plain(path.Base(key))))
	}
	s.serveFile(w, r.Request, f)
	return nil
}

// openError says no more than that there is no such file, unless the machine is
// at fault: a link out of the directory is not there either.
func openError(name string, err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return &Error{Code: http.StatusServiceUnavailable, Text: "too many files are open", Retry: time.Second, Cause: err}
	case errors.Is(err, syscall.EIO):
		return &Error{Code: http.StatusServiceUnavailable, Text: "the disk does not answer for " + name, Cause: err}
	}
	return &Error{Code: http.StatusNotFound, Text: "there is no file " + name, Cause: err}
}

// plain keeps what every client reads alike in a quoted header value.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
}

func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, f File) {
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	out := &footage{ResponseWriter: w, deadline: http.NewResponseController(w).SetWriteDeadline, stall: s.cfg.Limits.Stall}
	normalise(r.Header, f.Size)
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

// prefix is the part of a growing file that can be played. It stays a file to
// the system, so that sendfile(2) still works.
type prefix struct {
	file
	size int64
}

// file is what sendfile(2) needs of an *os.File, without its WriteTo.
type file interface {
	io.Reader
	io.Seeker
	syscall.Conn
}

// Seek counts from the end of the prefix. ServeContent seeks there for the size
// and reads no further.
func (p *prefix) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return p.file.Seek(p.size+offset, io.SeekStart)
	}
	return p.file.Seek(offset, whence)
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
	replaced bool // the error's own body was written; what follows is not sent
}

// WriteHeader replaces the body of a 416.
func (f *footage) WriteHeader(code int) {
	f.extend()
	if code != http.StatusRequestedRangeNotSatisfiable {
		f.ResponseWriter.WriteHeader(code)
		return
	}
	f.replaced = true
	size := strings.TrimPrefix(f.Header().Get("Content-Range"), "bytes */")
	answer(f.ResponseWriter, code, errorAnswer{"error", "the range cannot be served: the file has " + size + " bytes"})
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
