package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// wire returns a URL as it is sent: without credentials, otherwise as the user wrote it.
func wire(u *url.URL) string {
	c := *u
	c.User = nil
	return c.String()
}

// address returns the address at which a URL's server listens.
func address(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "rtsps":
		port = "322"
	default:
		port = "554"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// baseURL returns the beginning of the tracks' addresses by the most exact source: a URL for the whole session in the
// description, Content-Base, Content-Location, else the requested URL.
func baseURL(asked string, h header, description []byte) string {
	for _, said := range []string{sessionControl(description), h.get("content-base"), h.get("content-location")} {
		switch said = clean(said); {
		case isURL(said):
			return withoutUser(said)
		case strings.HasPrefix(said, "/"):
			return origin(asked) + said
		}
	}
	return asked
}

// sessionControl returns the control attribute before the first m= line, if it is a whole URL.
func sessionControl(description []byte) string {
	for line := range strings.SplitSeq(string(description), "\n") {
		if strings.HasPrefix(line, "m=") {
			break
		}
		if control, is := strings.CutPrefix(strings.TrimSpace(line), "a=control:"); is && isURL(clean(control)) {
			return control
		}
	}
	return ""
}

// controlURLs returns the addresses that a track's control attribute may mean, the likeliest first. A camera behind a
// router uses its own name for itself: that one is first, and the request goes over this connection whatever it says.
func controlURLs(asked, base, control string) (out []string) {
	add := func(u string) {
		for _, has := range out {
			if has == u {
				return
			}
		}
		out = append(out, u)
	}
	control = clean(control)
	switch {
	case control == "" || control == "*":
		add(base)
	case isURL(control):
		add(withoutUser(control))
	case control[0] == '?':
		add(base + control)
	case control[0] == '/':
		add(strings.TrimRight(base, "/") + control)
		add(origin(base) + control)
	default:
		add(strings.TrimRight(base, "/") + "/" + control)
	}
	add(origin(asked) + strings.TrimPrefix(out[0], origin(out[0])))
	return out
}

func isURL(s string) bool {
	scheme, rest, is := strings.Cut(s, "://")
	return is && rest != "" && (strings.EqualFold(scheme, "rtsp") || strings.EqualFold(scheme, "rtsps") || strings.EqualFold(scheme, "rtspu"))
}

// origin returns scheme://host:port of a URL.
func origin(u string) string {
	at := strings.Index(u, "://")
	if at < 0 {
		return ""
	}
	if end := strings.IndexAny(u[at+3:], "/?"); end >= 0 {
		return u[:at+3+end]
	}
	return u
}

func withoutUser(u string) string {
	from := origin(u)
	if at := strings.LastIndexByte(from, '@'); at >= 0 {
		return from[:strings.Index(from, "://")+3] + from[at+1:] + u[len(from):]
	}
	return u
}

// clean makes a URL of a header or a description fit for a request line.
func clean(u string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, strings.ReplaceAll(strings.TrimSpace(u), " ", "%20"))
}

// Redirect is the error of a server that redirects a client to another address on its own host: the caller plays the
// stream from URL, which has the credentials.
type Redirect struct{ URL *url.URL }

// Error names the target.
func (r *Redirect) Error() string { return "redirected to " + shown(r.URL) }

// shown returns a URL without credentials and query, either of which may hold a password.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// redirection returns the error of a redirect: a *Redirect if it may be followed. Credentials must not reach another
// host, nor an unencrypted connection.
func (c *Client) redirection(location string) error {
	if location == "" {
		return errors.New("redirected without a Location")
	}
	to, err := c.URL.Parse(clean(location))
	if err != nil {
		return errors.New("redirected to a Location that is no URL")
	}
	switch scheme := strings.ToLower(to.Scheme); {
	case scheme != "rtsp" && scheme != "rtsps" || to.Hostname() == "":
		return fmt.Errorf("redirected to %s, which is no RTSP URL", shown(to))
	case scheme == "rtsp" && c.URL.Scheme == "rtsps":
		return fmt.Errorf("redirected to %s, from an encrypted connection to one that is not: not followed", shown(to))
	}
	if !strings.EqualFold(to.Hostname(), c.URL.Hostname()) && to.Hostname() != c.remoteIP.String() {
		return fmt.Errorf("redirected to %s, another host: not followed, since it would get the password; if the stream is there, set that as the pull URL", shown(to))
	}
	to.Scheme, to.User = strings.ToLower(to.Scheme), c.URL.User
	return &Redirect{to}
}
