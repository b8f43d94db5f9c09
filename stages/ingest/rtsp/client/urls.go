package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// wire returns a URL as the client sends it: as the user wrote it, without the credentials.
func wire(u *url.URL) string {
	c := *u
	c.User = nil
	return c.String()
}

// address returns host:port of a URL's server. The default port is 554, for rtsps 322.
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

// baseURL returns the URL of the session, with which the URLs of its tracks begin: the session's control attribute if
// it is a whole URL, else Content-Base, else Content-Location, else the requested URL. A header that is only a path
// gets the host of the requested URL.
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

// sessionControl returns the control attribute of the session, which precedes the first m= line, if it is a whole URL;
// otherwise an empty string.
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

// controlURLs returns the URLs that the control attribute of a track may mean, the likeliest first. The last one has
// the host of the requested URL, because a camera behind a router may write its internal name into the session
// description. The client sends SETUP over its connection whatever the host.
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

// origin returns the part scheme://host:port of a URL; empty if it has none.
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

// clean makes a URL from a header or a session description fit for a request line: it escapes spaces and removes
// control characters.
func clean(u string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, strings.ReplaceAll(strings.TrimSpace(u), " ", "%20"))
}

// Redirect is the error of a request that the server redirects to another URL on its own host. URL is that URL, with
// the credentials of the original one; the caller decides whether to play it.
type Redirect struct{ URL *url.URL }

// Error names the URL without credentials and query.
func (r *Redirect) Error() string { return "redirected to " + shown(r.URL) }

// shown returns a URL for texts: without credentials and query, either of which may contain a password.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// redirection returns the error of a request that the server redirects to location: a *Redirect if the client may
// follow, else an error that says why not. The client may not follow to another host, which would get the credentials,
// or from an encrypted connection to an unencrypted one.
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
