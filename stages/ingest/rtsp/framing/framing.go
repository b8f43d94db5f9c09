// Package framing finds where the messages of an RTSP connection end: requests, responses and interleaved frames
// (RFC 2326, 10.12). A server can then take frames from the connection itself and leave the other messages to a library
// that reads the same connection.
package framing

import (
	"bytes"
	"strconv"
)

// FrameHeadBytes is the size of the head of an interleaved frame: '$', the channel, and the size of the payload.
const FrameHeadBytes = 4

// maxLineBytes is the length of the longest line of a request or response: longer ones are refused by gortsplib, too.
const maxLineBytes = 4 << 10

// Reader follows the bytes of one direction of a connection. The zero value is at the beginning of a message.
//
// A Reader is strict: it stops following a connection whose bytes two readers could divide differently, such as text
// that is no RTSP, a header line without a colon, or two lengths of one body. Between then returns false for ever.
type Reader struct {
	lost      bool
	head      []byte // the received part of a frame's head
	rest      int    // bytes of the frame or of the body that have not come
	line      []byte // the received part of a line of a request or response
	text      bool   // the header of a request or response has begun, and has not ended
	first     bool   // the present line is the first one of a header
	bodyBytes int    // value of Content-Length of this header; -1: none so far
}

// Between reports whether a message begins with the next byte.
func (r *Reader) Between() bool { return !r.lost && !r.text && r.rest == 0 && len(r.head) == 0 }

// Next takes the next bytes of the connection, up to the end of the present message, and returns their number. It takes
// at least one byte, unless b is empty. Once the Reader has stopped following, it takes all bytes.
func (r *Reader) Next(b []byte) (n int) {
	for n < len(b) {
		switch {
		case r.lost:
			return len(b)
		case r.rest > 0:
			k := min(r.rest, len(b)-n)
			r.rest -= k
			n += k
		case r.text:
			r.textByte(b[n])
			n++
		case len(r.head) > 0 || b[n] == '$':
			r.headByte(b[n])
			n++
		default:
			r.firstByte(b[n])
			n++
		}
		if r.Between() {
			return n
		}
	}
	return n
}

// Frame returns the interleaved frame at the beginning of b, without taking it. size is the size of the whole frame, of
// which b may contain only a part: payload is nil then. size is 0 if b does not begin with the head of a frame.
func Frame(b []byte) (channel byte, payload []byte, size int) {
	if len(b) < FrameHeadBytes || b[0] != '$' {
		return 0, nil, 0
	}
	size = FrameHeadBytes + (int(b[2])<<8 | int(b[3]))
	if size <= len(b) {
		payload = b[FrameHeadBytes:size:size]
	}
	return b[1], payload, size
}

func (r *Reader) headByte(c byte) {
	r.head = append(r.head, c)
	if len(r.head) == FrameHeadBytes {
		r.rest = int(r.head[2])<<8 | int(r.head[3])
		r.head = r.head[:0]
	}
}

// firstByte begins a request or response. It skips an end of line, which some clients send after a body.
func (r *Reader) firstByte(c byte) {
	if c == '\r' || c == '\n' {
		return
	}
	r.text, r.first, r.bodyBytes, r.line = true, true, -1, append(r.line[:0], c)
}

func (r *Reader) textByte(c byte) {
	r.line = append(r.line, c)
	if c != '\n' {
		r.lost = len(r.line) > maxLineBytes
		return
	}
	line, ended := bytes.CutSuffix(r.line, []byte("\r\n"))
	switch {
	case !ended:
		r.lost = true
	case r.first:
		r.first, r.lost = false, !isFirstLine(line)
	case len(line) == 0:
		r.text, r.rest = false, max(r.bodyBytes, 0)
	default:
		r.lost = !r.headerLine(line)
	}
	r.line = r.line[:0]
}

// isFirstLine reports whether a line is the first one of a request or response of RTSP 1.0.
func isFirstLine(line []byte) bool {
	if bytes.Count(line, []byte(" ")) < 2 || bytes.IndexByte(line, '\r') >= 0 {
		return false
	}
	return bytes.HasSuffix(line, []byte(" RTSP/1.0")) || bytes.HasPrefix(line, []byte("RTSP/1.0 "))
}

// headerLine takes a header line, and returns false if it is faulty.
func (r *Reader) headerLine(line []byte) bool {
	name, value, found := bytes.Cut(line, []byte(":"))
	if !found || bytes.IndexByte(line, '\r') >= 0 {
		return false
	}
	if !bytes.EqualFold(bytes.TrimSpace(name), []byte("Content-Length")) {
		return true
	}
	n, err := strconv.ParseUint(string(bytes.TrimLeft(value, " ")), 10, 31)
	if err != nil || r.bodyBytes >= 0 || len(name) != len("Content-Length") {
		return false
	}
	r.bodyBytes = int(n)
	return true
}
