package api

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/still"
	"github.com/gospool/spool/api/playback/timeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
)

// momentRoutes returns the endpoints with which a client finds the moment that it wants to play: a
// timeline of a stream, and single pictures.
func momentRoutes() []route {
	return []route{
		{op: "timeline", method: "GET", path: "/mp4/timeline/*stream_path", summary: "What a stream's timeline shows: footage, gaps with their causes, events, activity", role: auth.View,
			about: "Activity is the number of coded bytes in each interval, which is the larger the more the pictures change. It is counted in the sample indexes, without reading media. Of a growing file the answer has what is on the disk. Times that are in no span and in no gap are those at which spool was not told to record.",
			query: timelineParams, answer: timelineAnswer{}, codes: []int{503}, handle: (*Server).timeline},
		{op: "frame", method: "GET", path: "/mp4/frame/*stream_path", summary: "The last key frame at or before a moment, as MP4 or JPEG", role: auth.View,
			about: "A moment in a gap has no picture (404), unless before says how long ago the recording may have ended. The headers Spool-Time and Spool-Recording give the picture's own time and the ID of its recording. The answer to a HEAD request for a JPEG has no Content-Length. JPEG needs ffmpeg on the recorder, and is refused with 501 where it is not installed.",
			query: frameParams, media: "video/mp4", codes: []int{404, 409, 416, 501, 502, 503}, handle: (*Server).frame},
	}
}

var timelineParams = []params.Param{
	{Name: "start", Kind: params.Moment, Doc: "required; RFC 3339 or Unix seconds"},
	{Name: "end", Kind: params.Moment, Doc: "RFC 3339 or Unix seconds; absent: now"},
	{Name: "resolution", Kind: params.Duration, Doc: "length of an interval of the activity; absent: a thousandth of the range. The answer has at most 10000 intervals, and is coarser where there would be more: it says its own resolution"},
	{Name: "pipeline", Doc: "only the recordings of this pipeline; absent: of any"},
}

type timelineAnswer struct {
	Status   string         `json:"status" enum:"success"`
	Stream   string         `json:"stream_path"`
	Start    *string        `json:"start_time" format:"date-time"`
	End      *string        `json:"end_time" format:"date-time"`
	Spans    []coveredSpan  `json:"spans" doc:"with footage, the oldest first; of a growing file up to the end of its last picture on the disk. A gap shorter than a two-thousandth of the range does not divide a span"`
	Gaps     []timelineGap  `json:"gaps" doc:"missing media, the oldest first; at most 1000, the longest. The gaps inside a growing file are known when it is finished"`
	GapsCut  bool           `json:"gaps_cut,omitempty" doc:"there are further gaps"`
	Events   []coveredEvent `json:"events" doc:"events with media in the recordings, by their first trigger; at most 500"`
	Cut      bool           `json:"events_cut,omitempty" doc:"there are further events"`
	Activity activityDetail `json:"activity"`
	Since    *string        `json:"since,omitempty" format:"date-time" doc:"begin of the part that the answer covers, when one answer cannot hold all; absent: all"`
	Degraded bool           `json:"degraded,omitempty" doc:"the database is down, and older recordings may be missing here; or it takes no rows"`
}

// timelineGap describes a gap in an answer.
type timelineGap struct {
	Cause     media.Cause `json:"cause"`
	Start     *string     `json:"start_time" format:"date-time"`
	Seconds   float64     `json:"seconds" doc:"from its begin to its end; 0 when no time is missing, as after clock_step and timestamp_jump"`
	Missing   float64     `json:"missing_seconds,omitempty" doc:"missing part of seconds, when the entry joins several gaps; absent: all"`
	ClockStep float64     `json:"clock_step,omitempty" doc:"seconds by which the clock that dates the recordings was set in between"`
	Track     int         `json:"track,omitempty" doc:"number of the only affected track, from 1; absent: all"`
	Places    int         `json:"places,omitempty" doc:"number of joined gaps"`
	Recording string      `json:"recording" format:"uuid" doc:"the recording behind the gap, or around it"`
	Inside    bool        `json:"inside,omitempty" doc:"the gap is inside the recording"`
}

// activityDetail describes the activity in an answer.
type activityDetail struct {
	Resolution float64 `json:"resolution" doc:"seconds of an interval"`
	Bytes      []int64 `json:"bytes" doc:"for each interval, from start_time on: bytes of the pictures that are presented in it; of the sound, where a recording has no pictures"`
	KeyBytes   []int64 `json:"key_bytes" doc:"the part of bytes that key frames have"`
	Since      *string `json:"since,omitempty" format:"date-time" doc:"begin of the part that is counted, when it has too many pictures for one answer; absent: all"`
	Unread     int     `json:"unread,omitempty" doc:"recordings that are not counted, because neither their index nor their file can be read"`
}

// timeline answers with the timeline of a stream.
func (s *Server) timeline(w http.ResponseWriter, r *request) error {
	if s.timelines == nil {
		return errNoClips
	}
	stream, err := storedPath(r)
	if err != nil {
		return err
	}
	start, end, resolution, pipeline := r.query.Time("start"), r.query.Time("end"), r.query.Duration("resolution"), r.query.Text("pipeline")
	if end.IsZero() {
		end = s.deps.Clock.Now()
	}
	switch {
	case r.query.Err != nil:
		return r.query.Err
	case start.IsZero():
		return BadRequest("start is needed: RFC 3339 or Unix seconds")
	case !end.After(start):
		return BadRequest("end is not after start")
	}
	q := timeline.Request{Stream: stream, Pipeline: pipeline, StartUTC: start.UnixNano(), EndUTC: end.UnixNano(), ResolutionNS: int64(resolution)}
	t, err := s.timelines.Make(r.Context(), &q)
	if err != nil {
		return err
	}
	a := timelineAnswer{
		Status: "success", Stream: stream, Start: utc(start), End: utc(end),
		Spans: []coveredSpan{}, Gaps: []timelineGap{}, GapsCut: t.GapsCut, Events: []coveredEvent{}, Cut: t.EventsCut,
		Activity: activityDetail{seconds(t.Activity.ResolutionNS), t.Activity.Bytes, t.Activity.KeyBytes, utcNano(t.Activity.SinceUTC), t.Activity.Unread},
		Since:    utcNano(t.SinceUTC), Degraded: t.Degraded,
	}
	for i := range t.Spans {
		a.Spans = append(a.Spans, coveredOf(&t.Spans[i]))
	}
	for i := range t.Gaps {
		g := &t.Gaps[i]
		a.Gaps = append(a.Gaps, timelineGap{
			Cause: g.Cause, Start: utcNano(g.StartUTC), Seconds: seconds(g.DurationNS), Missing: seconds(g.MissingNS), ClockStep: seconds(g.StepNS),
			Track: g.Track, Places: g.Places, Recording: g.Recording.String(), Inside: g.Inside,
		})
	}
	for _, e := range t.Events {
		a.Events = append(a.Events, coveredEvent{utcNano(e.AtNS), e.Name})
	}
	answer(w, http.StatusOK, a)
	return nil
}

// errNoClips is the error of a request that needs Deps.Clips.
var errNoClips = &Error{Code: http.StatusServiceUnavailable, Text: "this recorder plays no spans of time"}

// storedPath returns the stream path in a request's URL, which may be of an earlier version of spool.
func storedPath(r *request) (string, error) {
	p := strings.TrimPrefix(r.params.ByName("stream_path"), "/")
	if err := streampath.CheckOne(p); err != nil {
		return "", BadRequest("stream path: %v", err)
	}
	return p, nil
}

var frameParams = []params.Param{
	{Name: "at", Kind: params.Moment, Doc: "RFC 3339 or Unix seconds; absent, or in the future: now"},
	{Name: "format", Enum: []string{frameMP4, frameJPEG}, Def: frameMP4, Doc: "mp4: a file of one picture; jpeg: needs ffmpeg on the recorder"},
	{Name: "before", Kind: params.Duration, Doc: "how long before at the recording may have ended; absent: one second"},
	{Name: "width", Kind: params.Integer, Max: 8192, Doc: "of the JPEG in pixels; absent: that of the picture"},
	{Name: "pipeline", Doc: "only the recordings of this pipeline; absent: of any"},
}

const (
	frameMP4  = "mp4"
	frameJPEG = "jpeg"
)

// frame sends the last key frame at or before a moment.
func (s *Server) frame(w http.ResponseWriter, r *request) error {
	if s.stills == nil {
		return errNoClips
	}
	stream, err := storedPath(r)
	if err != nil {
		return err
	}
	at, now := r.query.Time("at"), s.deps.Clock.Now()
	if at.IsZero() || at.After(now) {
		at = now
	}
	q := still.Request{
		Stream: stream, Pipeline: r.query.Text("pipeline"), AtUTC: at.UnixNano(), BeforeNS: int64(r.query.Duration("before")),
		JPEG: r.query.Choice("format") == frameJPEG,
	}
	if r.query.Has("width") {
		q.Width = r.query.Integer("width")
	}
	switch {
	case r.query.Err != nil:
		return r.query.Err
	case q.Width > 0 && !q.JPEG:
		return BadRequest("width is for format=jpeg only")
	}
	return frameError(s.stills.Serve(w, r.Request, &q, refuseRange))
}

// refuseRange answers 416 for a file of size bytes.
func refuseRange(w http.ResponseWriter, size string) {
	answer(w, http.StatusRequestedRangeNotSatisfiable, errorAnswer{"error", "the range cannot be served: the file has " + size + " bytes"})
}

// frameError returns the error for the client of a picture that cannot be sent.
func frameError(err error) error {
	var (
		nothing   *still.NothingError
		elsewhere *still.ElsewhereError
		missing   *still.NotInstalledError
		undecoded *still.DecodeError
	)
	switch {
	case errors.As(err, &nothing), errors.Is(err, still.ErrNoPictures):
		return NotFound("%v", err)
	case errors.As(err, &elsewhere):
		return RecordedBy(elsewhere.Node)
	case errors.Is(err, playback.ErrBusy):
		return Conflict("%v", err)
	case errors.As(err, &missing):
		return failure(http.StatusNotImplemented, "%v", missing)
	case errors.As(err, &undecoded):
		return &Error{Code: http.StatusBadGateway, Text: "ffmpeg did not decode the picture: request format=mp4", Cause: err}
	case errors.Is(err, still.ErrOverloaded):
		return &Error{Code: http.StatusServiceUnavailable, Text: err.Error(), Retry: time.Second}
	case errors.Is(err, fs.ErrNotExist):
		return openError("with the picture", err)
	}
	return err
}

// newMoments sets the parts that momentRoutes need.
func (s *Server) newMoments() {
	if s.deps.Clips == nil {
		return
	}
	s.timelines = timeline.NewMaker(s.deps.Clips, s.deps.Catalogue, s.readers, func(id media.ID, err error) {
		s.deps.Log.Warn("a recording is missing in the activity of a timeline", "recording", id, "error", err)
	})
	s.stills = still.New()
	s.stills.Library, s.stills.Catalogue, s.stills.Readers = s.deps.Clips, s.deps.Catalogue, s.readers
	s.stills.Decoder, s.stills.Stall = still.NewDecoder(s.cfg.FFmpeg, maxDecoders), s.cfg.Limits.Stall
	s.stills.Failed = func(stream string, err error) {
		s.deps.Log.Error("the answer with a picture ended early", "stream", stream, "error", err)
	}
}

// maxDecoders is the number of pictures that are decoded at once.
const maxDecoders = 2
