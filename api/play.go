package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/forwarded"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/hls"
	"github.com/gospool/spool/api/playback/mediamtx"
	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/api/playback/mpegts"
	"github.com/gospool/spool/api/playback/play"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/julienschmidt/httprouter"
)

// playRoutes returns the endpoints that play spans of time, whatever files the footage is in.
func playRoutes() []route {
	return []route{
		{op: "play", method: "GET", path: "/mp4/play/*stream_path", summary: "The footage of a span of time as one MP4 file, with ranges and conditions (RFC 9110)", role: auth.View,
			about: "The file begins with its tables, and its media is that of the recordings. A span that ends in a growing file or in the future is redirected to the same span with its end pinned, so that ranges of one file are requested. The headers Spool-Start and Spool-Duration give the wall clock of the first picture and the seconds of the file.",
			query: playParams, media: "video/mp4", codes: []int{404, 409, 416, 503}, others: map[int]any{http.StatusTemporaryRedirect: ""}, handle: (*Server).play},
		{op: "hls", method: "GET", path: "/mp4/hls/*stream_path", summary: "The footage of a span of time as a playlist for HTTP Live Streaming: {stream_path}/index.m3u8", role: auth.View,
			about: "The segments are ranges of the recordings' files. While the span is not over, the playlist grows (type EVENT): without an end, as long as the stream is recorded. index.m3u8 names media.m3u8 and, for scrubbing, iframes.m3u8.",
			query: hlsParams, media: "application/vnd.apple.mpegurl", codes: []int{404, 409, 410, 416, 503}, handle: (*Server).hls},
	}
}

var playParams = []params.Param{
	{Name: "start", Kind: params.Moment, Doc: "required; RFC 3339 or Unix seconds: the first picture is presented then or later"},
	{Name: "end", Kind: params.Moment, Doc: "RFC 3339 or Unix seconds: all pictures are presented before it; absent, and without duration: now"},
	{Name: "duration", Kind: params.Duration, Doc: "length of the span, instead of end"},
	{Name: "gaps", Enum: []string{gapsCut, gapsKeep}, Def: gapsCut, Doc: "cut: footage after a gap follows at once; keep: the last picture before a gap lasts until its end"},
	{Name: "format", Enum: []string{string(play.MP4), string(play.Fragmented), string(play.Transport)}, Def: string(play.MP4), Doc: "mp4: a file with ranges, tables first; fmp4: the same as a stream of fragments, without a length and ranges; ts: an MPEG transport stream, which begins with a key frame"},
	{Name: "track", Doc: "the wanted tracks, separated by commas: video, audio, metadata, or one of several of a kind, as in audio:2; absent: all"},
	{Name: "clock", Kind: params.Flag, Doc: "whether the file has a track of text with the wall clock, a line a second; only in format mp4"},
	{Name: "split", Kind: params.Flag, Doc: "whether the file ends before the resolution or the codec changes, for players that need one description; then the header Link names the rest as next"},
	{Name: "pipeline", Doc: "only the recordings of this pipeline; absent: of any, one at a time"},
	{Name: "download", Kind: params.Flag, Doc: "whether the client should save the file"},
	{Name: "pin", Doc: "of a redirect: the part of the growing file"},
}

var hlsParams = []params.Param{
	{Name: "start", Kind: params.Moment, Doc: "required, but not for an initialisation segment; RFC 3339 or Unix seconds"},
	{Name: "end", Kind: params.Moment, Doc: "RFC 3339 or Unix seconds; absent, and without duration: the playlist goes on while the stream is recorded"},
	{Name: "duration", Kind: params.Duration, Doc: "length of the span, instead of end"},
	{Name: "segment", Kind: params.Duration, Def: "6", Doc: "length of a segment, up to the next key frame: 1 s to 1 min"},
	{Name: "gaps", Enum: []string{gapsCut, gapsKeep}, Def: gapsCut, Doc: "cut: footage after a gap follows at once; keep: the gap lasts as long as it did, as EXT-X-GAP"},
	{Name: "pipeline", Doc: "only the recordings of this pipeline; absent: of any, one at a time"},
	{Name: "event", Kind: params.Flag, Doc: "of index.m3u8: the playlist is of the type EVENT"},
	{Name: "first", Doc: "of index.m3u8: the first recording of the playlist"},
}

const (
	gapsCut  = "cut"
	gapsKeep = "keep"
)

// play sends the footage of a span as one MP4 file.
func (s *Server) play(w http.ResponseWriter, r *request) error {
	if s.player == nil {
		return errNoClips
	}
	q, err := playRequest(r)
	if err != nil {
		return err
	}
	if r.query.Flag("download") {
		name := strings.ReplaceAll(q.Stream, "/", "_") + "_" + time.Unix(0, q.Span.StartUTC).UTC().Format("20060102_150405") + q.Format.Suffix()
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", plain(name)))
	}
	return playError(s.player.Serve(w, r.Request, q, refuseRange))
}

// newLists returns the lists for hls.
func (s *Server) newLists() *hls.Lists {
	l := hls.NewLists()
	l.Library, l.Catalogue, l.Readers, l.Now = s.deps.Clips, s.deps.Catalogue, s.readers, s.deps.Clock.Now
	l.Stall, l.Refuse = s.cfg.Limits.Stall, refuseRange
	l.Failed = func(stream string, err error) {
		s.deps.Log.Error("the answer with a segment ended early", "stream", stream, "error", err)
	}
	return l
}

// hls sends a playlist of a span, or the initialisation segment of a recording.
func (s *Server) hls(w http.ResponseWriter, r *request) error {
	if s.lists == nil {
		return &Error{Code: http.StatusServiceUnavailable, Text: "this recorder plays no spans of time"}
	}
	stream, name, _ := cutLast(strings.TrimPrefix(r.params.ByName("stream_path"), "/"))
	if above, dir, _ := cutLast(stream); dir == "init" && strings.HasSuffix(name, ".mp4") {
		return s.hlsInit(w, r, above, strings.TrimSuffix(name, ".mp4"))
	}
	if above, id, _ := cutLast(stream); path.Base(above) == "made" && strings.HasSuffix(name, ".mp4") {
		return s.hlsMade(w, r, strings.TrimSuffix(strings.TrimSuffix(above, "made"), "/"), id, name)
	}
	switch name {
	case hls.MasterName, hls.MediaName, hls.KeysName:
	case hls.GapURI:
		return failure(http.StatusGone, "there is no footage in a gap")
	default:
		return NotFound("nothing is at %s: the playlist of a stream is at STREAM/%s", r.URL.Path, hls.MasterName)
	}
	span, err := playRequest(r)
	if err != nil {
		return err
	}
	q := hls.Request{Stream: stream, Span: span.Span, Open: span.Open, KeepGaps: span.Options.KeepGaps}
	segment := 6 * time.Second
	if r.query.Has("segment") {
		segment = r.query.Duration("segment")
	}
	q.SegmentNS, q.Event = int64(segment), r.query.Flag("event")
	var firstErr error
	if first := r.query.Text("first"); first != "" {
		q.First, firstErr = media.ParseID(first)
	}
	switch {
	case r.query.Err != nil:
		return r.query.Err
	case firstErr != nil:
		return BadRequest("parameter first: %v", firstErr)
	case segment < time.Second || segment > time.Minute:
		return BadRequest("parameter segment: it is between 1 s and 1 min")
	}
	return playError(s.lists.Serve(w, r.Request, q, name))
}

// hlsInit sends the initialisation segment of a recording.
func (s *Server) hlsInit(w http.ResponseWriter, r *request, stream, id string) error {
	parsed, err := media.ParseID(id)
	if err != nil {
		return NotFound("%.80q is not the ID of a recording", id)
	}
	err = s.lists.ServeInit(w, r.Request, stream, parsed)
	if errors.Is(err, fs.ErrNotExist) {
		return NotFound("the recording %s does not exist, or was deleted", id)
	}
	return playError(err)
}

// hlsMade sends a segment that is made of the samples of a recording.
func (s *Server) hlsMade(w http.ResponseWriter, r *request, stream, id, name string) error {
	parsed, err := media.ParseID(id)
	if err != nil {
		return NotFound("%.80q is not the ID of a recording", id)
	}
	err = s.lists.ServeMade(w, r.Request, stream, parsed, name)
	if errors.Is(err, fs.ErrNotExist) {
		return NotFound("the recording %s has no segment %.80s: the playlist of a stream is at STREAM/%s", id, name, hls.MasterName)
	}
	return playError(err)
}

// newMediaMTX returns the handler of the requests of MediaMTX's playback server, for callers with the role view.
func (s *Server) newMediaMTX() (http.Handler, error) {
	side, err := mediamtx.New(mediamtx.Config{
		Player: s.player, Origins: s.cfg.MediaMTX.Origins, Fail: s.fail, Refuse: refuseRange,
		Allows: func(r *http.Request) (bool, time.Duration) {
			_, err := s.authorize(r, auth.View, false)
			var e *Error
			if errors.As(err, &e) {
				return false, e.Retry
			}
			return err == nil, 0
		},
	})
	router := httprouter.New() // without a route, for its PanicHandler
	router.PanicHandler = s.recovered
	router.NotFound = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme := forwarded.Scheme(r, s.cfg.Proxies)
		s.guarded(w, r, func() { side.Serve(w, r, scheme) })
	})
	return router, err
}

// cutLast returns the parts of a path before and after its last slash.
func cutLast(path string) (before, after string, found bool) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:], i >= 0
}

// playRequest returns the span and the options of a request.
func playRequest(r *request) (q play.Request, err error) {
	q.Stream = strings.TrimPrefix(r.params.ByName("stream_path"), "/")
	if err := streampath.CheckOne(q.Stream); err != nil {
		return q, BadRequest("stream path: %v", err)
	}
	v := &r.query
	start, end, duration := v.Time("start"), v.Time("end"), v.Duration("duration")
	q.Options.KeepGaps = v.Choice("gaps") == gapsKeep
	q.Format = play.Format(v.Choice("format"))
	q.Options.Clock, q.Options.Split = v.Flag("clock"), v.Flag("split")
	q.Span.Pipeline = v.Text("pipeline")
	wants, err := wanted(v.Text("track"))
	if err != nil {
		return q, err
	}
	q.Options.Wants = wants
	if pin := v.Text("pin"); pin != "" {
		if q.Span.Pin, err = clip.ParsePin(pin); err != nil {
			return q, BadRequest("parameter pin: %v", err)
		}
	}
	v.Flag("download")
	switch {
	case v.Err != nil:
		return q, v.Err
	case q.Options.Clock && q.Format == play.Fragmented:
		return q, BadRequest("clock is for the format mp4 only")
	case start.IsZero():
		return q, BadRequest("start is needed: RFC 3339 or Unix seconds")
	case v.Has("duration") && v.Has("end"):
		return q, BadRequest("end and duration exclude each other")
	case v.Has("duration"):
		end = start.Add(duration)
	case !v.Has("end"):
		q.Open = true
		end = time.Unix(0, int64(1)<<62)
	}
	if !end.After(start) {
		return q, BadRequest("end is not after start")
	}
	q.Span.StartUTC, q.Span.EndUTC = start.UnixNano(), end.UnixNano()
	return q, nil
}

// wanted returns the function movie.Options.Wants for the parameter track.
func wanted(text string) (func(media.Kind, int) bool, error) {
	if text == "" {
		return nil, nil
	}
	list := strings.Split(text, ",")
	for _, one := range list {
		kind, number, numbered := strings.Cut(one, ":")
		n, err := strconv.Atoi(number)
		if k := media.KindNamed(kind); k.String() != kind || numbered && (err != nil || n < 1) {
			return nil, BadRequest("parameter track: %.40q is none of video, audio, metadata, or one of several, as in audio:2", one)
		}
	}
	return func(kind media.Kind, number int) bool {
		for _, one := range list {
			if one == kind.String() || one == kind.String()+":"+strconv.Itoa(number) {
				return true
			}
		}
		return false
	}, nil
}

// playError returns the error for the client of a span that cannot be played.
func playError(err error) error {
	var many *clip.TooManyError
	switch {
	case errors.Is(err, hls.ErrHeadless):
		return failure(http.StatusGone, "%v", err)
	case errors.Is(err, hls.ErrNothing):
		return NotFound("%v, yet: GET /mp4/coverage lists the spans with footage", err)
	case errors.Is(err, movie.ErrNothing):
		return NotFound("%v: GET /mp4/coverage lists the spans with footage", err)
	case errors.Is(err, mpegts.ErrNothing):
		return BadRequest("parameter format: %v: ask for format=%s", err, play.MP4)
	case errors.Is(err, playback.ErrBusy):
		return Conflict("%v", err)
	case errors.As(err, &many), errors.Is(err, hls.ErrGaps):
		return BadRequest("%v", err)
	case errors.Is(err, fs.ErrNotExist):
		return openError("of the span", err)
	}
	return err
}
