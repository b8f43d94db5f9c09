package rtsp

import (
	"context"
	"errors"
	"maps"
	"net"
	"strings"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"

	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/replay"
	play "github.com/gospool/spool/stages/egress/rtsp"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// described is a stream that a client may play, or its recordings.
type described struct {
	*play.Description
	path, user string
	show       *replay.Show // nil: it is live
}

// reader is a session that plays a stream. gortsplib calls its methods one after another; the player is a task of its own.
type reader struct {
	of     *handler
	conn   *connState
	handle *gortsplib.ServerSession
	stream *gortsplib.ServerStream // of this session alone: gortsplib sends nothing itself
	described
	tracks []play.Track
	to     map[byte]net.Addr // by channel; nil unless the media goes by UDP
	setUp  *play.Track       // of the SETUP that is being answered
	player *play.Player      // of the tracks that were set up at the newest PLAY; nil: before
	played int               // number of those tracks
	replay *replay.Player    // plays recordings; nil: before PLAY, and of a live stream
	marked bool              // the client requires the extensions for replay
	info   base.HeaderValue  // RTP-Info of the PLAY that is being answered; nil: gortsplib's

	leave func()        // the gate; nil: it does not play
	halt  func()        // ends the player; nil: none has begun
	done  chan struct{} // closed when the newest player has ended
	gone  chan struct{} // closed when the session's ports are free
}

// unsupported returns the response to a request that requires a feature which the server does not have (RFC 2326, 12.32), or nil.
// recorded reports that recordings are played.
func unsupported(r *base.Request, recorded bool) *base.Response {
	tags := replay.Unsupported(r.Header, recorded)
	if len(tags) == 0 {
		return nil
	}
	res := answer(base.StatusOptionNotSupported, "")
	res.Header = base.Header{"Unsupported": tags}
	return res
}

// OnDescribe describes a live stream, or recordings.
func (h *handler) OnDescribe(c *gortsplib.ServerHandlerOnDescribeCtx) (res *base.Response, _ *gortsplib.ServerStream, err error) {
	defer h.survive(&res)
	k := connStateOf(c.Conn)
	if res, err := h.describe(k, c.Request, streamPath(c.Path), c.Query); res != nil {
		return res, nil, err
	}
	return &base.Response{StatusCode: base.StatusOK, Body: k.described.Document()}, nil, nil
}

// describe sets k.described to the stream of a path, or returns the refusal.
func (h *handler) describe(k *connState, r *base.Request, path, query string) (refusal *base.Response, err error) {
	if !h.cfg.Readers.Allowed {
		return answer(base.StatusNotFound, "Streams Are Not Played Here"), nil
	}
	stream, recorded := h.recorded(path)
	if res := unsupported(r, recorded); res != nil {
		return res, nil
	}
	if !recorded {
		stream = path
	}
	user, denied := h.authorize(k, r, stream, ingest.ActionPlay)
	if denied != nil {
		return denied.answer, denied.err
	}
	d := &described{path: path, user: user}
	if recorded {
		d.show, err = replay.Describe(whileConnected{context.Background(), k.serverConn}, h.cfg.Readers.Footage, stream, query)
	} else {
		d.Description, err = h.tracks(k, path)
	}
	if err != nil {
		h.clients.RefusedReader()
		h.strangers.Warn("reader refused", "stream", path, "remote", k.remote, "error", err)
		return readerRefusal(err), nil
	}
	if k.described == nil && k.untilNS.Load() != 0 { // another DESCRIBE does not extend the time, and one of a publisher sets none
		k.within(h.cfg.ReadTimeout)
	}
	if d.show != nil {
		d.Description = d.show.Description
	}
	k.described = d
	if len(d.LeftOut) > 0 {
		h.strangers.Info("a reader gets not all tracks", "stream", path, "remote", k.remote, "left_out", strings.Join(d.LeftOut, "; "))
	}
	return nil, nil
}

// tracks returns the description of the stream of a path, for whose tracks it waits.
func (h *handler) tracks(k *connState, path string) (*play.Description, error) {
	if err := egress.Check(h.hub, path); err != nil {
		return nil, err
	}
	if err := h.cfg.Readers.Serves(protocol, path); err != nil {
		return nil, err
	}
	units, err := h.hub.Read(path, live.Options{})
	if err != nil {
		return nil, err
	}
	defer units.Close()
	set, err := units.Tracks(whileConnected{context.Background(), k.serverConn}, egress.TracksWait)
	if err != nil {
		return nil, err
	}
	return play.Describe(set, path)
}

// readerRefusal returns the response to a client that cannot read a stream for a reason.
func readerRefusal(err error) *base.Response {
	var notServed *egress.NotServedError
	switch {
	case errors.As(err, &notServed):
		return answer(base.StatusNotFound, "Stream Is Not Served By RTSP")
	case errors.Is(err, egress.ErrNoStream), errors.Is(err, hub.ErrNoTracks):
		return answer(base.StatusNotFound, "Stream Is Not Live")
	case errors.Is(err, play.ErrNoTracks):
		return answer(base.StatusUnsupportedMediaType, "No Track Can Be Sent By RTSP")
	case errors.Is(err, hub.ErrClosed), errors.Is(err, egress.ErrFull):
		return answer(base.StatusServiceUnavailable, "")
	}
	if res := replay.Refusal(err); res != nil {
		return res
	}
	return answer(base.StatusBadRequest, "Bad Stream Path")
}

// setUpReader sets up a track for playing.
func (h *handler) setUpReader(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	k, path := connStateOf(c.Conn), streamPath(c.Path)
	r, begun := c.Session.UserData().(*reader)
	if !begun {
		if k.described == nil || k.described.path != path {
			if res, err := h.describe(k, c.Request, path, c.Query); res != nil {
				return res, nil, err
			}
		}
		if res := unsupported(c.Request, k.described.show != nil); res != nil {
			return res, nil, nil
		}
		r = &reader{of: h, conn: k, handle: c.Session, described: *k.described, gone: make(chan struct{})}
		r.stream = &gortsplib.ServerStream{Server: h.lib, Desc: r.Session}
		if err := r.stream.Initialize(); err != nil {
			return answer(base.StatusInternalServerError, ""), nil, err
		}
		c.Session.SetUserData(r)
		k.reads = r
	}
	if res := unsupported(c.Request, r.show != nil); res != nil {
		return res, nil, nil
	}
	r.marked = r.marked || c.Request.Header["Require"] != nil
	section := sectionOf(r.Session, c.Request.URL)
	if section == nil {
		return answer(base.StatusNotFound, "No Such Track Was Described"), nil, nil
	}
	t, found := transportOf(c.Request, c.Transport)
	if !found || t.Profile != headers.TransportProfileAVP || c.Transport.Protocol == gortsplib.ProtocolUDPMulticast {
		return answer(base.StatusUnsupportedTransport, "Media Comes By RTP/AVP, Unicast"), nil, nil
	}
	r.setUp = &play.Track{Section: section, SSRC: r.stream.Stats().Medias[section].Formats[section.Formats[0]].LocalSSRC}
	if t.Protocol == headers.TransportProtocolUDP {
		if code, reason := r.placeUDP(t); reason != "" {
			return answer(code, reason), nil, nil
		}
	}
	return ok(), r.stream, nil
}

// sectionOf returns the section that the URL of a SETUP names, as gortsplib finds it, or nil.
func sectionOf(d *description.Session, u *base.URL) *description.Media {
	if m := trackOf(d, u); m != nil || strings.Contains(u.String(), "trackID=") {
		return m
	}
	return d.Medias[0]
}

// placeUDP places the track that is being set up at the client's ports.
func (r *reader) placeUDP(t headers.Transport) (code base.StatusCode, reason string) {
	if t.ClientPorts == nil {
		return base.StatusBadRequest, "Client Ports Are Missing"
	}
	if code, reason = r.of.placePorts(r, r.conn, t); reason != "" {
		return code, reason
	}
	if r.to == nil {
		r.to = map[byte]net.Addr{}
	}
	r.setUp.Channel = byte(2 * len(r.tracks))
	for i, port := range t.ClientPorts {
		r.to[r.setUp.Channel+byte(i)] = &net.UDPAddr{IP: r.conn.addr.AsSlice(), Zone: r.conn.addr.Zone(), Port: port}
	}
	return 0, ""
}

// wasSetUp adds the track of a SETUP with the channel that gortsplib has assigned to it in the response.
func (r *reader) wasSetUp(res *base.Response) {
	t := r.setUp
	r.setUp = nil
	var h headers.Transport
	if t == nil || res.StatusCode != base.StatusOK || h.Unmarshal(res.Header["Transport"]) != nil {
		return
	}
	if h.InterleavedIDs != nil {
		t.Channel = byte(h.InterleavedIDs[0])
	}
	r.tracks = append(r.tracks, *t)
}

// OnPlay begins to play. A second PLAY of a session that plays a live stream changes nothing; that of recordings takes effect at once.
func (h *handler) OnPlay(c *gortsplib.ServerHandlerOnPlayCtx) (res *base.Response, err error) {
	defer h.survive(&res)
	r, is := c.Session.UserData().(*reader)
	if !is {
		return answer(base.StatusMethodNotValidInThisState, ""), nil
	}
	playing := c.Session.State() == gortsplib.ServerSessionStatePlay
	if res := unsupported(c.Request, r.show != nil); res != nil {
		return res, nil
	}
	if r.show != nil {
		res, err = r.replays(c.Request, playing)
	} else if res = ok(); !playing {
		err = r.begin(r.live())
	}
	if err != nil {
		h.strangers.Warn("reader refused", "stream", r.path, "remote", r.conn.remote, "error", err)
		return readerRefusal(err), nil
	}
	return res, nil
}

// live returns the function that plays the live stream.
func (r *reader) live() func(context.Context, play.Outlet) error {
	if r.player == nil || r.played < len(r.tracks) { // a client may set up further tracks while it pauses
		r.player, r.played = play.NewPlayer(r.Description, r.conn.client, r.tracks), len(r.tracks)
	}
	player := r.player // the task reads no field that another request may change
	return func(ctx context.Context, out play.Outlet) error {
		units, err := r.of.hub.Read(r.path, live.Options{})
		if err != nil {
			return err
		}
		defer units.Close()
		return player.Run(ctx, units, out)
	}
}

// begin prepares a player, which starts once the response is written.
func (r *reader) begin(play func(context.Context, play.Outlet) error) error {
	if r.leave == nil && r.show == nil { // the pipelines of live streams say nothing about recordings
		leave, err := r.of.cfg.Readers.Enter(protocol, r.path)
		if err != nil {
			return err
		}
		r.leave = leave
	}
	reads := r.conn.client.Reads
	if r.show != nil {
		reads = r.conn.client.Replays
	}
	if !reads(r.path, r.user) {
		return egress.ErrFull
	}
	r.conn.untilNS.Store(0)
	r.conn.silent.Store(r.to == nil)
	ctx, cancel := context.WithCancelCause(context.Background())
	before, done, halt := r.done, make(chan struct{}), func() { cancel(errHalted) }
	r.halt, r.done = halt, done
	out := r.outlet(ctx)
	r.conn.onAnswer(func() {
		r.of.players.Go("rtsp player", func(task context.Context) error {
			defer close(done)
			defer context.AfterFunc(task, halt)()
			if before != nil {
				<-before // it writes nothing any more
			}
			r.ended(play(ctx, out))
			return nil
		})
	})
	return nil
}

// ended closes the session of a player that has ended with an error of its own. At the end of footage the client may play another place.
func (r *reader) ended(err error) {
	if errors.Is(err, errHalted) {
		return
	}
	r.of.strangers.Info("reader ends", "stream", r.path, "remote", r.conn.remote, "reason", err)
	if replay.Ended(err) {
		r.conn.silent.Store(false)
		r.conn.client.Opened()
		return
	}
	r.quit()
}

// OnPause ends the player. A later PLAY begins at the newest key frame again, or goes on with recordings.
func (h *handler) OnPause(c *gortsplib.ServerHandlerOnPauseCtx) (res *base.Response, err error) {
	defer h.survive(&res)
	r, is := c.Session.UserData().(*reader)
	if !is {
		return answer(base.StatusMethodNotValidInThisState, ""), nil
	}
	r.stop()
	r.conn.silent.Store(false)
	if r.show != nil { // it may look at a picture for long
		r.conn.client.Opened()
		return ok(), nil
	}
	r.leaves()
	r.conn.opened(h.cfg.ReadTimeout)
	return ok(), nil
}

// leaves ends the place at the gate: a later PLAY asks again.
func (r *reader) leaves() {
	if r.leave != nil {
		r.leave()
		r.leave = nil
	}
}

func (r *reader) stop() {
	if r.halt != nil {
		r.halt()
	}
}

// close ends the player of a session that has ended, and frees its ports. After TEARDOWN the connection is still open.
func (r *reader) close() {
	r.stop()
	r.closeReplay()
	r.conn.silent.Store(false)
	r.conn.opened(r.of.cfg.ReadTimeout)
	r.leaves()
	r.of.ports.release(r)
	close(r.gone)
}

// over, quit and freed implement portUser.
func (r *reader) over() bool {
	select {
	case <-r.conn.closed:
		return true
	default:
		return false
	}
}
func (r *reader) quit()                  { r.handle.Close() }
func (r *reader) freed() <-chan struct{} { return r.gone }

var errHalted = errors.New("the client plays no longer")

func (r *reader) outlet(ctx context.Context) play.Outlet {
	k, within := r.conn, r.of.cfg.WriteTimeout
	if r.replay != nil && r.replay.Unpaced() {
		within = replay.Patience
	}
	if r.to == nil {
		return &play.Interleaved{Context: ctx, Clock: r.of.cfg.Clock, Conn: k.conn, Writing: &k.writing, Within: within, Client: k.client}
	}
	return &play.Datagrams{Context: ctx, Clock: r.of.cfg.Clock, Packets: r.of.numbers, Reports: r.of.reports, To: maps.Clone(r.to), Client: k.client}
}
