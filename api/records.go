package api

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gospool/spool/api/body"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
)

const maxCursorBytes = 1024

var filterParams = []params.Param{
	{Name: "stream", Doc: "a stream path, or prefix/* for all below it"},
	{Name: "start", Kind: params.Moment, Doc: "RFC 3339 or Unix seconds"},
	{Name: "end", Kind: params.Moment, Doc: "RFC 3339 or Unix seconds"},
	{Name: "state", Enum: []string{"recording", "finished", "recovered", "lost", "remote"}},
	{Name: "protected", Kind: params.Flag},
}

var recordParams = append([]params.Param{
	{Name: "limit", Kind: params.Integer, Def: "100", Max: media.MaxLimit, Doc: "records in one answer"},
	{Name: "order", Enum: []string{"asc", "desc"}, Def: "desc", Doc: "by start time"},
	{Name: "cursor", Doc: "next of the previous page; with the same filters"},
}, filterParams...)

type recordsAnswer struct {
	Status  string         `json:"status" enum:"success"`
	Records []recordDetail `json:"records"`
	Count   int            `json:"count" doc:"records in this answer"`
	paging
}

type recordAnswer struct {
	Status string       `json:"status" enum:"success"`
	Record recordDetail `json:"record"`
}

type recordDetail struct {
	ID        string            `json:"id" format:"uuid"`
	Stream    string            `json:"stream_path"`
	Pipeline  string            `json:"pipeline,omitempty"`
	File      string            `json:"file_path" doc:"below the record directory"`
	URL       string            `json:"url,omitempty" doc:"where to fetch the file; absent when it is not on this recorder's disk"`
	Start     *string           `json:"start_time" format:"date-time"`
	End       *string           `json:"end_time" format:"date-time" doc:"end of the last access unit; while recording, as far as known"`
	Duration  float64           `json:"duration" doc:"seconds of media"`
	Size      int64             `json:"size" doc:"bytes"`
	State     media.State       `json:"state" enum:"recording,finished,recovered,lost,remote" doc:"remote: its recorder no longer has the file, and another location has it complete"`
	EndReason media.Cause       `json:"end_reason"`
	Protected bool              `json:"protected"`
	Events    []eventDetail     `json:"events,omitempty" doc:"events with media in it"`
	Tracks    []media.TrackInfo `json:"tracks"`
	Gap       *gapDetail        `json:"gap,omitempty" doc:"gap before it"`
	Gaps      []gapWithin       `json:"gaps,omitempty" doc:"gaps inside it, in the order in which they were found; known when it is finished"`
	Anchors   []anchorDetail    `json:"anchors,omitempty" doc:"its wall clock, linear between two anchors; the first is at its begin and the last at its end; known when it is finished"`
	Locations []locationDetail  `json:"locations,omitempty" doc:"where its file is stored; first the recorder that has it"`
	Lost      string            `json:"lost,omitempty" doc:"of a recovered recording: media that may be missing at its end"`
	Node      string            `json:"node,omitempty" doc:"the recorder that made it and has its file"`
	Elsewhere bool              `json:"elsewhere,omitempty" doc:"node is another recorder: request the file there"`
	Pending   bool              `json:"pending,omitempty" doc:"not in the database yet"`
	Cut       bool              `json:"cut,omitempty" doc:"its lists are cut, because one answer is bounded. GET /mp4/records/ID has longer ones than a page"`
}

type gapDetail struct {
	Cause     media.Cause `json:"cause"`
	Seconds   float64     `json:"seconds" doc:"of missing media; 0 when none is missing, as after clock_step and timestamp_jump"`
	ClockStep float64     `json:"clock_step,omitempty" doc:"seconds by which the clock that dates the recordings was set in between: the recorder's or, with wall_clock: sender, the sender's. By that clock, this recording begins seconds plus clock_step after the end of the previous one"`
}

// gapWithin describes a gap inside a recording, in an answer.
type gapWithin struct {
	Cause       media.Cause `json:"cause" doc:"rtp_loss, stall, damaged, or the cause for which access units were left out; further_gaps: the total of the gaps that are not listed"`
	Start       *string     `json:"start_time" format:"date-time"`
	Seconds     float64     `json:"seconds" doc:"of wall clock from its begin to its end; 0 when access units are missing but no time"`
	Missing     float64     `json:"missing_seconds,omitempty" doc:"missing part of seconds, when the entry joins several gaps; absent: all"`
	Track       int         `json:"track,omitempty" doc:"number of the only affected track, from 1; absent: all"`
	AccessUnits int         `json:"access_units,omitempty" doc:"lost access units, approximately; absent when unknown"`
	Bytes       int64       `json:"bytes,omitempty" doc:"lost bytes; absent when not counted"`
	Chunks      int         `json:"chunks,omitempty" doc:"chunks that recovery cut out"`
	Places      int         `json:"places,omitempty" doc:"number of joined gaps: of one cause, less than a second apart"`
}

// anchorDetail describes an anchor of a recording, in an answer.
type anchorDetail struct {
	Media float64 `json:"media" doc:"seconds from the begin of the file, as it is played"`
	Time  *string `json:"time" format:"date-time" doc:"wall clock at that media time"`
}

// locationDetail describes a location of a recording's file, in an answer.
type locationDetail struct {
	Node      string      `json:"node,omitempty" doc:"the recorder with the disk"`
	Directory string      `json:"directory,omitempty" doc:"identity of that recorder's record directory"`
	Bucket    string      `json:"bucket,omitempty" doc:"bucket of the object storage"`
	Path      string      `json:"path" doc:"below the record directory; in a bucket: the key"`
	SizeBytes int64       `json:"size" doc:"bytes"`
	Checksum  string      `json:"checksum,omitempty" doc:"algorithm:hexadecimal; absent when unknown"`
	State     media.State `json:"state" enum:"recording,finished,recovered,lost"`
}

// within appends the gaps and anchors of r to d.
func (d *recordDetail) within(r *media.Record) {
	for _, g := range r.Gaps {
		d.Gaps = append(d.Gaps, gapWithin{
			Cause: g.Cause, Start: utcNano(g.StartUTC), Seconds: seconds(g.DurationNS), Missing: seconds(g.MissingNS), Track: g.Track,
			AccessUnits: g.AccessUnits, Bytes: g.Bytes, Chunks: g.Chunks, Places: g.Places,
		})
	}
	for _, a := range r.Anchors {
		d.Anchors = append(d.Anchors, anchorDetail{seconds(a.MediaNS), utcNano(a.UTC)})
	}
}

func detail(r *media.Record) recordDetail {
	d := recordDetail{
		ID: r.ID.String(), Stream: r.Stream, Pipeline: r.Pipeline, File: r.Path,
		Start: utcNano(r.StartUTC), End: utcNano(r.EndUTC), Duration: seconds(r.DurationNS), Size: r.SizeBytes,
		State: r.State, EndReason: r.EndReason, Protected: r.Protected, Tracks: orEmpty(r.Tracks),
		Node: r.Node, Elsewhere: r.Elsewhere, Pending: r.Pending,
	}
	if r.State.Here() && !r.Elsewhere && playback.CheckFileName(r.Path) == nil {
		d.URL = recordURL(r.Path, r.ID)
	}
	for i := range r.Events {
		d.Events = append(d.Events, eventOf(&r.Events[i]))
	}
	if r.State == media.StateRecovered {
		d.Lost = media.LostInCrash
	}
	if !r.Gap.None() {
		d.Gap = &gapDetail{r.Gap.Cause, seconds(r.Gap.DurationNS), seconds(r.Gap.StepNS)}
	}
	for _, l := range r.Locations {
		d.Locations = append(d.Locations, locationDetail(l))
	}
	d.within(r)
	return d
}

func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }

// page returns the page of recordings that the query parameters of a request select.
func (s *Server) page(r *request) (media.Page, error) {
	q, err := filters(&r.query)
	if err != nil {
		return media.Page{}, err
	}
	q.Limit, q.MaxBytes = r.query.Integer("limit"), maxPageBytes
	q.Ascending = r.query.Choice("order") == "asc"
	if q.Cursor = r.query.Text("cursor"); len(q.Cursor) > maxCursorBytes {
		return media.Page{}, errUnknownCursor
	}
	if r.query.Err != nil {
		return media.Page{}, r.query.Err
	}
	return s.deps.Catalogue.Records(r.Context(), q)
}

func filters(v *params.Values) (media.Query, error) {
	q := media.Query{Start: v.Time("start"), End: v.Time("end"), State: media.State(v.Choice("state"))}
	if v.Has("protected") {
		b := v.Flag("protected")
		q.Protected = &b
	}
	if q.Stream = v.Text("stream"); q.Stream == "*" {
		q.Stream = ""
	}
	if v.Err != nil {
		return q, v.Err
	}
	if q.Stream != "" {
		if err := streampath.CheckStored(strings.TrimSuffix(q.Stream, "/*")); err != nil {
			return q, BadRequest("parameter stream: %v", err)
		}
	}
	var wrong *media.QueryError
	if errors.As(q.Check(), &wrong) {
		return q, BadRequest("parameter %s: %s", wrong.Field, wrong.Text)
	}
	return q, nil
}

func (s *Server) records(w http.ResponseWriter, r *request) error {
	page, err := s.page(r)
	if err != nil {
		return err
	}
	rows := make([]recordDetail, len(page.Records))
	for i := range page.Records {
		rows[i] = detail(&page.Records[i])
	}
	if len(rows) > 0 {
		rows[0].shorten(maxPageBytes)
	}
	rows, next := within(rows, page.Next, page.Behind)
	a := recordsAnswer{"success", rows, len(rows), paging{next, page.Degraded || page.Stalled}}
	answer(w, http.StatusOK, a)
	return nil
}

func (s *Server) record(w http.ResponseWriter, r *request) error {
	rec, err := s.find(r)
	if err != nil {
		return err
	}
	answerRecord(w, &rec)
	return nil
}

func answerRecord(w http.ResponseWriter, rec *media.Record) {
	d := detail(rec)
	d.shorten(maxRowBytes)
	answer(w, http.StatusOK, recordAnswer{"success", d})
}

// find returns the recording whose ID is in the path of a request.
func (s *Server) find(r *request) (media.Record, error) {
	id, err := r.id()
	if err != nil {
		return media.Record{}, err
	}
	return s.deps.Catalogue.Record(r.Context(), id)
}

func (r *request) id() (media.ID, error) {
	id, err := media.ParseID(r.params.ByName("id"))
	if err != nil {
		return id, BadRequest("%v", err)
	}
	return id, nil
}

// recordPatch is the body of PATCH /mp4/records/ID: the fields of a recording that a client may
// change.
type recordPatch struct {
	Protected *bool `json:"protected" doc:"a protected recording is never deleted"`
}

func (s *Server) patchRecord(w http.ResponseWriter, r *request) error {
	var patch recordPatch
	if err := readJSON(r.Request, &patch); err != nil {
		return err
	}
	if patch.Protected == nil {
		return BadRequest(`the body changes nothing: write {"protected":true} or {"protected":false}`)
	}
	id, err := r.id()
	if err != nil {
		return err
	}
	rec, err := s.deps.Catalogue.SetProtected(r.Context(), id, *patch.Protected)
	if err != nil {
		return err
	}
	s.did(r, "protect", "record", rec.ID.String(), "protected", rec.Protected)
	answerRecord(w, &rec)
	return nil
}

// readJSON decodes the body of a request, which must be a single JSON object with no field that into
// lacks. Its error is an *Error.
func readJSON(r *http.Request, into any) error {
	if !saysJSON(r) {
		return failure(http.StatusUnsupportedMediaType, "the body's Content-Type must be application/json")
	}
	if err := body.Read(r.Body, into); err != nil {
		return badBody(err)
	}
	return nil
}

// saysJSON reports whether the Content-Type of a request is JSON. The type is required because a
// browser lets a page of another site send it only after a CORS preflight, which this server refuses.
// saysJSON also accepts application/x-www-form-urlencoded, which curl -d sends, but not from a
// browser, which adds the header Origin or Sec-Fetch-Site.
func saysJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return false
	case kind == "application/x-www-form-urlencoded":
		return r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == ""
	}
	return kind == "application/json" || kind == "application/merge-patch+json"
}

func badBody(err error) error {
	var network net.Error
	switch e := shown(err); {
	case e != nil:
		return e
	case errors.As(err, &network):
		return &Error{Code: http.StatusRequestTimeout, Text: "the body did not arrive in time", Cause: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return BadRequest("the connection ended before the body did")
	}
	return BadRequest("%v", err)
}
