package api

import (
	"net/http"
	"strings"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/streampath"
)

// Live serves live streams over HTTP. Its methods are safe for concurrent use.
type Live interface {
	// Stream returns the path of the stream to which a file belongs, and false for a file that no output has. The name
	// of the file begins with that path.
	Stream(file string) (path string, known bool)
	// Serve answers a request for a file of a stream. The caller has checked that the user may read the stream. An error
	// means that nothing has been written.
	Serve(w http.ResponseWriter, r *http.Request, file, user string) error
}

var liveParams = []params.Param{
	{Name: "_HLS_msn", Doc: "HLS: answer when the playlist has this segment"},
	{Name: "_HLS_part", Doc: "HLS: and this part of it"},
	{Name: "_HLS_skip", Doc: "HLS: leave out old segments"},
	{Name: "session", Doc: "HLS: of the client, from the multivariant playlist"},
}

func liveRoutes() []route {
	return []route{
		{op: "live", method: "GET", path: "/mp4/live/*file", summary: "A live stream: {stream_path}/index.m3u8 is low-latency HLS, {stream_path}.mp4 one endless fragmented MP4", role: auth.View, ofStream: true,
			about: "The caller may read the streams that its patterns play match; without patterns, those with the role view may read all. The answers begin with the newest key frame. A client that reads too slowly continues at a later key frame: skipped_units of GET /mp4/connections counts what it has missed.",
			query: liveParams, media: "video/mp4", codes: []int{404, 503}, handle: (*Server).live},
	}
}

func (s *Server) live(w http.ResponseWriter, r *request) error {
	if s.deps.Live == nil {
		return failure(http.StatusServiceUnavailable, "live streams cannot be read here: egress.enable is false")
	}
	file := strings.TrimPrefix(r.params.ByName("file"), "/")
	path, known := s.deps.Live.Stream(file)
	if !known {
		return NotFound("%s is no file of a live stream: write PATH/index.m3u8 for HLS, or PATH.mp4", r.URL.Path)
	}
	if err := streampath.Check(path); err != nil {
		return BadRequest("%v", err)
	}
	if !r.who.MayPlay(path) {
		return failure(http.StatusForbidden, "%s may not read the live stream %s: none of its play patterns matches", r.who.Name, path)
	}
	user := r.who.Name
	if s.cfg.Auth.Open() {
		user = ""
	}
	return s.deps.Live.Serve(w, r.Request, file, user)
}
