package client

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// StatusError is a refusal of a request.
type StatusError struct {
	Method string
	Status int
	Reason string
}

// Error returns the server's status and reason.
func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %d %s", e.Method, e.Status, e.Reason))
}

// statusOf returns the status of a refusal; 0 for any other error.
func statusOf(err error) int {
	if refusal := (*StatusError)(nil); errors.As(err, &refusal) {
		return refusal.Status
	}
	return 0
}

// errNoAnswer is the error of a request without an answer in time.
var errNoAnswer = errors.New("no answer came")

// pending is a request without an answer.
type pending struct {
	cseq   int
	method string
	nonce  string // with which it was sent
	stay   bool   // its answer goes to stayed
}

// attempts is the number of attempts of a request: without credentials, with them, and with a new nonce.
const attempts = 3

// do sends a request and returns its answer, which is 2xx; any other answer is an error. It sends credentials only on
// request.
func (c *Client) do(method, url string, headers ...string) (*message, error) {
	for i := 1; ; i++ {
		p, err := c.send(method, url, false, headers...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", method, err)
		}
		res, err := c.await(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", method, err)
		}
		if res.status == 401 {
			if err = c.challenged(p, res); err == nil && i == attempts {
				err = ErrCredentials
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", method, err)
			}
			continue
		}
		c.accepted(p)
		switch {
		case res.status >= 300 && res.status < 400 && res.status != 304:
			return nil, c.redirection(res.header.get("location"))
		case res.status >= 300:
			return res, &StatusError{method, res.status, res.reason}
		}
		c.tookSession(res)
		return res, nil
	}
}

// challenged takes the challenge of an answer of 401, for another attempt. It returns an error if another attempt is
// useless: the credentials were refused, and not because of a nonce that has become stale.
func (c *Client) challenged(p pending, res *message) error {
	challenges := readChallenges(res.header["www-authenticate"])
	switch {
	case c.credentials == nil:
		return errNoCredentials
	case len(challenges) == 0:
		return errors.New("401 without a WWW-Authenticate that can be read")
	}
	proven := c.credentials.proven
	if err := c.credentials.take(challenges); err != nil {
		return err
	}
	now := c.credentials.challenge
	if p.nonce != "" && !now.stale() && (!proven || now.nonce() == p.nonce) {
		return ErrCredentials
	}
	return nil
}

// accepted records that the server accepts the credentials, if the request carried them.
func (c *Client) accepted(p pending) {
	if p.nonce != "" && p.nonce == c.credentials.challenge.nonce() {
		c.credentials.proven = true
	}
}

// send writes a request.
func (c *Client) send(method, url string, stay bool, headers ...string) (pending, error) {
	c.cseq++
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s RTSP/1.0\r\nCSeq: %d\r\nUser-Agent: spool\r\n", method, url, c.cseq)
	if c.session != "" {
		fmt.Fprintf(&b, "Session: %s\r\n", c.session)
	}
	p := pending{cseq: c.cseq, method: method, stay: stay}
	if a := c.credentials.header(method, url); a != "" {
		fmt.Fprintf(&b, "Authorization: %s\r\n", a)
		p.nonce = c.credentials.challenge.nonce()
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n")
	if len(c.pending) == maxPending {
		c.pending = slices.Delete(c.pending, 0, 1)
	}
	c.pending = append(c.pending, p)
	return p, c.write([]byte(b.String()))
}

// write sends bytes on the connection.
func (c *Client) write(b []byte) error {
	if c.nc == nil || c.broken {
		return net.ErrClosed
	}
	if !c.closing {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		_ = c.nc.SetWriteDeadline(time.Now().Add(c.WriteTimeout))
	}
	if _, err := c.nc.Write(b); err != nil {
		c.broken = true
		return err
	}
	return nil
}

// await reads until a request is answered.
func (c *Client) await(p pending) (*message, error) {
	c.answerBy = time.Now().Add(c.ReadTimeout)
	if c.closing {
		c.answerBy = c.stopBy
	}
	c.due = c.answerBy
	defer func() { c.answerBy = time.Time{} }()
	for {
		if err := c.in.next(&c.msg); err != nil {
			return nil, ended(err)
		}
		of, err := c.handle(&c.msg)
		if err != nil {
			return nil, err
		}
		if of.cseq == p.cseq {
			out := c.msg // a frame takes its place
			return &out, nil
		}
	}
}

var errHungUp = errors.New("the server closed the connection")

// ended returns the meaning of an error at the end of a connection.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errHungUp
	}
	return err
}

// handle takes a message. For an answer it returns the request, whose cseq is 0 if none was pending.
func (c *Client) handle(m *message) (of pending, err error) {
	switch m.kind {
	case frame:
		c.frame(m.channel, m.payload)
	case request:
		return of, c.asks(m)
	case answer:
		if m.status < 200 { // more follows
			return of, nil
		}
		c.heard = c.readAt
		if of = c.answered(m); of.stay {
			return of, c.stayed(of, m)
		}
	}
	return of, nil
}

// answered finds the request of an answer: by CSeq, or the oldest if the CSeq is missing or wrong, since answers
// arrive in order.
func (c *Client) answered(m *message) (of pending) {
	if len(c.pending) == 0 {
		return of
	}
	at := 0
	if cseq, err := strconv.Atoi(m.header.get("cseq")); err == nil {
		at = max(0, slices.IndexFunc(c.pending, func(p pending) bool { return p.cseq == cseq }))
	}
	of = c.pending[at]
	c.pending = slices.Delete(c.pending, 0, at+1)
	return of
}

// tookSession reads the Session header, in any spelling: an identifier, and the seconds without a request after which
// the server ends the session.
func (c *Client) tookSession(res *message) {
	id, params, _ := strings.Cut(res.header.get("session"), ";")
	if id = strings.TrimSpace(id); id == "" {
		return
	}
	c.session = id
	for p := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "timeout") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 31)
		if err == nil {
			c.timeout = time.Duration(min(seconds, 86400)) * time.Second
		}
	}
}

// options asks for the server's methods. A missing or bad answer does not end the session.
func (c *Client) options() error {
	res, err := c.do("OPTIONS", c.asked)
	switch {
	case err == nil:
		c.tookMethods(res)
	case statusOf(err) != 0 || errors.Is(err, errNoAnswer):
	default:
		return err
	}
	return nil
}

func (c *Client) tookMethods(res *message) {
	for _, list := range res.header["public"] {
		for m := range strings.SplitSeq(list, ",") {
			if c.methods == nil {
				c.methods = map[string]bool{}
			}
			c.methods[strings.ToUpper(strings.TrimSpace(m))] = true
		}
	}
}

// readEndless reads a description of unknown length, which a silence ends.
func (c *Client) readEndless() []byte {
	c.answerBy = time.Now().Add(endlessSilence)
	c.due = c.answerBy
	defer func() { c.answerBy = time.Time{} }()
	return c.in.endless()
}

// endlessSilence is the silence that ends a description of unknown length.
const endlessSilence = 2 * time.Second

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
