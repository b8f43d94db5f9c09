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
	return s.deps.Live.Serve(w, r.Request, file, s.user(r))
}

// Peers begins, changes and ends the sessions of clients that publish or play streams by WHIP and WHEP. Its methods are safe for
// concurrent use. An error means that nothing has been written.
type Peers interface {
	// Publish and Play answer the offer of a client. user is empty where no authentication is configured; else the caller has
	// checked that the user may do this.
	Publish(w http.ResponseWriter, r *http.Request, path, user string) error
	Play(w http.ResponseWriter, r *http.Request, path, user string) error
	// Change answers a change of the session with a secret identifier, and Leave its end.
	Change(w http.ResponseWriter, r *http.Request, path, session string) error
	Leave(w http.ResponseWriter, path, session string) error
}

const aboutPeers = "The answer has the header Location: the URL of the session, at which PATCH restarts ICE and DELETE ends it. " +
	"A header Left-Out names each track that the client does not get, with the reason."

func peerRoutes() []route {
	codes := []int{404, 415, 503}
	return []route{
		{op: "whip", method: "POST", path: "/whip/*stream_path", summary: "Publish a stream by WHIP (RFC 9725): the body is the offer", role: auth.Control, ofStream: true, about: aboutPeers,
			bodyMedia: sdpMedia, media: sdpMedia, status: http.StatusCreated, codes: append([]int{409}, codes...), handle: (*Server).whip},
		{op: "whipChange", method: "PATCH", path: "/whip/*stream_path", summary: "Restart ICE of a session of WHIP: the path ends with its identifier", role: auth.Control, ofStream: true,
			bodyMedia: fragmentMedia, media: fragmentMedia, codes: codes, handle: (*Server).changePeer},
		{op: "whipLeave", method: "DELETE", path: "/whip/*stream_path", summary: "End a session of WHIP: the path ends with its identifier", role: auth.Control, ofStream: true,
			media: "text/plain", codes: codes, handle: (*Server).leavePeer},
		{op: "whep", method: "POST", path: "/whep/*stream_path", summary: "Play a live stream by WHEP: the body is the offer", role: auth.View, ofStream: true, about: aboutPeers,
			bodyMedia: sdpMedia, media: sdpMedia, status: http.StatusCreated, codes: codes, handle: (*Server).whep},
		{op: "whepChange", method: "PATCH", path: "/whep/*stream_path", summary: "Restart ICE of a session of WHEP: the path ends with its identifier", role: auth.View, ofStream: true,
			bodyMedia: fragmentMedia, media: fragmentMedia, codes: codes, handle: (*Server).changePeer},
		{op: "whepLeave", method: "DELETE", path: "/whep/*stream_path", summary: "End a session of WHEP: the path ends with its identifier", role: auth.View, ofStream: true,
			media: "text/plain", codes: codes, handle: (*Server).leavePeer},
	}
}

const (
	sdpMedia      = "application/sdp"
	fragmentMedia = "application/trickle-ice-sdpfrag"
)

func (s *Server) peers() (Peers, error) {
	if s.deps.Peers == nil {
		return nil, failure(http.StatusServiceUnavailable, "WHIP and WHEP are off here: the setting listen of their server in ingest is empty")
	}
	return s.deps.Peers, nil
}

// user returns the name of the caller, or "" where no authentication is configured.
func (s *Server) user(r *request) string {
	if s.cfg.Auth.Open() {
		return ""
	}
	return r.who.Name
}

func (s *Server) whip(w http.ResponseWriter, r *request) error {
	peers, err := s.peers()
	if err != nil {
		return err
	}
	path, err := streamPath(r.params.ByName("stream_path"))
	if err != nil {
		return err
	}
	if !r.who.MayPublish(path) {
		return failure(http.StatusForbidden, "%s may not publish the stream %s: none of its publish patterns matches", r.who.Name, path)
	}
	return peers.Publish(w, r.Request, path, s.user(r))
}

func (s *Server) whep(w http.ResponseWriter, r *request) error {
	peers, err := s.peers()
	if err != nil {
		return err
	}
	path, err := streamPath(r.params.ByName("stream_path"))
	if err != nil {
		return err
	}
	if !r.who.MayPlay(path) {
		return failure(http.StatusForbidden, "%s may not read the live stream %s: none of its play patterns matches", r.who.Name, path)
	}
	return peers.Play(w, r.Request, path, s.user(r))
}

func (s *Server) changePeer(w http.ResponseWriter, r *request) error {
	peers, path, session, err := s.session(r)
	if err != nil {
		return err
	}
	return peers.Change(w, r.Request, path, session)
}

func (s *Server) leavePeer(w http.ResponseWriter, r *request) error {
	peers, path, session, err := s.session(r)
	if err != nil {
		return err
	}
	return peers.Leave(w, path, session)
}

// session divides the path of a session's URL: PATH/SESSION.
func (s *Server) session(r *request) (peers Peers, path, session string, err error) {
	whole := strings.TrimPrefix(r.params.ByName("stream_path"), "/")
	if at := strings.LastIndexByte(whole, '/'); at >= 0 {
		path, session = whole[:at], whole[at+1:]
	}
	if streampath.Check(path) != nil || session == "" {
		return nil, "", "", NotFound("%s is no session: use the URL of the header Location", r.URL.Path)
	}
	peers, err = s.peers()
	return peers, path, session, err
}
