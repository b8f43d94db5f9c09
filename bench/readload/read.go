package readload

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// readHTTP reads an endless answer.
func readHTTP(ctx context.Context, url string, ready func(), w io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return copyTo(w, resp.Body, ready)
}

// copyTo copies, and calls ready after the first bytes.
func copyTo(w io.Writer, from io.Reader, ready func()) error {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		_, _ = w.Write(b[:n])
		if n > 0 {
			ready()
		}
		if err != nil {
			return err
		}
	}
}

// readRTSP plays all tracks of a stream over one TCP connection.
func readRTSP(ctx context.Context, address string, ready func(), w io.Writer) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	t := talk{c: c, in: bufio.NewReader(c)}
	head, body, err := t.ask("DESCRIBE", address, "Accept: application/sdp")
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(head.Get("Content-Base"), "/")
	if base == "" {
		base = address
	}
	tracks := 0
	for _, line := range strings.Split(body, "\r\n") {
		control, is := strings.CutPrefix(line, "a=control:")
		if !is || control == "*" {
			continue
		}
		if !strings.Contains(control, "://") {
			control = base + "/" + control
		}
		if head, _, err = t.ask("SETUP", control, fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d", 2*tracks, 2*tracks+1)); err != nil {
			return err
		}
		t.session, _, _ = strings.Cut(head.Get("Session"), ";")
		tracks++
	}
	if _, _, err = t.ask("PLAY", base); err != nil {
		return err
	}
	return copyTo(w, t.in, ready)
}

// talk is a connection to an RTSP server.
type talk struct {
	c       net.Conn
	in      *bufio.Reader
	session string
	n       int
}

// ask sends a request, and returns the header and the body of the response.
func (t *talk) ask(method, address string, headers ...string) (head textproto.MIMEHeader, body string, err error) {
	t.n++
	if t.session != "" {
		headers = append(headers, "Session: "+t.session)
	}
	request := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n", method, address, t.n, strings.Join(append(headers, ""), "\r\n"))
	if _, err = io.WriteString(t.c, request); err != nil {
		return nil, "", err
	}
	in := textproto.NewReader(t.in)
	status, err := in.ReadLine()
	if err != nil {
		return nil, "", err
	}
	if head, err = in.ReadMIMEHeader(); err != nil {
		return nil, "", err
	}
	if !strings.HasPrefix(status, "RTSP/1.0 200 ") {
		return nil, "", fmt.Errorf("%s %s: %s", method, address, status)
	}
	length, _ := strconv.Atoi(head.Get("Content-Length")) // 0: no body
	b := make([]byte, min(max(length, 0), 1<<20))
	_, err = io.ReadFull(t.in, b)
	return head, string(b), err
}
