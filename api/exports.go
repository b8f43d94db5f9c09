package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/export"
	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline/media"
)

// exportRoutes returns the endpoints of exports: files that are made of the footage of a span, in the background.
func exportRoutes() []route {
	return []route{
		{op: "createExport", method: "POST", path: "/mp4/export", summary: "Export the footage of a span of time in the background: of one stream as a file, of several as a zip archive", role: auth.Control,
			about: "The answer is 202 with the export, whose progress GET /mp4/export/{id} has. Each export has a manifest with the SHA-256 of its files, signed by the recorder's key: spool verify checks it. An archive has a page that plays its files side by side. Exports use no space that retention keeps free (507), and are deleted after exports.keep.",
			body:  exportBody{}, answer: exportAnswer{}, codes: []int{404, 409, 415, 503, 507}, others: map[int]any{http.StatusAccepted: exportAnswer{}}, handle: (*Server).createExport},
		{op: "exports", method: "GET", path: "/mp4/export", summary: "Exports by page, newest first", role: auth.View,
			query: exportParams, answer: exportsAnswer{}, codes: []int{503}, handle: (*Server).exports},
		{op: "export", method: "GET", path: "/mp4/export/:id", summary: "One export: its progress, and its files when it is finished", role: auth.View,
			answer: exportAnswer{}, codes: []int{404, 503}, handle: (*Server).export},
		{op: "deleteExport", method: "DELETE", path: "/mp4/export/:id", summary: "Cancel an export, or delete its files; the recordings stay", role: auth.Control,
			answer: deletedExportAnswer{}, codes: []int{404, 503}, handle: (*Server).deleteExport},
		{op: "exportFile", method: "GET", path: "/mp4/export/:id/:file", summary: "A file of a finished export, with ranges and conditions (RFC 9110)", role: auth.View,
			media: "application/octet-stream", codes: []int{404, 416, 503}, handle: (*Server).exportFile},
	}
}

var exportParams = []params.Param{
	{Name: "limit", Kind: params.Integer, Def: "100", Max: 1000, Doc: "exports in one answer"},
	{Name: "cursor", Doc: "next of the previous page"},
}

type exportBody struct {
	Streams []string `json:"streams" doc:"paths of 1 to 64 streams"`
	Start   instant  `json:"start" doc:"RFC 3339 or Unix seconds: the first picture is presented then or later"`
	End     instant  `json:"end" doc:"RFC 3339 or Unix seconds, not in the future: all pictures are presented before it"`
	Name    string   `json:"name,omitempty" doc:"of the export and its files, at most 100 bytes; default: made from the streams and the start"`
	Format  string   `json:"format,omitempty" doc:"of the media files: mp4, which is the default, fmp4 for fragments, or ts for MPEG-TS"`
	Gaps    string   `json:"gaps,omitempty" doc:"keep, the default: the last picture before a gap lasts until its end, and the streams stay in step; cut: footage after a gap follows at once"`
}

type exportAnswer struct {
	Status string       `json:"status" enum:"success,accepted"`
	Export exportDetail `json:"export"`
	Key    *exportKey   `json:"key,omitempty" doc:"the recorder's key, by which manifests are signed; absent before the first export"`
}

type exportDetail struct {
	ID       string         `json:"id" format:"uuid"`
	URL      string         `json:"url" doc:"where its progress is"`
	Name     string         `json:"name"`
	State    export.State   `json:"state" enum:"waiting,running,finished,failed"`
	Error    string         `json:"error,omitempty" doc:"why it has failed"`
	Streams  []string       `json:"streams"`
	Start    *string        `json:"start_time" format:"date-time" doc:"of the span that was asked for"`
	End      *string        `json:"end_time" format:"date-time"`
	Format   string         `json:"format"`
	Gaps     bundle.Gaps    `json:"gaps" enum:"keep,cut"`
	Bytes    int64          `json:"bytes" doc:"of footage, written so far"`
	Total    int64          `json:"total_bytes" doc:"of footage; an estimate until it is finished, if the format is not mp4"`
	Share    float64        `json:"share" doc:"how much is written, from 0 to 1"`
	Created  *string        `json:"created" format:"date-time"`
	Finished *string        `json:"finished" format:"date-time" doc:"when it was finished or has failed"`
	Expires  *string        `json:"expires,omitempty" format:"date-time" doc:"when it will be deleted for its age"`
	Files    []exportedFile `json:"files" doc:"of a finished export; the one with the footage first"`
}

type exportedFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size" doc:"bytes"`
	SHA256 string `json:"sha256"`
	URL    string `json:"url"`
}

type exportKey struct {
	ID     string `json:"id" doc:"sha256: and the SHA-256 of the public key in DER"`
	Public string `json:"public" doc:"the 32 bytes of the Ed25519 key in base64: spool verify --key takes it"`
}

type exportsAnswer struct {
	Status  string         `json:"status" enum:"success"`
	Exports []exportDetail `json:"exports"`
	Count   int            `json:"count" doc:"exports in this answer"`
	Key     *exportKey     `json:"key,omitempty" doc:"the recorder's key, by which manifests are signed; absent before the first export"`
	Next    string         `json:"next,omitempty" doc:"cursor of the next page; absent on the last. A page has at most limit rows and about a mebibyte"`
}

type deletedExportAnswer struct {
	Status string `json:"status" enum:"cancelled,deleted"`
	ID     string `json:"id" format:"uuid"`
}

// kept returns the store of exports. The error is Unavailable without one.
func (s *Server) kept() (*export.Store, error) {
	if s.exported == nil {
		return nil, Unavailable("this recorder makes no exports")
	}
	return s.exported, nil
}

func (s *Server) createExport(w http.ResponseWriter, r *request) error {
	store, err := s.kept()
	if err != nil {
		return err
	}
	var body exportBody
	if err := readJSON(r.Request, &body); err != nil {
		return err
	}
	q := bundle.Request{Name: body.Name, Streams: body.Streams, Format: body.Format, Gaps: bundle.Gaps(body.Gaps)}
	if body.Start == "" || body.End == "" {
		return BadRequest("start and end are needed: RFC 3339 or Unix seconds")
	}
	if q.Start, err = params.ParseTime(string(body.Start)); err != nil {
		return BadRequest("start: %v", err)
	}
	if q.End, err = params.ParseTime(string(body.End)); err != nil {
		return BadRequest("end: %v", err)
	}
	e, err := store.Create(r.Context(), q)
	if err != nil {
		return exportError(err)
	}
	a := exportAnswer{Status: "accepted", Export: s.exportDetail(store, &e), Key: keyOf(store)}
	s.did(r, "export", "export", a.Export.ID, "name", e.Request.Name, "streams", strings.Join(e.Request.Streams, " "), "bytes", e.TotalBytes)
	w.Header().Set("Location", a.Export.URL)
	answer(w, http.StatusAccepted, a)
	return nil
}

// exportError returns the error for the client of an export.
func exportError(err error) error {
	var own *export.Error
	if !errors.As(err, &own) {
		return playError(err)
	}
	code := map[export.Kind]int{
		export.Invalid: http.StatusBadRequest, export.Unknown: http.StatusNotFound, export.Full: http.StatusConflict, export.NoRoom: http.StatusInsufficientStorage,
	}[own.Kind]
	return &Error{Code: code, Text: own.Text, Cause: own.Err}
}

func (s *Server) exportDetail(store *export.Store, e *export.Export) exportDetail {
	d := exportDetail{
		ID: e.ID.String(), URL: "/mp4/export/" + e.ID.String(), Name: e.Request.Name, State: e.State,
		Streams: orEmpty(e.Request.Streams), Start: utc(e.Request.Start), End: utc(e.Request.End), Format: e.Request.Format, Gaps: e.Request.Gaps,
		Bytes: e.Bytes, Total: e.TotalBytes, Share: e.Share(), Created: utc(e.Created), Finished: utc(e.Finished), Expires: utc(store.Expires(e)),
		Files: []exportedFile{},
	}
	if e.Err != nil {
		d.Error = s.shown.Text(e.Err.Error())
	}
	for _, f := range e.Files {
		d.Files = append(d.Files, exportedFile{f.Name, f.SizeBytes, f.SHA256, d.URL + "/" + url.PathEscape(f.Name)})
	}
	return d
}

func keyOf(store *export.Store) *exportKey {
	if key, known := store.PublicKey(); known {
		return &exportKey{key.ID(), key.String()}
	}
	return nil
}

func (s *Server) exports(w http.ResponseWriter, r *request) error {
	store, err := s.kept()
	if err != nil {
		return err
	}
	limit, cursor := r.query.Integer("limit"), r.query.Text("cursor")
	if r.query.Err != nil {
		return r.query.Err
	}
	if len(cursor) > maxCursorBytes {
		return errUnknownCursor
	}
	a := exportsAnswer{Status: "success", Exports: []exportDetail{}, Key: keyOf(store)}
	list := store.List()
	for i := range list {
		if d := s.exportDetail(store, &list[i]); cursor == "" || d.ID < cursor {
			if len(a.Exports) == limit {
				a.Next = a.Exports[limit-1].ID
				break
			}
			a.Exports = append(a.Exports, d)
		}
	}
	a.Exports, a.Next = within(a.Exports, a.Next, func(i int) string { return a.Exports[i].ID })
	a.Count = len(a.Exports)
	answer(w, http.StatusOK, a)
	return nil
}

// exportID returns the store and the ID in a path. The error is NotFound for a text that is no ID.
func (s *Server) exportID(r *request) (*export.Store, media.ID, error) {
	store, err := s.kept()
	if err != nil {
		return nil, media.ID{}, err
	}
	id, err := media.ParseID(r.params.ByName("id"))
	if err != nil {
		return nil, id, NotFound("there is no such export: %v", err)
	}
	return store, id, nil
}

func (s *Server) export(w http.ResponseWriter, r *request) error {
	store, id, err := s.exportID(r)
	if err != nil {
		return err
	}
	e, err := store.Get(id)
	if err != nil {
		return exportError(err)
	}
	answer(w, http.StatusOK, exportAnswer{Status: "success", Export: s.exportDetail(store, &e), Key: keyOf(store)})
	return nil
}

func (s *Server) deleteExport(w http.ResponseWriter, r *request) error {
	store, id, err := s.exportID(r)
	if err != nil {
		return err
	}
	was, err := store.Delete(id)
	if err != nil {
		return exportError(err)
	}
	a := deletedExportAnswer{"deleted", id.String()}
	if was.State == export.Waiting || was.State == export.Running {
		a.Status = "cancelled"
	}
	s.did(r, "delete export", "export", a.ID, "status", a.Status)
	answer(w, http.StatusOK, a)
	return nil
}

// exportFile sends a file of an export. A browser saves it: no file of an export is shown as a page of the recorder.
func (s *Server) exportFile(w http.ResponseWriter, r *request) error {
	store, id, err := s.exportID(r)
	if err != nil {
		return err
	}
	name := r.params.ByName("file")
	f, err := store.Open(id, name)
	switch {
	case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
		return NotFound("there is no file %s", name)
	case err != nil:
		return exportError(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", exportType(name))
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q; filename*=UTF-8''%s", plain(name), url.PathEscape(name)))
	playback.Send(w, r.Request, playback.File{File: f, Info: info, Size: info.Size()}, s.cfg.Limits.Stall, func(w http.ResponseWriter, size string) {
		h.Del("Content-Disposition")
		answer(w, http.StatusRequestedRangeNotSatisfiable, errorAnswer{"error", "the range cannot be served: the file has " + size + " bytes"})
	})
	return nil
}

// exportType returns the Content-Type of a file of an export.
func exportType(name string) string {
	switch path.Ext(name) {
	case ".mp4":
		return "video/mp4"
	case ".zip":
		return "application/zip"
	case ".json":
		return "application/json"
	case ".ts":
		return "video/mp2t"
	}
	return "application/octet-stream"
}
