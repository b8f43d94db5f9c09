package webrtc

import (
	"errors"
	"strings"
)

// fragment is what a client says about its ICE agent in a PATCH (RFC 8840).
type fragment struct{ ufrag, password string }

// readFragment reads a fragment of a session description.
func readFragment(text string) (f fragment, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if value, is := strings.CutPrefix(line, "a=ice-ufrag:"); is {
			f.ufrag = value
		} else if value, is := strings.CutPrefix(line, "a=ice-pwd:"); is {
			f.password = value
		} else if len(line) > 0 && (len(line) < 2 || line[1] != '=') {
			return f, errors.New("the body is no fragment of a session description (RFC 8840)")
		}
	}
	if !iceChars(f.ufrag, 4) || !iceChars(f.password, 22) {
		return f, errors.New("the fragment needs a=ice-ufrag and a=ice-pwd")
	}
	return f, nil
}

// iceChars reports whether a text consists of at least so many characters of ICE (RFC 8839, 5.4).
func iceChars(text string, least int) bool {
	for i := range len(text) {
		c := text[i] | 0x20
		if (c < 'a' || c > 'z') && (text[i] < '0' || text[i] > '9') && text[i] != '+' && text[i] != '/' {
			return false
		}
	}
	return len(text) >= least && len(text) <= 256
}

// restarts reports whether the credentials are others than those of an offer.
func (f fragment) restarts(o *offer) bool {
	return !strings.Contains(o.text, "a=ice-ufrag:"+f.ufrag+"\r\n") && !strings.Contains(o.text, "a=ice-ufrag:"+f.ufrag+"\n")
}

// restart restarts ICE with the credentials of a fragment. It returns the server's own. The caller holds p.negotiating.
func (p *peer) restart(f fragment) (string, error) {
	var text strings.Builder
	for line := range strings.Lines(p.offer.text) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + f.ufrag + "\r\n"
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + f.password + "\r\n"
		case strings.HasPrefix(line, "a=candidate:"), strings.HasPrefix(line, "a=end-of-candidates"):
			continue
		}
		text.WriteString(line)
	}
	answer, err := p.answer(text.String())
	if err != nil {
		return "", err
	}
	p.offer.text, p.etag = text.String(), newTag()
	return fragmentOf(answer), nil
}

// fragmentOf returns the lines of a session description that a fragment of it has.
func fragmentOf(answer string) string {
	var out strings.Builder
	seen := map[string]bool{}
	for line := range strings.Lines(answer) {
		for _, prefix := range []string{"a=ice-lite", "a=ice-ufrag:", "a=ice-pwd:", "m=", "a=mid:", "a=candidate:", "a=end-of-candidates"} {
			if strings.HasPrefix(line, prefix) && !seen[line] {
				out.WriteString(line)
				seen[line] = true
			}
		}
	}
	return out.String()
}
