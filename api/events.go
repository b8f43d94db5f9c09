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

// Events records what happened, and knows what did.
type Events interface {
	// Trigger records an event of a stream with what came before it. NotFound:
	// nothing records events of that stream; Conflict: there is nothing of it.
	Trigger(ctx context.Context, stream string, t pipeline.Trigger) (Taken, error)
	Events(ctx context.Context, q media.EventQuery) (media.EventPage, error)
}

// Taken is what became of a trigger.
type Taken struct {
	Pipelines  []pipeline.Triggered   // at least one
	Recordings []media.EventRecording // that hold media of the event so far, oldest first
	Limited    []string               // what was asked for and not done, and the setting that bounds it
}

// The bounds of what a caller may say of an event, in bytes.
const (
	maxEventKey   = 200
	maxEventData  = 1024
	maxEventDepth = 16
	eventAhead    = time.Minute // a caller's clock may be ahead by this much
	maxAround     = 24 * time.Hour
	maxWait       = time.Hour
	minFile       = time.Second
)

// eventBody is what may be said of an event. All of it may be left out.
type eventBody struct {
	Before  *stretch                   `json:"before,omitempty" doc:"from before the trigger: seconds or a Go duration, at most a day; the pipeline's setting where left out"`
	After   *stretch                   `json:"after,omitempty" doc:"after the trigger, and after each one that extends it; at most a day"`
	At      instant                    `json:"at,omitempty" doc:"when it happened, RFC 3339 or Unix seconds; now where left out"`
	Max     *stretch                   `json:"max,omitempty" doc:"longest file, at least a second: the next one begins with a key frame"`
	Key     string                     `json:"key,omitempty" doc:"the caller's: triggers of one key are one event"`
	Name    string                     `json:"name,omitempty"`
	Data    map[string]json.RawMessage `json:"data,omitempty" doc:"the caller's; at most 1024 bytes"`
	Protect *bool                      `json:"protect,omitempty" doc:"keep the files from deletion, within the bounds of the configuration; a mark on a continuous recording does where left out"`
	Wait    *stretch                   `json:"wait,omitempty" doc:"how long the first picture may take to come, at most an hour, also of a stream that nobody publishes yet; where left out events.wait, for one that is announced, configured or armed"`
}

// stretch is a length of time in a body: a number of seconds, or a text that a
// query would take.
type stretch string

// UnmarshalJSON takes numbers as they are written.
func (s *stretch) UnmarshalJSON(b []byte) error { return scalar((*string)(s), b) }

// instant is a time in a body, as text or as a number of Unix seconds.
type instant string

// UnmarshalJSON takes numbers as they are written.
func (s *instant) UnmarshalJSON(b []byte) error { return scalar((*string)(s), b) }

func scalar(s *string, b []byte) error {
	if len(b) > 0 && (b[0] == '"' || b[0] == 'n') {
		return json.Unmarshal(b, s)
	}
	*s = string(b)
	return nil
}

type eventAnswer struct {
	Status    string         `json:"status" enum:"started,extended,marked,waiting" doc:"waiting: no picture has come yet, it is recorded from the first key frame"`
	Stream    string         `json:"stream"`
	Event     string         `json:"event" format:"uuid"`
	Requested *string        `json:"requested_start" format:"date-time"`
	Actual    *string        `json:"actual_start" format:"date-time" doc:"the key frame where the footage begins, later than requested where the stream or the memory does not reach back so far; null where none has come yet: GET /mp4/events has it later"`
	Until     *string        `json:"until" format:"date-time"`
	Pipelines []eventHandled `json:"pipelines" doc:"what each pipeline did; above is the first"`

	Recordings     []eventRecording `json:"recordings" doc:"that hold media of it so far; GET /mp4/events has those that come"`
	Protected      int              `json:"protected_recordings" doc:"how many of them are kept from deletion"`
	ProtectedBytes int64            `json:"protected_bytes"`
	Limited        []string         `json:"limited,omitempty" doc:"what was asked for and is not done, and the setting that bounds it"`
}

type eventRecording struct {
	ID        string      `json:"id" format:"uuid"`
	URL       string      `json:"url,omitempty" doc:"where the file can be fetched; absent for one that is not on this recorder's disk"`
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
		// A growing file is given out under its later name, too, which stays right.
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

// trigger is the body as the recorder takes it.
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

// duration is a stretch that may be nothing; absent where it is left out.
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
	case len(s) > maxEventKey:
		return fmt.Errorf("%s: it has %d bytes, at most %d are taken", what, len(s), maxEventKey)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return fmt.Errorf("%s: it is not plain text", what)
	}
	return nil
}

// eventData is the caller's object in its shortest form. What one of the
// databases could not hold is refused.
func eventData(data map[string]json.RawMessage) ([]byte, error) {
	if data == nil {
		return nil, nil
	}
	b, err := json.Marshal(data) // compacts what is within
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	depth, deepest := 0, 0
	for _, c := range b { // brackets within texts count too: it is a bound
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		deepest = max(deepest, depth)
	}
	switch {
	case len(b) > maxEventData:
		return nil, fmt.Errorf("data: it has %d bytes, at most %d are taken", len(b), maxEventData)
	case deepest > maxEventDepth:
		return nil, fmt.Errorf("data: it is nested more than %d deep", maxEventDepth)
	case strings.Contains(string(b), `\u0000`):
		return nil, errors.New("data: it holds a NUL character")
	}
	return b, nil
}
