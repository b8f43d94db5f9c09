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
	"github.com/gospool/spool/stages/ingest"
)

// connState is the server's state of one client connection.
type connState struct {
	*serverConn
	remote     string
	addr       netip.Addr
	request    *base.Request // the newest request; nil after its response
	verdict    verdict       // the decision on the newest ANNOUNCE
	challenged bool          // the client got a challenge, and a deadline for its answer
	nonce      string        // the nonce of all challenges; empty before the first
	path       string        // the announced stream; empty before ANNOUNCE and after RECORD
	user       string        // the user that announced path; empty without an Authorizer
	release    func()        // frees the slot in Server.reading, if the connection holds one
	described  *described    // the stream that the client may play; nil before DESCRIBE
	reads      *reader       // the newest session that was set up to play; nil: none
}

func newConnState(c *gortsplib.ServerConn) *connState {
	k := &connState{serverConn: c.NetConn().(*serverConn), remote: c.NetConn().RemoteAddr().String(), release: func() {}}
	if ap, err := netip.ParseAddrPort(k.remote); err == nil {
		k.addr = ap.Addr().Unmap()
	}
	return k
}

func connStateOf(c *gortsplib.ServerConn) *connState { return c.UserData().(*connState) }

// mustRecord sets the deadline for RECORD after an accepted ANNOUNCE, to now plus within. Another ANNOUNCE before
// RECORD does not extend the deadline.
func (k *connState) mustRecord(path, user string, within time.Duration) {
	if k.path == "" {
		k.announced(path, user, within)
	}
	k.path, k.user = path, user
}

// records removes the bounds of a connection (see serverConn), because its client has sent RECORD.
func (k *connState) records() {
	k.serverConn.records(k.path, k.user)
	k.path, k.user = "", ""
}

// verdict is the server's decision on an ANNOUNCE.
type verdict struct {
	user   string         // the authorized user
	answer *base.Response // the response to a refused ANNOUNCE; nil: accepted
	err    error          // the error for gortsplib, at which it closes the connection; may be nil
}

// maxDescriptionBytes is the length of the longest session description that the server accepts.
const maxDescriptionBytes = 16 << 10

// readAtOnce is the number of session descriptions that the server reads at the same time. Further clients wait.
const readAtOnce = 2

// placeholder is a valid session description. It replaces a description that the server refuses: gortsplib calls
// OnAnnounce, which sends the refusal, only after it has read a description.
const placeholder = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 0 RTP/AVP 96\r\na=rtpmap:96 none/90000\r\n"

// judge decides on an ANNOUNCE before gortsplib reads its session description, and stores the decision in k.verdict. It
// checks the client and the path first, then the description. It replaces the body of req by the canonical form of the
// description, or by placeholder if it refuses the ANNOUNCE: gortsplib never reads the text that the client sent.
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
	req.Header["Content-Type"] = base.HeaderValue{"application/sdp"} // encoders spell it differently, or omit it
}

// verdict returns the decision on an ANNOUNCE whose body had length bytes when it arrived. If the ANNOUNCE is accepted,
// the body of req is the canonical form of the description, and k holds one of the readAtOnce slots in Server.reading
// until k.release.
func (h *handler) verdict(k *connState, req *base.Request, length int) (out verdict) {
	defer h.survive(&out.answer)
	path := streamPath(req.URL.Path)
	log := h.strangers.With("stream", path, "remote", k.remote)
	refuse := func(code base.StatusCode, reason string, why any) verdict {
		h.clients.RefusedPublisher()
		log.Warn("publisher refused", "error", why)
		return verdict{answer: answer(code, reason)}
	}
	user, refusal := h.authorize(k, req, path, ingest.ActionPublish)
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

// onOneLine returns the text of an error for a status line: printable ASCII, 200 bytes at most.
func onOneLine(err error) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, err.Error())
	return text[:min(len(text), 200)]
}
