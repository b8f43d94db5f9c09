package api

import (
	"encoding/json"
	"net/http"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/media"
)

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
