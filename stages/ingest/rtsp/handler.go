package rtsp

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// handler implements gortsplib's callbacks for one endpoint. gortsplib calls the callbacks of one session one after
// another.
type handler struct {
	*Server
	basic bool // accepts passwords by Basic: strangers cannot read them here, or the settings permit it
	lib   *gortsplib.Server
}

// answer returns a response with a status and a reason phrase, which clients show to their users. An empty reason
// stands for the usual phrase of the status.
func answer(code base.StatusCode, reason string) *base.Response {
	return &base.Response{StatusCode: code, StatusMessage: reason}
}

func ok() *base.Response { return &base.Response{StatusCode: base.StatusOK} }

// survive, deferred by a callback, recovers from a panic, logs it and answers 500. Callbacks run on gortsplib's
// goroutines, which do not recover: without survive, one client's request could end all recordings.
func (h *handler) survive(res **base.Response) {
	if v := recover(); v != nil {
		h.log.Error("panic over a request", "error", fmt.Sprint(v), "stack", string(debug.Stack()))
		*res = answer(base.StatusInternalServerError, "")
	}
}

// OnConnOpen attaches a connState to a new connection.
func (h *handler) OnConnOpen(c *gortsplib.ServerHandlerOnConnOpenCtx) {
	c.Conn.SetUserData(newConnState(c.Conn))
}

// OnAnnounce answers an ANNOUNCE on which judge has decided. For an accepted ANNOUNCE it claims the path in the hub and
// creates the session, so that a second publisher of the path is refused before it sends media.
func (h *handler) OnAnnounce(c *gortsplib.ServerHandlerOnAnnounceCtx) (res *base.Response, err error) {
	defer h.survive(&res)
	k := connStateOf(c.Conn)
	k.release()
	if v := k.verdict; v.answer != nil {
		return v.answer, v.err
	}
	path := streamPath(c.Path)
	log := h.strangers.With("stream", path, "remote", k.remote)
	normaliseControls(c.Description)
	take, leave := announced(rtp.Options{KeepG711: h.hub.KeepsG711(path)}).sort(c.Description, c.Request.Body)
	if len(take) == 0 {
		h.clients.RefusedPublisher()
		log.Warn("publisher refused: none of its codecs can be recorded; "+rtp.Recordable, "codecs", leave)
		return answer(base.StatusUnsupportedMediaType, "No Codec Can Be Recorded"), nil
	}
	s := newSession(h.log.With("stream", path, "remote", k.remote), h.cfg.Clock)
	s.early, s.hangUp = log, c.Session.Close
	if err := h.publish(s, path, k, take, leave); err != nil {
		h.clients.RefusedPublisher()
		log.Warn("publisher refused", "error", err)
		return refusal(err), nil
	}
	c.Session.SetUserData(s)
	k.mustRecord(path, k.verdict.user, h.cfg.ReadTimeout)
	log.Info("publisher announced", "tracks", len(take))
	return ok(), nil
}

func (h *handler) publish(s *session, path string, k *connState, take []offer, leave []string) error {
	if h.full(h.sessions.Load()) {
		return errFull
	}
	host, _, _ := net.SplitHostPort(k.remote)
	pub, err := h.hub.Publish(path, hub.PublishOptions{
		Origin: "rtsp " + k.remote, Override: h.cfg.OverridePublisher, Client: hub.Client{User: k.verdict.user, Host: host},
		Silence: s.silence, GiveUp: s.giveUp,
	})
	if err != nil {
		return err
	}
	taken := false
	defer func() {
		if !taken {
			pub.Close(endcause.Error)
		}
	}()
	err = s.begin(pub, take, leave)
	taken = err == nil
	return err
}

// full reports whether sessions, the number of publications that record, has reached MaxSessions; 0 stands for no
// maximum. The publications that are announced and do not record yet are bounded by the limits of connections.
func (h *handler) full(sessions int64) bool {
	return h.cfg.MaxSessions > 0 && sessions >= int64(h.cfg.MaxSessions)
}

// refusal returns the response to a publication that failed with err. A path in use is answered 403 Forbidden, which
// tells the client not to repeat the request: RTSP 1.0 has no status for a path in use.
func refusal(err error) *base.Response {
	switch {
	case errors.Is(err, hub.ErrBusy), errors.Is(err, hub.ErrReplaced):
		return answer(base.StatusForbidden, "Stream Has A Publisher Already")
	case errors.Is(err, errFull), errors.Is(err, hub.ErrClosed):
		return answer(base.StatusServiceUnavailable, "")
	}
	return answer(base.StatusUnsupportedMediaType, "Track Cannot Be Recorded")
}

// OnSetup sets up an announced track of a publisher, or a track for playing.
func (h *handler) OnSetup(c *gortsplib.ServerHandlerOnSetupCtx) (res *base.Response, _ *gortsplib.ServerStream, err error) {
	defer h.survive(&res)
	s, is := c.Session.UserData().(*session)
	switch {
	case !is && h.cfg.Readers.Allowed:
		return h.setUpReader(c)
	case !is || c.Session.State() != gortsplib.ServerSessionStatePreRecord:
		return answer(base.StatusMethodNotAllowed, "Streams Are Not Played Here"), nil, nil
	}
	track := trackOf(c.Session.AnnouncedDescription(), c.Request.URL)
	if track == nil {
		s.early.Warn("track refused: no announced track has this URL", "path", c.Request.URL.Path)
		return answer(base.StatusNotFound, "No Such Track Was Announced"), nil, nil
	}
	t, _ := transportOf(c.Request, c.Transport)
	code, reason := h.place(s, connStateOf(c.Conn), t)
	if reason != "" {
		s.early.Warn("track refused", "error", reason)
		return answer(code, reason), nil, nil
	}
	s.setUp = track
	if t.SSRC != nil && t.Protocol == headers.TransportProtocolUDP {
		s.senders[track] = *t.SSRC
	}
	return ok(), nil, nil
}

// OnRecord starts the flow of packets from the client to the hub, and removes the bounds of the connection. It starts
// session.watch, which ends the publication when the client falls silent.
func (h *handler) OnRecord(c *gortsplib.ServerHandlerOnRecordCtx) (res *base.Response, err error) {
	defer h.survive(&res)
	s, is := c.Session.UserData().(*session)
	if !is {
		return answer(base.StatusMethodNotValidInThisState, ""), nil
	}
	if err := h.record(s, h.carrier(c.Session, s)); err != nil {
		h.clients.RefusedPublisher()
		s.early.Warn("publisher refused", "error", err)
		return refusal(err), nil
	}
	k := connStateOf(c.Conn)
	k.records()
	k.takeFrames(s, c.Session.Transport())
	s.watch(h.cfg.ReadTimeout)
	s.log.Info("publisher records", "transport", c.Session.Transport().Protocol.String())
	return ok(), nil
}

func (h *handler) record(s *session, c carrier) error {
	if n := h.sessions.Add(1); h.full(n - 1) {
		h.sessions.Add(-1)
		return errFull
	}
	if err := s.record(c); err != nil {
		h.sessions.Add(-1)
		return err
	}
	s.counted = true
	return nil
}

// teardownGrace is the time for which TEARDOWN of a publication over UDP waits for the last packets.
const teardownGrace = 100 * time.Millisecond

// OnRequest prepares a request before gortsplib handles it: it rewrites the URL and the Session header, decides on an
// ANNOUNCE (judge), and removes the body of every other request. It delays TEARDOWN until the last packets over UDP
// have arrived.
func (h *handler) OnRequest(c *gortsplib.ServerConn, r *base.Request) {
	k, ss := connStateOf(c), c.Session()
	k.request = r
	normalise(r.Method, r.URL)
	ownSession(ss, r)
	switch {
	case r.Method == base.Announce && r.URL != nil && len(r.Header["CSeq"]) == 1 && (ss == nil || ss.State() == gortsplib.ServerSessionStateInitial):
		h.judge(k, r)
	default: // gortsplib needs no other body
		r.Body = nil
		k.answered()
	}
	if ss == nil || ss.State() != gortsplib.ServerSessionStateRecord {
		return
	}
	if s, is := ss.UserData().(*session); is {
		s.asks()
		s.torn.Store(r.Method == base.Teardown)
	}
	if r.Method == base.Teardown {
		k.frames.Store(nil) // gortsplib refuses frames after TEARDOWN
		h.letTailIn(ss)
		k.opened(h.cfg.AnnounceTimeout)
	}
}

// ownSession rewrites the Session header so that a request can use only the session of its own connection. gortsplib
// would let any connection from the same address, of any user, set up, record and tear down a session whose identifier
// it knows.
func ownSession(own *gortsplib.ServerSession, r *base.Request) {
	v := r.Header["Session"]
	if len(v) == 0 {
		return
	}
	name, _, _ := strings.Cut(v[0], ";") // some clients return the whole header of the response, with its timeout
	if own == nil {
		name = "of another connection" // a name that gortsplib does not find
	}
	r.Header["Session"] = base.HeaderValue{strings.TrimSpace(name)}
}

// sessionOf returns the session of gortsplib's session, or nil if it has none.
func sessionOf(ss *gortsplib.ServerSession) *session {
	if ss == nil {
		return nil
	}
	s, _ := ss.UserData().(*session)
	return s
}

// OnResponse adds a reason phrase to a refusal by gortsplib, which does not send its reasons. It logs and counts the
// refusal. From the response to a SETUP it records the interleaved channels.
func (h *handler) OnResponse(c *gortsplib.ServerConn, res *base.Response) {
	k := connStateOf(c)
	k.release()
	defer func() { k.request = nil }() // its memory can be freed
	if ss := c.Session(); ss != nil && k.request != nil && k.request.Method == base.Setup {
		if r, is := ss.UserData().(*reader); is {
			r.wasSetUp(res)
		}
	}
	k.informed(c, res)
	if s := sessionOf(c.Session()); s != nil && k.request != nil && k.request.Method == base.Setup {
		s.noteChannel(s.setUp, res)
		s.setUp = nil
	}
	if res.StatusCode != base.StatusBadRequest || res.StatusMessage != "" || k.request == nil {
		return
	}
	switch ss := c.Session(); {
	case k.request.Method == base.Announce && ss != nil && ss.State() != gortsplib.ServerSessionStateInitial:
		res.StatusMessage = "Session Has Announced A Stream Already"
	case k.request.Method == base.Announce:
		res.StatusMessage = "Session Description Cannot Be Read"
		return // OnConnClose logs the reason
	case k.request.Method == base.Setup:
		res.StatusMessage = cmp.Or(overlap(ss, k.request), "Transport Or Track Does Not Fit What Was Announced")
	case k.request.Method == base.Record:
		res.StatusMessage = "Announce, And Set Up Every Track That Was Announced"
	default:
		return
	}
	h.clients.RefusedPublisher()
	h.strangers.Warn("publisher refused", "remote", k.remote, "method", string(k.request.Method), "error", res.StatusMessage)
}

// letTailIn waits teardownGrace before TEARDOWN of a publication over UDP. The client sent its last packets before
// TEARDOWN, but to another socket, where they may arrive later.
func (h *handler) letTailIn(ss *gortsplib.ServerSession) {
	if t := ss.Transport(); t == nil || t.Protocol != gortsplib.ProtocolUDP {
		return
	}
	done, stop := h.cfg.Clock.After(teardownGrace)
	defer stop()
	<-done
}

// OnSessionClose ends the publication of a session that has ended for any reason, and frees its ports.
func (h *handler) OnSessionClose(c *gortsplib.ServerHandlerOnSessionCloseCtx) {
	if r, is := c.Session.UserData().(*reader); is {
		r.close()
	}
	s, is := c.Session.UserData().(*session)
	if !is {
		return
	}
	switch {
	case errors.As(c.Error, &liberrors.ErrServerTerminated{}): // the server stops, or has closed the connection
		s.close(endcause.Shutdown, false)
	default:
		s.close(endcause.SourceLost, !errors.As(c.Error, &liberrors.ErrServerSessionTornDown{}))
	}
	h.ports.release(s)
	close(s.gone)
	if s.counted {
		h.sessions.Add(-1)
	}
	if s.heardNS.Load() == 0 {
		s.early.Warn("publisher left before it recorded", "reason", c.Error)
		return
	}
	s.log.Info("publisher left", "reason", c.Error)
}

// OnConnClose logs the end of a connection if the server closed it: for an unreadable session description, an exceeded
// bound, a failed TLS handshake or a missed deadline.
func (h *handler) OnConnClose(c *gortsplib.ServerHandlerOnConnCloseCtx) {
	k := connStateOf(c.Conn)
	k.release()
	if k.reads != nil {
		k.reads.quit() // gortsplib would go on to send to a client of UDP
	}
	var description liberrors.ErrServerSDPInvalid
	switch {
	case errors.As(c.Error, &description):
		h.clients.RefusedPublisher()
		h.strangers.Warn("publisher refused: its session description cannot be read", "remote", k.remote, "error", c.Error)
	case errors.Is(c.Error, errTooLong), errors.Is(c.Error, errCrowded), errors.Is(c.Error, errTunnel):
		h.strangers.Warn("connection closed", "remote", k.remote, "error", c.Error)
	case errors.As(c.Error, new(errHandshake)) && !onlyLeft(c.Error):
		h.strangers.Warn("connection closed: the TLS handshake failed", "remote", k.remote, "error", c.Error)
	case k.left() < 0 && k.untilNS.Load() != 0:
		h.strangers.Debug("connection closed: it did not record in time", "remote", k.remote)
	}
}

// OnDecodeError counts a packet that gortsplib could not read, or whose payload type was not announced.
func (h *handler) OnDecodeError(c *gortsplib.ServerHandlerOnDecodeErrorCtx) {
	s, is := c.Session.UserData().(*session)
	var payloadType liberrors.ErrServerRTPPacketUnknownPayloadType
	switch {
	case !is:
	case errors.As(c.Error, &payloadType):
		s.unannounced(nil)
	default:
		s.malformed()
	}
}

// OnPacketsLost does nothing, because package rtp counts the losses of each track. Without this method gortsplib logs
// each loss.
func (h *handler) OnPacketsLost(*gortsplib.ServerHandlerOnPacketsLostCtx) {}
