package rtsptest

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Client is an RTSP client that sends any request, valid or not.
type Client struct {
	Conn net.Conn

	in   *bufio.Reader
	auth string
	cseq int
}

// Reply is a server's answer. Its body is discarded.
type Reply struct {
	Status int
	Header map[string]string // keys in lower case
}

// Dial connects to address, from the IP address from of this machine; with an empty from, the system chooses one.
func Dial(address, from string) (*Client, error) {
	d := net.Dialer{Timeout: patience}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	nc, err := d.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &Client{Conn: nc, in: bufio.NewReader(nc)}, nil
}

// SignIn adds credentials (Basic) to all later requests.
func (c *Client) SignIn(user, password string) {
	c.auth = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Ask sends a request and reads the answer: see Say and Hear.
func (c *Client) Ask(method, url, body string, lines ...string) (*Reply, error) {
	if err := c.Say(method, url, body, lines...); err != nil {
		return nil, err
	}
	return c.Hear()
}

// Say sends a request with CSeq, Content-Length if it has a body, and the given header lines.
func (c *Client) Say(method, url, body string, lines ...string) error {
	c.cseq++
	text := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, url, c.cseq)
	if c.auth != "" {
		lines = append(lines, c.auth)
	}
	if body != "" {
		lines = append(lines, "Content-Length: "+strconv.Itoa(len(body)))
	}
	for _, l := range lines {
		text += l + "\r\n"
	}
	return c.Write([]byte(text + "\r\n" + body))
}

// Write sends bytes unchanged.
func (c *Client) Write(b []byte) error {
	_ = c.Conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := c.Conn.Write(b)
	return err
}

// Hear reads an answer, and skips interleaved frames before it.
func (c *Client) Hear() (*Reply, error) {
	_ = c.Conn.SetReadDeadline(time.Now().Add(patience))
	for {
		first, err := c.in.Peek(1)
		if err != nil {
			return nil, err
		}
		if first[0] != '$' {
			break
		}
		head := make([]byte, 4)
		if _, err := io.ReadFull(c.in, head); err != nil {
			return nil, err
		}
		if _, err := c.in.Discard(int(head[2])<<8 | int(head[3])); err != nil {
			return nil, err
		}
	}
	r := &Reply{Header: map[string]string{}}
	for n := 0; ; n++ {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if n == 0 {
			_, rest, _ := strings.Cut(line, " ")
			if r.Status, err = strconv.Atoi(before(rest, " ")); err != nil {
				return nil, fmt.Errorf("%q is no status line", line)
			}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		r.Header[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	n, _ := strconv.Atoi(r.Header["content-length"])
	_, err := c.in.Discard(n)
	return r, err
}

// Close closes the connection.
func (c *Client) Close() { _ = c.Conn.Close() }
