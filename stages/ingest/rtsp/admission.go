package rtsp

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/gospool/spool/pipeline/streampath"
)

// connState is the handler's state of a connection.
type connState struct {
	*serverConn
	remote     string
	addr       netip.Addr
	request    *base.Request // the newest
	verdict    verdict       // on its newest ANNOUNCE
	challenged bool          // the server has asked for its credentials
	nonce      string        // of its challenges; empty before the first
	path       string        // of the announced stream, since it connected or last recorded
	user       string        // the name accepted for path
	release    func()        // releases the slot for reading a description
}

func newConnState(c *gortsplib.ServerConn) *connState {
	k := &connState{serverConn: c.NetConn().(*serverConn), remote: c.NetConn().RemoteAddr().String(), release: func() {}}
	if ap, err := netip.ParseAddrPort(k.remote); err == nil {
		k.addr = ap.Addr().Unmap()
	}
	return k
}

func connStateOf(c *gortsplib.ServerConn) *connState { return c.UserData().(*connState) }

// mustRecord bounds the time from a client's ANNOUNCE to RECORD, whatever other requests it sends, another ANNOUNCE
// included.
func (k *connState) mustRecord(path, user string, within time.Duration) {
	if k.path == "" {
		k.announced(path, user, within)
	}
	k.path, k.user = path, user
}

// records removes the bounds.
func (k *connState) records() {
	k.serverConn.records(k.path, k.user)
	k.path, k.user = "", ""
}

// verdict is the decision on an ANNOUNCE.
type verdict struct {
	user   string
	answer *base.Response // the refusal, or nil
	err    error          // for gortsplib, with the answer
}

// maxDescriptionBytes is the longest accepted session description, in bytes.
const maxDescriptionBytes = 16 << 10

// readAtOnce is the number of descriptions that are read at once; other clients wait.
const readAtOnce = 2

// placeholder replaces a description that was not read or is refused: gortsplib asks for an answer only after it has
// read a description.
const placeholder = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 0 RTP/AVP 96\r\na=rtpmap:96 none/90000\r\n"

// judge decides on an ANNOUNCE before gortsplib reads its description: first by the client and the path, then by the
// description's form, which it finally rewrites into a readable one. The remaining request costs gortsplib little,
// whatever the client sent.
func (h *handler) judge(k *connState, req *base.Request) {
	length := len(req.Body)
	if length > maxDescriptionBytes {
		req.Body = nil
	}
	k.answered()
	k.verdict = h.verdict(k, req, length)
	if k.verdict.answer != nil {
		req.Body = []byte(placeholder)
	}
	req.Header["Content-Type"] = base.HeaderValue{"application/sdp"} // encoders spell it in many ways, or leave it out
}

func (h *handler) verdict(k *connState, req *base.Request, length int) (out verdict) {
	defer h.survive(&out.answer)
	path := streamPath(req.URL.Path)
	log := h.strangers.With("stream", path, "remote", k.remote)
	refuse := func(code base.StatusCode, reason string, why any) verdict {
		h.clients.RefusedPublisher()
		log.Warn("publisher refused", "error", why)
		return verdict{answer: answer(code, reason)}
	}
	user, refusal := h.authorize(k, req, path)
	if refusal != nil {
		return *refusal
	}
	if err := streampath.Check(path); err != nil {
		return refuse(base.StatusBadRequest, "Bad Stream Path", err)
	}
	if length > maxDescriptionBytes {
		why := fmt.Sprintf("the session description is %d bytes long, at most %d are read", length, maxDescriptionBytes)
		return refuse(base.StatusRequestEntityTooLarge, why, why)
	}
	if !isDescription(req.Header, req.Body) {
		return refuse(base.StatusBadRequest, "No Session Description", "what it sent is no session description")
	}
	h.reading <- struct{}{}
	k.release = sync.OnceFunc(func() { <-h.reading })
	if k.hungUp() {
		return refuse(base.StatusRequestTimeout, "", "the client hung up")
	}
	h.descriptions.Add(1)
	body, err := readable(req.Body)
	if err != nil {
		h.clients.RefusedPublisher()
		log.Warn("publisher refused: its session description cannot be read", "error", err)
		return verdict{answer: answer(base.StatusBadRequest, onOneLine(err))}
	}
	req.Body = body
	return verdict{user: user}
}

// onOneLine returns an error in the form of a status line.
func onOneLine(err error) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, err.Error())
	return text[:min(len(text), 200)]
}
