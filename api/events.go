package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Events records and lists events.
type Events interface {
	// Trigger records an event of a stream, including media from before the trigger. The error is
	// NotFound if the stream is unknown or no pipeline records events of it, Conflict if no media
	// of the event's time exists, Unavailable if the event cannot be recorded now.
	Trigger(ctx context.Context, stream string, t pipeline.Trigger) (Taken, error)
	Events(ctx context.Context, q media.EventQuery) (media.EventPage, error)
}

// Taken is the result of Events.Trigger.
type Taken struct {
	Pipelines  []pipeline.Triggered   // responses of the pipelines, or one for the finished recordings; at least one
	Recordings []media.EventRecording // the recordings that have media of the event now, oldest first
	Limited    []string               // a text for each value that is less than requested, with the reason
}

// The bounds of the values in eventBody.
const (
	maxEventKeyBytes  = 200            // most bytes of the field key of an event, and of name
	maxEventDataBytes = 1024           // most bytes of the field data as compact JSON
	maxEventDepth     = 16             // deepest nesting of the field data
	eventAhead        = time.Minute    // farthest future time in the field at: the caller's clock may be ahead
	maxAround         = 24 * time.Hour // largest value of the fields before and after
	maxWait           = time.Hour      // largest value of the field wait
	minFile           = time.Second    // smallest value of the field max, except 0
)

// eventBody is the body of POST /mp4/event. Every field is optional.
type eventBody struct {
	Before  *stretch                   `json:"before,omitempty" doc:"media to record from before the trigger: seconds or a Go duration, at most a day; default: the pipeline's setting"`
	After   *stretch                   `json:"after,omitempty" doc:"media to record after the trigger, and after each one that extends it; at most a day"`
	At      instant                    `json:"at,omitempty" doc:"time of the event, RFC 3339 or Unix seconds; default: now"`
	Max     *stretch                   `json:"max,omitempty" doc:"longest file, at least a second: the next file begins with a key frame"`
	Key     string                     `json:"key,omitempty" doc:"chosen by the caller: triggers with the same key are one event"`
	Name    string                     `json:"name,omitempty"`
	Data    map[string]json.RawMessage `json:"data,omitempty" doc:"chosen by the caller; at most 1024 bytes"`
	Protect *bool                      `json:"protect,omitempty" doc:"protect the files from deletion, within the bounds of the configuration; default: true for a mark on a continuous recording"`
	Wait    *stretch                   `json:"wait,omitempty" doc:"how long to wait for the first picture, at most an hour, also for a stream without a publisher; default: events.wait, for a stream that is announced, configured or armed"`
}

// stretch is a duration in a body, not parsed yet: a JSON number of seconds, or a string as
// params.ParseDuration accepts it.
type stretch string

// UnmarshalJSON stores the text of a JSON number or string.
func (s *stretch) UnmarshalJSON(b []byte) error { return scalar((*string)(s), b) }

// instant is a time in a body, not parsed yet: a JSON number of Unix seconds, or a string as
// params.ParseTime accepts it.
type instant string

// UnmarshalJSON stores the text of a JSON number or string.
func (s *instant) UnmarshalJSON(b []byte) error { return scalar((*string)(s), b) }

func scalar(s *string, b []byte) error {
	if len(b) > 0 && (b[0] == '"' || b[0] == 'n') {
		return json.Unmarshal(b, s)
	}
	*s = string(b)
	return nil
}

type eventAnswer struct {
	Status    string         `json:"status" enum:"started,extended,marked,waiting" doc:"marked: other recordings hold the interval, nothing is recorded for the event alone; waiting: the stream has no picture yet, the recording begins with its first key frame"`
	Stream    string         `json:"stream"`
	Event     string         `json:"event" format:"uuid"`
	Requested *string        `json:"requested_start" format:"date-time"`
	Actual    *string        `json:"actual_start" format:"date-time" doc:"key frame with which the recording begins, later than requested when the media in memory begins later; null before the first key frame: GET /mp4/events has it later"`
	Until     *string        `json:"until" format:"date-time" doc:"end of the recorded interval; earlier than requested when the footage ends earlier and no pipeline records the event"`
	Pipelines []eventHandled `json:"pipelines" doc:"result of each pipeline; the fields above are the first one's"`

	Recordings     []eventRecording `json:"recordings" doc:"recordings with media of the event so far; GET /mp4/events has later ones"`
	Protected      int              `json:"protected_recordings" doc:"how many of them are protected from deletion"`
	ProtectedBytes int64            `json:"protected_bytes"`
	Limited        []string         `json:"limited,omitempty" doc:"what is less than requested, and why: the setting that limits it, or the end of the footage"`
}

type eventRecording struct {
	ID        string      `json:"id" format:"uuid"`
	URL       string      `json:"url,omitempty" doc:"where to fetch the file; absent when it is not on this recorder's disk"`
	State     media.State `json:"state" enum:"recording,finished,recovered,lost,remote"`
	Start     *string     `json:"start_time" format:"date-time"`
	End       *string     `json:"end_time" format:"date-time"`
	Bytes     int64       `json:"bytes"`
	Protected bool        `json:"protected"`
}

func eventRecordings(list []media.EventRecording) []eventRecording {
	out := make([]eventRecording, len(list))
	for i, r := range list {
		out[i] = eventRecording{
			ID: r.ID.String(), State: r.State, Start: utcNano(r.StartUTC), End: utcNano(r.EndUTC), Bytes: r.SizeBytes, Protected: r.Protected,
		}
		// A growing file can be requested under its final name, which stays valid when it is finished.
		if name := strings.TrimSuffix(r.Path, media.PartSuffix); r.State.Here() && !r.Elsewhere && playback.CheckFileName(name) == nil {
			out[i].URL = recordURL(name, r.ID)
		}
	}
	return out
}

type eventHandled struct {
	Pipeline  string  `json:"pipeline"`
	Status    string  `json:"status" enum:"started,extended,marked,waiting"`
	Requested *string `json:"requested_start" format:"date-time"`
	Actual    *string `json:"actual_start" format:"date-time"`
	Until     *string `json:"until" format:"date-time"`
}

func (s *Server) event(w http.ResponseWriter, r *request) error {
	stream, err := streamPath(r.params.ByName("stream_path"))
	if err != nil {
		return err
	}
	if s.deps.Events == nil {
		return NotFound("events are not recorded here")
	}
	var body eventBody
	if r.ContentLength != 0 {
		if err := readJSON(r.Request, &body); err != nil {
			return err
		}
	}
	now := s.deps.Clock.Now()
	t, err := body.trigger(stream, now)
	if err != nil {
		return BadRequest("%v", err)
	}
	done, err := s.deps.Events.Trigger(r.Context(), stream, t)
	if err != nil {
		return err
	}
	a := eventAnswer{Stream: stream, Event: media.ID(t.ID).String(), Recordings: eventRecordings(done.Recordings), Limited: done.Limited}
	for _, r := range done.Recordings {
		if r.Protected {
			a.Protected++
			a.ProtectedBytes += r.SizeBytes
		}
	}
	for _, d := range done.Pipelines {
		a.Pipelines = append(a.Pipelines, eventHandled{d.Pipeline, string(d.Status), utc(d.Requested), utc(d.Actual), utc(d.Until)})
	}
	first := a.Pipelines[0]
	a.Status, a.Requested, a.Actual, a.Until = first.Status, first.Requested, first.Actual, first.Until
	s.did(r, "event", "stream", stream, "status", a.Status, "event", a.Event, "protected", a.Protected, "protected_bytes", a.ProtectedBytes)
	answer(w, http.StatusOK, a)
	return nil
}

// trigger converts the body of a request to the trigger that the recorder takes. now is the present
// time. Its error names the field that is wrong.
func (b *eventBody) trigger(stream string, now time.Time) (t pipeline.Trigger, err error) {
	t = pipeline.Trigger{ID: media.NewID(now), Key: b.Key, Name: b.Name, At: now}
	if b.Key != "" {
		t.ID = media.EventID(stream, b.Key)
	}
	if err := errors.Join(eventText("key", b.Key), eventText("name", b.Name)); err != nil {
		return t, err
	}
	if t.Data, err = eventData(b.Data); err != nil {
		return t, err
	}
	if t.Before, err = b.Before.duration("before", -1); err != nil {
		return t, err
	}
	if t.After, err = b.After.duration("after", -1); err != nil {
		return t, err
	}
	if t.Max, err = b.Max.duration("max", 0); err != nil {
		return t, err
	}
	switch {
	case max(t.Before, t.After) > maxAround:
		return t, fmt.Errorf("before and after: at most %s each are recorded for one event", maxAround)
	case t.Max != 0 && t.Max < minFile:
		return t, fmt.Errorf("max: %s is too short for a file: at least %s, 0 is no limit", t.Max, minFile)
	}
	if b.Wait != nil {
		wait, err := b.Wait.duration("wait", 0)
		if err != nil {
			return t, err
		}
		if wait > maxWait {
			return t, fmt.Errorf("wait: an event waits for a stream for at most %s", maxWait)
		}
		t.WaitUntil, t.Arm = now.Add(wait), wait > 0
	}
	if b.At != "" {
		if t.At, err = params.ParseTime(string(b.At)); err != nil {
			return t, fmt.Errorf("at: %w", err)
		}
		if t.At.After(now.Add(eventAhead)) {
			return t, fmt.Errorf("at: %s is in the future; it is %s here", b.At, now.UTC().Format(time.RFC3339))
		}
	}
	if b.Protect != nil {
		t.Protect = pipeline.ProtectOff
		if *b.Protect {
			t.Protect = pipeline.ProtectOn
		}
	}
	return t, nil
}

// duration parses s, the duration in the field name of a body. For an omitted field s is nil, and
// duration returns absent. It accepts 0, which params.ParseDuration refuses.
func (s *stretch) duration(name string, absent time.Duration) (time.Duration, error) {
	if s == nil {
		return absent, nil
	}
	if string(*s) == "0" {
		return 0, nil
	}
	d, err := params.ParseDuration(string(*s))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

func eventText(what, s string) error {
	switch {
	case len(s) > maxEventKeyBytes:
		return fmt.Errorf("%s: it has %d bytes, at most %d are taken", what, len(s), maxEventKeyBytes)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return fmt.Errorf("%s: it is not plain text", what)
	}
	return nil
}

// eventData returns the caller's object as compact JSON, nil without one. It refuses an object that is
// too long or too deeply nested, or that has NUL characters, which PostgreSQL cannot store.
func eventData(data map[string]json.RawMessage) ([]byte, error) {
	if data == nil {
		return nil, nil
	}
	b, err := json.Marshal(data) // compacts nested values
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	depth, deepest := 0, 0
	for _, c := range b { // Brackets inside strings count as well: the bound need not be exact.
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		deepest = max(deepest, depth)
	}
	switch {
	case len(b) > maxEventDataBytes:
		return nil, fmt.Errorf("data: it has %d bytes, at most %d are taken", len(b), maxEventDataBytes)
	case deepest > maxEventDepth:
		return nil, fmt.Errorf("data: it is nested more than %d deep", maxEventDepth)
	case strings.Contains(string(b), `\u0000`):
		return nil, errors.New("data: it holds a NUL character")
	}
	return b, nil
}

var eventParams = []params.Param{
	{Name: "limit", Kind: params.Integer, Def: "100", Max: media.MaxLimit, Doc: "events in one answer"},
	{Name: "order", Enum: []string{"asc", "desc"}, Def: "desc", Doc: "by the first trigger"},
	{Name: "cursor", Doc: "next of the previous page; with the same filters"},
	{Name: "stream", Doc: "a stream path, or prefix/* for all below it"},
	{Name: "start", Kind: params.Moment, Doc: "RFC 3339 or Unix seconds"},
	{Name: "end", Kind: params.Moment, Doc: "RFC 3339 or Unix seconds"},
	{Name: "key", Doc: "the caller's key, exactly"},
	{Name: "name", Doc: "the event's name, exactly"},
}

type eventsAnswer struct {
	Status string     `json:"status" enum:"success"`
	Events []eventRow `json:"events"`
	Count  int        `json:"count" doc:"events in this answer"`
	paging
}

type eventDetail struct {
	ID      string                     `json:"id" format:"uuid"`
	Stream  string                     `json:"stream_path,omitempty"`
	Key     string                     `json:"key,omitempty"`
	Name    string                     `json:"name,omitempty"`
	Data    map[string]json.RawMessage `json:"data,omitempty"`
	At      *string                    `json:"at" format:"date-time" doc:"time of the first trigger"`
	Start   *string                    `json:"start_time" format:"date-time" doc:"requested; GET /mp4/records from here to end_time lists the recordings"`
	End     *string                    `json:"end_time" format:"date-time"`
	Protect bool                       `json:"protect"`
	Node    string                     `json:"node,omitempty"`
}

// eventRow is an event with its recordings, as GET /mp4/events returns it.
type eventRow struct {
	eventDetail
	Actual     *string          `json:"actual_start" format:"date-time" doc:"key frame with which its media begins; null while unknown"`
	Recordings []eventRecording `json:"recordings" doc:"recordings with media of it, oldest first, at most a hundred"`
	Total      int              `json:"recordings_total" doc:"number of all such recordings"`
	Gone       *string          `json:"footage_gone_at,omitempty" format:"date-time" doc:"since when no recording has media of it"`
}

func eventOf(e *media.Event) eventDetail {
	d := eventDetail{
		ID: e.ID.String(), Key: e.Key, Name: e.Name, Protect: e.Protect,
		At: utcNano(e.AtUTC), Start: utcNano(e.StartUTC), End: utcNano(e.EndUTC),
	}
	_ = json.Unmarshal(e.Data, &d.Data) // data that is no JSON object is left out
	return d
}

func (s *Server) events(w http.ResponseWriter, r *request) error {
	v := &r.query
	f := v.Only(recordParams, "stream", "start", "end")
	base, err := filters(&f)
	if err != nil {
		return err
	}
	q := media.EventQuery{
		Stream: base.Stream, Start: base.Start, End: base.End,
		Key: v.Text("key"), Name: v.Text("name"), Limit: v.Integer("limit"), Ascending: v.Choice("order") == "asc", MaxBytes: maxPageBytes,
	}
	if q.Cursor = v.Text("cursor"); len(q.Cursor) > maxCursorBytes {
		return errUnknownCursor
	}
	if v.Err != nil {
		return v.Err
	}
	var page media.EventPage
	if s.deps.Events != nil {
		if page, err = s.deps.Events.Events(r.Context(), q); err != nil {
			return err
		}
	}
	a := eventsAnswer{Status: "success", Events: make([]eventRow, len(page.Events)), Count: len(page.Events)}
	for i := range page.Events {
		e := &page.Events[i]
		a.Events[i] = eventRow{eventOf(&e.Event), utcNano(e.ActualUTC), eventRecordings(e.Recordings), e.Total, utcNano(e.GoneUTC)}
		a.Events[i].Stream, a.Events[i].Node = e.Stream, e.Node
	}
	a.Events, a.Next = within(a.Events, page.Next, page.Behind)
	a.Count, a.Degraded = len(a.Events), page.Degraded
	answer(w, http.StatusOK, a)
	return nil
}
