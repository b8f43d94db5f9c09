package rtsp

import (
	"context"
	"errors"
	"net"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/replay"
)

// recorded returns the stream whose recordings have a path, unless a live stream has it.
func (h *handler) recorded(path string) (stream string, is bool) {
	stream, is = replay.StreamOf(path)
	return stream, is && h.cfg.Readers.Footage != nil && egress.Check(h.hub, path) != nil
}

// replays begins to play what a PLAY request says of the recordings. With an error a client that plays goes on as before.
func (r *reader) replays(request *base.Request, playing bool) (*base.Response, error) {
	q, err := replay.ParseRequest(request.Header)
	if err != nil {
		return nil, err
	}
	playing = playing && !r.idle()
	if playing && !q.Ranged && !q.Scaled { // a sign of life
		return ok(), nil
	}
	if err := r.halted(); err != nil {
		return nil, err
	}
	if r.played < len(r.tracks) { // a client may set up further tracks while it pauses
		r.closeReplay()
		r.replay, r.played = replay.NewPlayer(r.show, r.conn.client, r.tracks, r.of.cfg.Clock), len(r.tracks)
	}
	r.marked = r.marked || q.Marked
	q.Marked = r.marked
	a, err := r.replay.Play(whileConnected{context.Background(), r.conn.serverConn}, q)
	if err == nil || playing {
		err = errors.Join(err, r.begin(r.replay.Run))
	}
	if err != nil {
		return nil, err
	}
	r.info = a.RTPInfo(request.URL)
	return &base.Response{StatusCode: base.StatusOK, Header: a.Header()}, nil
}

// informed completes the response to a client that plays recordings. To a PLAY it adds RTP-Info in place of gortsplib's, which has no
// numbers. To a DESCRIBE it adds a base without query: clients resolve the URLs of tracks in different ways, and k.described has what the
// query says.
func (k *connState) informed(c *gortsplib.ServerConn, res *base.Response) {
	if k.request == nil || res.StatusCode != base.StatusOK {
		return
	}
	switch u := k.request.URL; {
	case k.request.Method == base.Describe && k.described != nil && k.described.show != nil:
		res.Header["Content-Base"] = base.HeaderValue{(&base.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path + "/"}).String()}
	case k.request.Method == base.Play && c.Session() != nil:
		if r, is := c.Session().UserData().(*reader); is && r.info != nil {
			res.Header["RTP-Info"], r.info = r.info, nil
		}
	}
}

func (r *reader) closeReplay() {
	if r.replay != nil {
		r.replay.Close()
	}
}

// idle reports whether no player is running: the footage has ended.
func (r *reader) idle() bool {
	select {
	case <-r.done:
		return true
	default:
		return r.done == nil
	}
}

// halted ends the player, and waits for its end.
func (r *reader) halted() error {
	if r.stop(); r.done == nil {
		return nil
	}
	select {
	case <-r.done:
		return nil
	case <-r.conn.closed:
		return net.ErrClosed
	}
}
