package rtsp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// handler answers gortsplib's server. Requests of a session come one at a time.
type handler struct{ *Server }

// answer is a response with a reason that the client's user can read.
func answer(code base.StatusCode, reason string) *base.Response {
	return &base.Response{StatusCode: code, StatusMessage: reason}
}

func ok() *base.Response { return &base.Response{StatusCode: base.StatusOK} }

// OnAnnounce takes the path: a publisher that can't have it learns so before it
// sends anything.
func (h *handler) OnAnnounce(c *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	path := streamPath(c.Path)
	remote := c.Conn.NetConn().RemoteAddr().String()
	log := h.log.With("stream", path, "remote", remote)
	user, err := h.authorize(c.Request, path, remote)
	if err != nil {
		return answer(base.StatusUnauthorized, ""), err
	}
	if err := pipeline.CheckPath(path); err != nil {
		log.Warn("publisher refused", "error", err)
		return answer(base.StatusBadRequest, "Bad Stream Path"), nil
	}
	normaliseControls(c.Description)
	take, leave := announced(c.Description, c.Request.Body)
	if len(take) == 0 {
		log.Warn("publisher refused: none of its codecs can be recorded; "+recordable, "codecs", leave)
		return answer(base.StatusUnsupportedMediaType, "No Codec Can Be Recorded"), nil
	}
	s := newSession(log, h.cfg.Clock)
	s.hangUp = c.Session.Close
	if err := h.publish(s, path, remote, user, take, leave); err != nil {
		log.Warn("publisher refused", "error", err)
		return refusal(err), nil
	}
	c.Session.SetUserData(s)
	mustRecord(c.Conn, h.cfg.AnnounceTimeout)
	log.Info("publisher announced", "tracks", len(take))
	return ok(), nil
}

func (h *handler) publish(s *session, path, remote, user string, take []offer, leave []string) error {
	if n := h.sessions.Add(1); h.cfg.MaxSessions > 0 && n > int64(h.cfg.MaxSessions) {
		h.sessions.Add(-1)
		return errFull
	}
	host, _, _ := net.SplitHostPort(remote)
	pub, err := h.hub.Publish(path, hub.PublishOptions{
		Origin: "rtsp " + remote, Override: h.cfg.OverridePublisher, Client: hub.Client{User: user, Host: host},
		Silence: s.silence, GiveUp: s.giveUp,
	})
	if err != nil {
		h.sessions.Add(-1)
		return err
	}
	if err := s.begin(pub, take, leave); err != nil {
		h.sessions.Add(-1)
		pub.Close(media.EndError)
		return err
	}
	return nil
}

// refusal is the status of an error. RTSP 1.0 has none for a path that is taken:
// Forbidden says that asking again will not help.
func refusal(err error) *base.Response {
	switch {
	case errors.Is(err, hub.ErrBusy), errors.Is(err, hub.ErrReplaced):
		return answer(base.StatusForbidden, "Stream Has A Publisher Already")
	case errors.Is(err, errFull), errors.Is(err, hub.ErrClosed):
		return answer(base.StatusServiceUnavailable, "")
	}
	return answer(base.StatusUnsupportedMediaType, "Track Cannot Be Recorded")
}

// OnSetup takes a track of a publisher. Nobody is played to.
func (h *handler) OnSetup(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if c.Session.State() != gortsplib.ServerSessionStatePreRecord {
		return answer(base.StatusMethodNotAllowed, "Streams Are Not Played Here"), nil, nil
	}
	if s, is := c.Session.UserData().(*session); is && !hasTrack(c.Session.AnnouncedDescription(), c.Request.URL) {
		s.log.Warn("track refused: none was announced by this URL", "path", c.Request.URL.Path)
		return answer(base.StatusNotFound, "No Such Track Was Announced"), nil, nil
	}
	return ok(), nil, nil
}

// OnRecord begins the flow of packets.
func (h *handler) OnRecord(c *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	s, is := c.Session.UserData().(*session)
	if !is {
		return answer(base.StatusMethodNotValidInThisState, ""), nil
	}
	if err := s.record(c.Session); err != nil {
		s.log.Warn("publisher refused", "error", err)
		return refusal(err), nil
	}
	mayStay(c.Conn)
	s.watch(h.cfg.ReadTimeout)
	s.log.Info("publisher records", "transport", c.Session.Transport().Protocol.String())
	return ok(), nil
}

// OnDescribe says that nothing can be played.
func (h *handler) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return answer(base.StatusNotFound, "Streams Are Not Played Here"), nil, nil
}

// teardownGrace is how long the end of a publication over UDP waits.
const teardownGrace = 100 * time.Millisecond

// OnRequest sees a request before gortsplib does.
func (h *handler) OnRequest(c *gortsplib.ServerConn, r *base.Request) {
	normalise(r.Method, r.URL)
	if ss := c.Session(); ss != nil {
		if s, is := ss.UserData().(*session); is {
			s.alive()
		}
	}
	switch r.Method {
	case base.Announce:
		h.describe(c, r)
	case base.Teardown:
		mayStay(c)
		h.letTailIn(c.Session())
	}
	c.SetUserData(r.Method)
}

// describe brings a description into the form in which gortsplib reads each. One
// that cannot be goes: gortsplib refuses the request for that.
func (h *handler) describe(c *gortsplib.ServerConn, r *base.Request) {
	if !isDescription(r.Header, r.Body) {
		return // gortsplib says what is missing
	}
	body, err := readable(r.Body)
	if err != nil {
		h.log.Warn("publisher refused: its session description cannot be read", "remote", c.NetConn().RemoteAddr().String(), "error", err)
	}
	r.Header["Content-Type"], r.Body = base.HeaderValue{"application/sdp"}, body
}

// OnResponse gives a reason to a refusal that gortsplib made, which knows it but
// does not say it.
func (h *handler) OnResponse(c *gortsplib.ServerConn, res *base.Response) {
	if res.StatusCode != base.StatusBadRequest || res.StatusMessage != "" {
		return
	}
	method, _ := c.UserData().(base.Method)
	switch ss := c.Session(); {
	case method == base.Announce && ss != nil && ss.State() != gortsplib.ServerSessionStateInitial:
		res.StatusMessage = "Session Has Announced A Stream Already"
	case method == base.Setup:
		res.StatusMessage = "Transport Or Track Does Not Fit What Was Announced"
	case method == base.Record:
		res.StatusMessage = "Announce, And Set Up Every Track That Was Announced"
	default:
		return
	}
	h.log.Warn("publisher refused", "remote", c.NetConn().RemoteAddr().String(), "method", string(method), "error", res.StatusMessage)
}

// letTailIn lets the last packets of a publication over UDP come in before its
// TEARDOWN, which is sent after them but is not in line with them.
func (h *handler) letTailIn(ss *gortsplib.ServerSession) {
	if ss == nil || ss.State() != gortsplib.ServerSessionStateRecord {
		return
	}
	if t := ss.Transport(); t == nil || t.Protocol != gortsplib.ProtocolUDP {
		return
	}
	done, stop := h.cfg.Clock.After(teardownGrace)
	defer stop()
	<-done
}

// OnSessionClose ends the publication, however the session ended.
func (h *handler) OnSessionClose(c *gortsplib.ServerHandlerOnSessionCloseCtx) {
	s, is := c.Session.UserData().(*session)
	if !is {
		return
	}
	reason := media.EndSourceLost
	if errors.As(c.Error, &liberrors.ErrServerTerminated{}) { // by us: the server stops, or it was hung up on
		reason = media.EndShutdown
	}
	s.close(reason)
	h.sessions.Add(-1)
	if s.heard.Load() == 0 {
		s.log.Warn("publisher left before it recorded", "reason", c.Error)
		return
	}
	s.log.Info("publisher left", "reason", c.Error)
}

// OnConnClose says why a publisher was refused that never came so far as to be
// asked for its path.
func (h *handler) OnConnClose(c *gortsplib.ServerHandlerOnConnCloseCtx) {
	var description liberrors.ErrServerSDPInvalid
	var kind liberrors.ErrServerContentTypeUnsupported
	if errors.As(c.Error, &description) || errors.As(c.Error, &kind) || errors.Is(c.Error, liberrors.ErrServerContentTypeMissing{}) {
		h.log.Warn("publisher refused: its session description cannot be read", "remote", c.Conn.NetConn().RemoteAddr().String(), "error", c.Error)
	}
}

// OnDecodeError counts a packet that could not be read.
func (h *handler) OnDecodeError(c *gortsplib.ServerHandlerOnDecodeErrorCtx) {
	if s, is := c.Session.UserData().(*session); is {
		s.malformed()
	}
}

// OnPacketsLost is there so that gortsplib does not log: package ingest counts
// by track.
func (h *handler) OnPacketsLost(*gortsplib.ServerHandlerOnPacketsLostCtx) {}

// authorize asks the hook, and gives the user. gortsplib turns the error into a
// challenge, or after wrong credentials into the end of the connection.
func (h *handler) authorize(req *base.Request, path, remote string) (user string, err error) {
	if h.cfg.Authorize == nil {
		return "", nil
	}
	var a headers.Authorization
	if err := a.Unmarshal(req.Header["Authorization"]); err != nil {
		a = headers.Authorization{} // its error would show the header
	}
	if err := h.cfg.Authorize(a.Username, a.BasicPass, path, "publish", remote); err != nil {
		level := slog.LevelWarn
		if len(req.Header["Authorization"]) == 0 {
			level = slog.LevelDebug // clients ask without, and send what they have when they are challenged
		}
		h.log.Log(context.Background(), level, "publisher refused", "stream", path, "remote", remote, "user", a.Username, "error", err)
		return "", liberrors.ErrServerAuth{}
	}
	return a.Username, nil
}
