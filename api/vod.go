package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline/media"
)

var vodParams = []params.Param{
	{Name: "download", Kind: params.Flag, Doc: "let a browser save the file"},
	{Name: "id", Doc: "ID of the recording that the file must belong to; otherwise the answer is 409"},
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

// vodList answers with those recordings of a page that have a file on this recorder's disk.
func (s *Server) vodList(w http.ResponseWriter, r *request) error {
	page, err := s.page(r)
	if err != nil {
		return err
	}
	a := vodAnswer{Status: "success", Files: make([]vodDetail, 0, len(page.Records)), paging: paging{page.Next, page.Degraded || page.Stalled}}
	var at []int // for each of a.Files, the index in page.Records
	for i := range page.Records {
		if d := detail(&page.Records[i]); d.URL != "" {
			at = append(at, i)
			a.Files = append(a.Files, vodDetail{d.File, d.Size, d.Start, d.Duration, d.URL, d.Stream, d.ID, d.State == media.StateRecording})
		}
	}
	if page.Behind != nil {
		a.Files, a.Next = within(a.Files, a.Next, func(i int) string { return page.Behind(at[i]) })
	}
	a.Count = len(a.Files)
	answer(w, http.StatusOK, a)
	return nil
}

// vod sends the file of a recording, or the requested ranges of the file.
func (s *Server) vod(w http.ResponseWriter, r *request) error {
	name := strings.TrimPrefix(r.params.ByName("filename"), "/")
	download := r.query.Flag("download")
	if r.query.Err != nil {
		return r.query.Err
	}
	var id media.ID
	if text := r.query.Text("id"); text != "" {
		var err error
		if id, err = media.ParseID(text); err != nil {
			return BadRequest("parameter id: %v", err)
		}
	}
	if err := playback.CheckFileName(name); err != nil {
		return NotFound("%v", err)
	}
	key := strings.TrimSuffix(name, media.PartSuffix)
	if !s.readers.Enter(key) {
		return Conflict("%s is being deleted", name)
	}
	defer s.readers.Leave(key)
	f, err := s.deps.Files.Open(name)
	if err != nil {
		return openError(name, err)
	}
	defer f.Close()
	if err := s.check(r.Context(), f, name, id); err != nil {
		return err
	}
	if download {
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", plain(path.Base(key))))
	}
	playback.Send(w, r.Request, f, s.cfg.Limits.Stall, refuseRange)
	return nil
}

// check returns an error unless an open file belongs to the recording id, if that is not zero, and the catalogue lists it.
func (s *Server) check(ctx context.Context, f playback.File, name string, id media.ID) error {
	began := s.deps.Clock.Now()
	if s.checked.Has(name, id, f.Info, began) {
		return nil
	}
	if id != (media.ID{}) && s.deps.Belongs != nil {
		if err := s.deps.Belongs(f.File, name, id); err != nil {
			return err
		}
	}
	if f.Growing { // this recorder writes it, and its row may not exist yet
		return nil
	}
	if s.deps.Lists != nil {
		if err := s.deps.Lists(ctx, f.File, strings.TrimSuffix(name, media.PartSuffix)); err != nil {
			return openError(name, err)
		}
	}
	s.checked.Add(name, id, f.Info, began)
	return nil
}

// openError returns the error for a client whose file could not be opened: 503 if the machine is at
// fault, else 404. A symbolic link, too, gives 404, so that the answer reveals nothing about the disk.
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

// plain replaces by _ each character of a file name that some clients misread in a quoted header value:
// quotes, backslashes, control characters and characters outside of ASCII.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
}

// fileURL returns the URL path under which a recording's file is served.
func fileURL(name string) string {
	return (&url.URL{Path: "/mp4/vod/" + name}).EscapedPath()
}

// recordURL returns the URL path of a recording's file with the ID of the recording as parameter, so
// that the server does not serve another recording's file that has got the same name since.
func recordURL(name string, id media.ID) string { return fileURL(name) + "?id=" + id.String() }
