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

// StatusError is the error of a request that the server refused with a status of 300 or more, except 401 and redirects.
type StatusError struct {
	Method string
	Status int
	Reason string
}

// Error returns the method, and the server's status and reason.
func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %d %s", e.Method, e.Status, e.Reason))
}

// statusOf returns the status of a StatusError, and 0 for any other error.
func statusOf(err error) int {
	if refusal := (*StatusError)(nil); errors.As(err, &refusal) {
		return refusal.Status
	}
	return 0
}

// errNoAnswer is the error of a request that the server did not answer in time.
var errNoAnswer = errors.New("no answer came")

// pending is a request that has not been answered yet.
type pending struct {
	cseq   int
	method string
	nonce  string // challenge.nonce of its credentials; empty: it had none
	stay   bool   // it is a keep-alive: stayed handles its answer
}

// attempts is the number of times that do sends a request: without credentials, with credentials, and with a new nonce.
const attempts = 3

// do sends a request and waits for its answer, which has a 2xx status. After a challenge it sends the request again
// with credentials. Any other answer is an error, such as a *StatusError, a *Redirect or ErrCredentials.
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

// challenged chooses, for another attempt, a challenge from res, an answer of 401 to p. It returns an error if another
// attempt is useless: the URL has no user, the answer has no challenge that take accepts, or the server has refused the
// password and not only a stale nonce.
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

// accepted records that the server accepts the credentials, if the request p had any.
func (c *Client) accepted(p pending) {
	if p.nonce != "" && p.nonce == c.credentials.challenge.nonce() {
		c.credentials.proven = true
	}
}

// send writes a request and appends it to pending. If maxPending requests are pending already, send removes the oldest
// from pending. stay marks a keep-alive.
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

// write sends bytes on the connection, within WriteTimeout.
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

// await handles messages until the server has answered p, and returns the answer. Without an answer within ReadTimeout
// it returns errNoAnswer.
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
			out := c.msg // the next message overwrites c.msg
			return &out, nil
		}
	}
}

var errHungUp = errors.New("the server closed the connection")

// ended returns errHungUp if err is the end of the connection, otherwise err.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errHungUp
	}
	return err
}

// handle handles a message. If it is an answer to a pending request with a status of 200 or more, handle returns that
// request. Otherwise it returns a request with CSeq 0. An error ends the session.
func (c *Client) handle(m *message) (of pending, err error) {
	switch m.kind {
	case frame:
		c.frame(m.channel, m.payload)
	case request:
		return of, c.asks(m)
	case answer:
		if m.status < 200 { // the final answer follows
			return of, nil
		}
		c.heard = c.readAt
		if of = c.answered(m); of.stay {
			return of, c.stayed(of, m)
		}
	}
	return of, nil
}

// answered removes the request that m answers from pending, with all older ones, and returns it. The request has the
// CSeq of m. If m has no CSeq, or an unknown one, the request is the oldest, since answers arrive in order. If no
// request is pending, the result has CSeq 0.
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

// tookSession stores the Session header of an answer, in any spelling: the identifier, and the time in seconds after
// which the server ends a session without requests.
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

// options sends OPTIONS and stores the methods that the server lists. A refusal or a missing answer is no error.
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

// readEndless reads a session description whose answer has no Content-Length. The description ends when the server is
// silent for endlessSilence, or at bytes that belong to no description. It is an error if the server closes the
// connection, or if the description does not end within ReadTimeout.
func (c *Client) readEndless() ([]byte, error) {
	end := time.Now().Add(c.ReadTimeout)
	silence := min(endlessSilence, c.ReadTimeout/2)
	silent := false // at answerBy the description ends; otherwise it is late
	defer func() { c.answerBy = time.Time{} }()
	body, err := c.in.endless(func() {
		c.answerBy = time.Now().Add(silence)
		if silent = c.answerBy.Before(end); !silent {
			c.answerBy = end
		}
		c.due = c.answerBy
	})
	switch {
	case errors.Is(err, errNoAnswer) && silent:
		return body, nil
	case errors.Is(err, errNoAnswer):
		return nil, fmt.Errorf("the session description, which has no Content-Length, has not ended within %s", c.ReadTimeout)
	}
	return body, ended(err)
}

// endlessSilence is the silence of the server that ends a session description without Content-Length; it is half of
// ReadTimeout if that is shorter.
const endlessSilence = 2 * time.Second

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
