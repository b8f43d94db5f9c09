package client

import (
	"bytes"
	"fmt"
)

// errEndless is the error of a session description without Content-Length that exceeds maxBodyBytes.
var errEndless = fmt.Errorf("the session description, which has no Content-Length, is longer than %d KiB", maxBodyBytes>>10)

// endless reads a session description whose answer has no Content-Length: lines of the form x=..., up to the first line
// of another form, or up to an error such as a deadline. With an error it also returns the bytes that it has read;
// their last line may have no end. It calls wait before each wait for further bytes, so that the caller can set a
// deadline.
func (r *reader) endless(wait func()) (out []byte, err error) {
	for {
		if is, err := r.describes(wait); !is {
			return out, err
		}
		for end := false; !end; {
			b, err := r.peek(1, wait)
			switch {
			case err != nil:
				return out, err
			case len(out) == maxBodyBytes:
				return out, errEndless
			}
			out, end = append(out, b[0]), b[0] == '\n'
			_, _ = r.br.Discard(1)
		}
	}
}

// describes reports whether the next bytes begin a line of a session description. It does not consume them. It calls
// wait before it waits for a byte.
func (r *reader) describes(wait func()) (bool, error) {
	b, err := r.peek(1, wait)
	if err != nil || b[0] < 'a' || b[0] > 'z' {
		return false, err
	}
	b, err = r.peek(2, wait)
	return err == nil && b[1] == '=', err
}

// peek returns the next n bytes and does not consume them. It calls wait before it waits for the last of them. The
// caller has peeked at the first n-1 bytes, so peek waits once at most.
func (r *reader) peek(n int, wait func()) ([]byte, error) {
	if r.br.Buffered() < n {
		wait()
	}
	return r.br.Peek(n)
}

// isDescription reports whether a body is a session description. It ignores Content-Type, which cameras spell in many
// ways.
func isDescription(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n\ufeff")
	return bytes.HasPrefix(body, []byte("v=")) || bytes.HasPrefix(body, []byte("m=")) || bytes.Contains(body, []byte("\nm="))
}
