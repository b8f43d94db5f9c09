package client

import (
	"errors"
	"fmt"
	"strings"
)

// asks answers a request of the server. An error ends the session: the server ends or changes the stream, or the answer
// cannot be sent.
func (c *Client) asks(m *message) (end error) {
	c.heard = c.readAt
	status, headers := "200 OK", ""
	switch m.method {
	case "OPTIONS":
		headers = "Public: OPTIONS, GET_PARAMETER, SET_PARAMETER, ANNOUNCE, REDIRECT, TEARDOWN, PLAY_NOTIFY\r\n"
	case "GET_PARAMETER", "SET_PARAMETER":
	case "PLAY_NOTIFY":
		if strings.EqualFold(m.header.get("notify-reason"), "end-of-stream") {
			end = errors.New("the server ended the stream")
		}
	case "ANNOUNCE":
		if isDescription(m.body) && substance(m.body) != substance(c.description) {
			end = errors.New("the server announced a change of the stream: the pull starts over")
		}
	case "REDIRECT":
		end = errors.New("the server asks to connect again")
		if to := m.header.get("location"); to != "" {
			end = c.redirection(to)
		}
	case "TEARDOWN":
		end = errors.New("the server ended the session")
	default:
		status = "501 Not Implemented"
	}
	if cseq := m.header.get("cseq"); cseq != "" {
		headers += "CSeq: " + cseq + "\r\n"
	}
	if c.session != "" {
		headers += "Session: " + c.session + "\r\n"
	}
	if err := c.write([]byte(fmt.Sprintf("RTSP/1.0 %s\r\n%s\r\n", status, headers))); err != nil && end == nil && !c.UDP {
		return err
	}
	if m.method == "TEARDOWN" {
		c.session = ""
	}
	return end
}

// substance returns the lines of a session description that determine the codecs of the media. If they change, the
// client must begin a new session.
func substance(description []byte) string {
	var out strings.Builder
	for line := range strings.SplitSeq(string(description), "\n") {
		for _, says := range [...]string{"m=", "a=rtpmap:", "a=fmtp:"} {
			if strings.HasPrefix(line, says) {
				out.WriteString(strings.TrimSpace(line) + "\n")
			}
		}
	}
	return out.String()
}
