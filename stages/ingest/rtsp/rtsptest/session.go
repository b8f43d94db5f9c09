package rtsptest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Request is a client's request.
type Request struct {
	Method, URL string
	Header      map[string]string // keys in lower case
	Body        string
}

// Response is an answer of the camera.
type Response struct {
	Status int
	Reason string
	Header []string // whole lines without line ends
	Body   string
}

// Set replaces the headers with a name by one with a value; with an empty value it only removes them.
func (r *Response) Set(name, value string) {
	kept := r.Header[:0]
	for _, line := range r.Header {
		if before, _, _ := strings.Cut(line, ":"); !strings.EqualFold(before, name) {
			kept = append(kept, line)
		}
	}
	if r.Header = kept; value != "" {
		r.Header = append(r.Header, name+": "+value)
	}
}

// Exchange is a request and its answer, which a Quirk.Answer may change.
type Exchange struct {
	Session  *Session
	Request  *Request
	Response *Response // nil: the camera sends no answer
	N        int       // number of earlier requests with this method in the session
	HangUp   bool      // the camera closes the connection after the answer
}

// Session is one connection of a client to the camera.
type Session struct {
	camera    *Camera
	nc        net.Conn
	in        *bufio.Reader
	quirk     *Quirk
	path      string // the requested path; it cannot change after the first SETUP
	id        string
	clip      *Clip
	nonce     string         // of the newest challenge; empty: the next challenge makes another
	nonces    int            // number of nonces made
	usedNonce string         // the nonce of the newest accepted request, in quirks where a nonce is valid once
	asked     map[string]int // number of requests by method
	done      chan struct{}  // closed when the client has left
	alive     time.Time      // arrival of the newest request

	senders []*Sender
	playing atomic.Bool

	writing sync.Mutex
	frames  int // number of interleaved frames sent
	cseq    int // of the newest request of the camera's own

	mu      sync.Mutex
	answers map[string]string // status lines of the answers to the camera's own requests, by CSeq
	another chan struct{}     // closed when the next such answer arrives
}

func newSession(c *Camera, nc net.Conn) *Session {
	return &Session{
		camera: c, nc: nc, in: bufio.NewReader(nc), quirk: quirks["good"], path: "good", id: "1804289383", asked: map[string]int{},
		done: make(chan struct{}), answers: map[string]string{}, another: make(chan struct{}),
	}
}

// grace is the factor by which the camera extends a session's timeout, so that a busy test machine ends no session.
const grace = 4

// serve answers requests until the client leaves, or sends none for too long.
func (s *Session) serve() {
	defer s.leave()
	s.alive = time.Now()
	for {
		if err := s.nc.SetReadDeadline(s.alive.Add(grace * s.quirk.Timeout)); err != nil {
			return
		}
		r, err := s.read()
		if err != nil {
			return
		}
		if r == nil {
			continue
		}
		s.alive = time.Now()
		if !s.exchange(r) {
			return
		}
	}
}

// leave stops the media after the client has left.
func (s *Session) leave() {
	close(s.done)
	s.closeUDP()
}

// read returns the next request. It returns nil after an interleaved frame, or an answer to a request of the camera's
// own, which it records.
func (s *Session) read() (*Request, error) {
	first, err := s.in.Peek(1)
	if err != nil {
		return nil, err
	}
	if first[0] == '$' {
		head := make([]byte, 4)
		if _, err := io.ReadFull(s.in, head); err != nil {
			return nil, err
		}
		_, err := s.in.Discard(int(head[2])<<8 | int(head[3]))
		return nil, err
	}
	line, err := s.in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	r := &Request{Header: map[string]string{}}
	for {
		h, err := s.in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if h = strings.TrimSpace(h); h == "" {
			break
		}
		name, value, _ := strings.Cut(h, ":")
		r.Header[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	if n, err := strconv.Atoi(r.Header["content-length"]); err == nil && n > 0 && n < 1<<16 {
		body := make([]byte, n)
		if _, err := io.ReadFull(s.in, body); err != nil {
			return nil, err
		}
		r.Body = string(body)
	}
	if strings.HasPrefix(line, "RTSP/") {
		s.mu.Lock()
		s.answers[r.Header["cseq"]] = strings.TrimSpace(line)
		close(s.another)
		s.another = make(chan struct{})
		s.mu.Unlock()
		return nil, nil
	}
	r.Method, r.URL, _ = strings.Cut(strings.TrimSpace(line), " ")
	r.URL, _, _ = strings.Cut(r.URL, " ")
	return r, nil
}

// exchange answers a request. It reports whether the connection continues.
func (s *Session) exchange(r *Request) bool {
	x := &Exchange{Session: s, Request: r, N: s.asked[r.Method]}
	s.asked[r.Method]++
	x.Response = s.answer(r)
	if s.quirk.Answer != nil {
		s.quirk.Answer(x)
	}
	if x.Response != nil {
		x.Response.Header = append([]string{"CSeq: " + r.Header["cseq"]}, x.Response.Header...)
		b := x.Response.bytes()
		if s.quirk.Bytes != nil {
			b = s.quirk.Bytes(b)
		}
		if s.Write(b) != nil {
			return false
		}
		if r.Method == "PLAY" && x.Response.Status == 200 && !s.playing.Swap(true) {
			s.camera.began(s)
			s.camera.running.Go(s.play)
		}
	}
	return !x.HangUp && r.Method != "TEARDOWN"
}

func (r *Response) bytes() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "RTSP/1.0 %d %s\r\n", r.Status, r.Reason)
	for _, h := range r.Header {
		b.WriteString(h + "\r\n")
	}
	if r.Body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
	}
	return []byte(b.String() + "\r\n" + r.Body)
}

// Write sends bytes unchanged, between two interleaved frames.
func (s *Session) Write(b []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.nc.SetWriteDeadline(time.Now().Add(patience))
	_, err := s.nc.Write(b)
	return err
}

// Ask sends a request of the camera's own to the client, with lines as further headers, and returns its CSeq. It does
// not wait for the answer: see answered.
func (s *Session) Ask(method string, lines ...string) string {
	s.cseq++
	seq := strconv.Itoa(s.cseq)
	text := method + " rtsp://" + s.nc.LocalAddr().String() + "/" + s.path + " RTSP/1.0\r\nCSeq: " + seq + "\r\nSession: " + s.id + "\r\n"
	for _, l := range lines {
		text += l + "\r\n"
	}
	_ = s.Write([]byte(text + "\r\n"))
	return seq
}

// answered waits for the client's answer to a request of the camera's own. It returns false if the client leaves, or
// after patience.
func (s *Session) answered(cseq string) bool {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		s.mu.Lock()
		line, next := s.answers[cseq], s.another
		s.mu.Unlock()
		if line != "" {
			return true
		}
		select {
		case <-next:
		case <-s.done:
			return false
		case <-late.C:
			return false
		}
	}
}

// HangUp closes the sending side of the connection, after the data sent so far and without RTSP notice.
func (s *Session) HangUp() { _ = s.nc.(interface{ CloseWrite() error }).CloseWrite() }

func refuse(status int, reason string) *Response { return &Response{Status: status, Reason: reason} }

// answer returns a good camera's answer to a request, or a challenge if the quirk has access control. The caller
// applies Quirk.Answer and Quirk.Bytes to it.
func (s *Session) answer(r *Request) *Response {
	u, err := url.Parse(r.URL)
	if err != nil {
		return refuse(400, "Bad Request")
	}
	name, control, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if q := quirkOf(name); q != nil && (s.clip == nil || name != s.path && len(s.senders) == 0) {
		s.quirk, s.path, s.clip = q, name, s.camera.Clip(name)
		s.camera.visited(name)
	}
	if r.Method == "OPTIONS" {
		return &Response{Status: 200, Reason: "OK", Header: []string{"Public: " + s.quirk.Public}}
	}
	if s.clip == nil || name != s.path {
		return refuse(404, "Stream Not Found")
	}
	if challenge := s.challenge(r); challenge != nil {
		return challenge
	}
	switch r.Method {
	case "DESCRIBE":
		return &Response{Status: 200, Reason: "OK", Body: s.description(), Header: []string{
			"Content-Type: application/sdp", "Content-Base: " + strings.TrimSuffix(r.URL, "/") + "/",
		}}
	case "SETUP":
		return s.setup(r, control)
	case "PLAY":
		if len(s.senders) == 0 {
			return refuse(455, "Method Not Valid in This State")
		}
		return &Response{Status: 200, Reason: "OK", Header: []string{"Session: " + s.id, "Range: npt=0.000-", "RTP-Info: " + s.info(u)}}
	case "GET_PARAMETER", "SET_PARAMETER", "PAUSE", "TEARDOWN":
		return &Response{Status: 200, Reason: "OK", Header: []string{"Session: " + s.id}}
	}
	return refuse(501, "Not Implemented")
}

// info returns the value of RTP-Info: sequence number and RTP time of the first packet of each track.
func (s *Session) info(u *url.URL) string {
	var out []string
	for _, k := range s.senders {
		_, _, pts := k.Track.at(0)
		out = append(out, fmt.Sprintf("url=rtsp://%s/%s/trackID=%d;seq=%d;rtptime=%d", u.Host, s.path, k.Index, k.seq, k.base+uint32(pts)))
	}
	return strings.Join(out, ",")
}

// setup answers SETUP of a track, with the transport that the client requested.
func (s *Session) setup(r *Request, control string) *Response {
	i, err := strconv.Atoi(strings.TrimPrefix(control, "trackID="))
	if err != nil || i < 0 || i >= len(s.clip.Tracks) {
		return refuse(404, "Track Not Found")
	}
	k := newSender(s, i)
	wish := transport(r.Header["transport"])
	kind := "RTP/AVP/TCP;unicast;interleaved=" + wish["interleaved"]
	switch {
	case wish["interleaved"] != "" && !s.quirk.NoTCP:
		if k.channel, err = strconv.Atoi(before(wish["interleaved"], "-")); err != nil {
			return refuse(400, "Bad Request")
		}
	case wish["client_port"] != "":
		if kind, err = k.openUDP(wish["client_port"]); err != nil {
			return refuse(500, "Internal Server Error")
		}
	default:
		return refuse(461, "Unsupported Transport")
	}
	s.senders = append(s.senders, k)
	timeout := max(1, int(s.quirk.Timeout/time.Second))
	return &Response{Status: 200, Reason: "OK", Header: []string{
		fmt.Sprintf("Transport: %s;ssrc=%08X;mode=\"PLAY\"", kind, k.SSRC), fmt.Sprintf("Session: %s;timeout=%d", s.id, timeout),
	}}
}

// transport returns the parameters of a Transport header by name.
func transport(line string) map[string]string {
	out := map[string]string{}
	for item := range strings.SplitSeq(line, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		out[key] = value
	}
	return out
}

func before(s, sep string) string {
	head, _, _ := strings.Cut(s, sep)
	return head
}

func (c *Camera) visited(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.visitors[name]++
}

func (c *Camera) began(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[s.path] = append(c.sessions[s.path], s)
}
