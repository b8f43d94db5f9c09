package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// message is a frame of media, an answer or a request from the server. The payload of a frame is valid until the next
// message.
type message struct {
	kind    kind
	channel int    // of a frame
	payload []byte // of a frame
	status  int    // of an answer
	reason  string // of an answer
	method  string // of a request
	url     string // of a request
	header  header
	body    []byte
}

type kind uint8

const (
	frame kind = iota
	answer
	request
)

// String returns the kind with its article, such as "a frame", for errors.
func (k kind) String() string { return [...]string{"a frame", "an answer", "a request"}[k] }

// header holds the headers of a message by key in lower case. The values have no control characters except tabs.
type header map[string][]string

func (h header) get(key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// reader divides the bytes of a connection into messages. It accepts lines that end with LF alone, blank lines and
// other bytes between messages, and headers in upper or lower case.
type reader struct {
	br        *bufio.Reader
	buf       []byte         // memory for the payload of a frame
	known     func(int) bool // reports whether media may arrive on a channel
	malformed func()         // called once per run of bytes that are no message
	lost      bool           // the newest bytes were no message
	took      bool           // the current attempt to read a message has consumed a line
}

func newReader(r io.Reader, known func(int) bool, malformed func()) *reader {
	return &reader{br: bufio.NewReaderSize(r, 4<<10), buf: make([]byte, 2<<10), known: known, malformed: malformed}
}

// next reads one message into m, and skips bytes before it that are no message.
func (r *reader) next(m *message) error {
	for {
		b, err := r.br.Peek(1)
		if err != nil {
			return err
		}
		is := false
		r.took = false
		switch c := b[0]; {
		case c == '\r' || c == '\n':
			_, _ = r.br.Discard(1)
			continue
		case c == '$':
			is, err = r.frame(m)
		case isLetter(c):
			is, err = r.text(m)
		}
		if err != nil {
			return err
		}
		if is {
			r.lost = false
			return nil
		}
		if !r.lost {
			r.lost = true
			r.malformed()
		}
		if !r.took {
			_, _ = r.br.Discard(1)
		}
	}
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }

// errHTTP is the error of a connection on which a web server answers.
var errHTTP = errors.New("a web server answers, not an RTSP server: check the port")

// text reads an answer or a request into m. It returns false if the next bytes are neither; it may have consumed a line
// then, and has set r.took if so.
func (r *reader) text(m *message) (bool, error) {
	word, err := r.firstWord()
	if err != nil || word == "" {
		return false, err
	}
	upper := strings.ToUpper(word)
	if strings.HasPrefix(upper, "HTTP/") && !r.lost {
		return false, errHTTP
	}
	of := request
	if strings.HasPrefix(upper, "RTSP/") {
		of = answer
	} else if word != upper || strings.ContainsAny(word, "/.0123456789") {
		return false, nil
	}
	line, err := r.line(of)
	if err != nil {
		return false, err
	}
	if of == answer {
		return r.answer(m, line)
	}
	return r.request(m, line)
}

// firstWord returns the next bytes up to a space, and does not consume them. It returns an empty string if they cannot
// begin an answer or a request.
func (r *reader) firstWord() (string, error) {
	const longest = 24
	for i := 1; i <= longest; i++ {
		b, err := r.br.Peek(i)
		if err != nil {
			return "", err
		}
		switch c := b[i-1]; {
		case c == ' ' && i > 3:
			return string(b[:i-1]), nil
		case !isLetter(c) && !strings.ContainsRune("_/.0123456789", rune(c)):
			return "", nil
		}
	}
	return "", nil
}

// answer reads an answer into m: line is its first line, such as RTSP/1.0 200 OK, and the rest follows. It returns
// false if line is no status line.
func (r *reader) answer(m *message, line string) (bool, error) {
	fields := strings.Fields(line)
	status, err := strconv.Atoi(fields[min(1, len(fields)-1)])
	if err != nil || status < 100 || status > 999 {
		return false, nil
	}
	*m = message{kind: answer, status: status, reason: strings.Join(fields[2:], " ")}
	return true, r.rest(m)
}

// request reads a request into m: line is its first line, METHOD URL RTSP/1.0, and the rest follows. It returns false
// if line is no request line.
func (r *reader) request(m *message, line string) (bool, error) {
	fields := strings.Fields(line)
	if len(fields) < 3 || !strings.HasPrefix(fields[len(fields)-1], "RTSP/") {
		return false, nil
	}
	*m = message{kind: request, method: fields[0], url: fields[1]}
	return true, r.rest(m)
}

// rest reads the headers and the body of a message.
func (r *reader) rest(m *message) error {
	m.header = header{}
	last, size := "", 0
	for n := 0; ; n++ {
		line, err := r.line(m.kind)
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		if size += len(line); size > maxHeadBytes || n == maxHeaders {
			return fmt.Errorf("%s has more than %d headers or %d KiB of them", m.kind, maxHeaders, maxHeadBytes>>10)
		}
		if values := m.header[last]; (line[0] == ' ' || line[0] == '\t') && len(values) > 0 {
			values[len(values)-1] += " " + strings.TrimSpace(line)
			continue
		}
		key, value, is := strings.Cut(line, ":")
		if !is {
			continue
		}
		last = strings.ToLower(strings.TrimSpace(key))
		m.header[last] = append(m.header[last], strings.TrimSpace(value))
	}
	return r.body(m)
}

func (r *reader) body(m *message) error {
	text := m.header.get("content-length")
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return fmt.Errorf("%s has a Content-Length of %.20q", m.kind, text)
	}
	if n > maxBodyBytes {
		return fmt.Errorf("%s has a body of %d bytes; at most %d KiB are read", m.kind, n, maxBodyBytes>>10)
	}
	m.body = make([]byte, n)
	_, err = io.ReadFull(r.br, m.body)
	return err
}

// line reads a line of an answer or of a request; of is one of these kinds, for errors. It returns the line without its
// end, without control characters other than tabs, and without trailing blanks. A line of more than maxLineBytes is an
// error.
func (r *reader) line(of kind) (string, error) {
	r.took = true
	var out []byte
	for {
		c, err := r.br.ReadByte()
		switch {
		case err != nil:
			return "", err
		case c == '\n':
			return string(bytes.TrimRight(out, " \t")), nil
		case len(out) == maxLineBytes:
			return "", fmt.Errorf("%s has a line of more than %d bytes", of, maxLineBytes)
		case c >= ' ' || c == '\t':
			out = append(out, c)
		}
	}
}
