package rtsptest

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// User and Password are the credentials for the quirks that have access control.
const (
	User     = "viewer"
	Password = "look/at=me"

	escapedPassword = "look%2Fat%3Dme"
)

// basic are the credentials as a client sends them by Basic (RFC 7617).
var basic = base64.StdEncoding.EncodeToString([]byte(User + ":" + Password))

// Camera is an RTSP server that serves every quirk under its path, over TCP and over TLS. It also listens at the
// address of an attacker, to which a client must not connect.
type Camera struct {
	clips       Clips
	speed       float64 // media seconds a second
	plain       net.Listener
	secure      net.Listener
	other       net.Listener // another port of the same host, for redirects
	elsewhere   net.Listener // the attacker: at another address of this machine, which counts as another host
	fingerprint string       // SHA-256 of the certificate, in hexadecimal digits

	mu       sync.Mutex
	open     map[net.Conn]bool     // nil after Close
	sessions map[string][]*Session // by path: sessions that have played it, the oldest first
	visitors map[string]int        // by path: number of connections that have requested it
	strays   int                   // number of connections to elsewhere
	running  sync.WaitGroup
}

// Start makes a camera that listens on loopback addresses, at ports of its own. With speed 1 it plays the clips in real
// time, with 2 twice as fast. The caller closes the camera.
func Start(clips Clips, speed float64) (*Camera, error) {
	config, fingerprint, err := selfSigned()
	if err != nil {
		return nil, err
	}
	c := &Camera{clips: clips, speed: speed, fingerprint: fingerprint, open: map[net.Conn]bool{}, sessions: map[string][]*Session{}, visitors: map[string]int{}}
	if c.plain, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if c.secure, err = tls.Listen("tcp", "127.0.0.1:0", config); err != nil {
		return nil, errors.Join(err, c.plain.Close())
	}
	if c.other, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, errors.Join(err, c.plain.Close(), c.secure.Close())
	}
	if c.elsewhere, err = net.Listen("tcp", "127.0.0.2:0"); err != nil {
		return nil, errors.Join(err, c.plain.Close(), c.secure.Close(), c.other.Close())
	}
	for _, l := range []net.Listener{c.plain, c.secure, c.other, c.elsewhere} {
		c.running.Go(func() { c.accept(l) })
	}
	return c, nil
}

// URL returns the rtsp URL of a path, with the credentials that its quirk requires. A path is the name of a quirk; a
// tilde and any text may follow it, to distinguish several streams of one quirk.
func (c *Camera) URL(path string) string {
	auth := ""
	if len(quirkOf(path).Auth) > 0 {
		auth = User + ":" + escapedPassword + "@"
	}
	return fmt.Sprintf("rtsp://%s%s/%s", auth, c.plain.Addr(), path)
}

// SecureURL returns the rtsps URL of a path, without credentials.
func (c *Camera) SecureURL(path string) string {
	return fmt.Sprintf("rtsps://%s/%s", c.secure.Addr(), path)
}

// Fingerprint returns the SHA-256 of the camera's certificate, in hexadecimal digits.
func (c *Camera) Fingerprint() string { return c.fingerprint }

// Clip returns the clip that the camera plays under a path.
func (c *Camera) Clip(path string) *Clip {
	q := quirkOf(path)
	clip := c.clips[q.Clip]
	if q.Film != nil {
		return q.Film(clip)
	}
	return clip
}

// Sessions returns the sessions that have played a path, oldest first.
func (c *Camera) Sessions(path string) []*Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*Session(nil), c.sessions[path]...)
}

// Visitors returns the number of connections that have requested a path.
func (c *Camera) Visitors(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.visitors[path]
}

// Strays returns the number of connections to the attacker's address.
func (c *Camera) Strays() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.strays
}

// Close closes all connections, and waits until all goroutines of the camera have ended.
func (c *Camera) Close() {
	_, _, _ = c.plain.Close(), c.secure.Close(), c.elsewhere.Close()
	_ = c.other.Close()
	c.mu.Lock()
	for nc := range c.open {
		_ = nc.Close()
	}
	c.open = nil
	c.mu.Unlock()
	c.running.Wait()
}

func (c *Camera) accept(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		if l == c.elsewhere {
			c.strays++
		}
		closed := c.open == nil
		if !closed {
			c.open[nc] = true
		}
		c.mu.Unlock()
		if closed {
			_ = nc.Close()
			return
		}
		c.running.Go(func() {
			newSession(c, nc).serve()
			_ = nc.Close()
			c.mu.Lock()
			delete(c.open, nc)
			c.mu.Unlock()
		})
	}
}

// patience is the time after which an operation fails because the peer does not read or answer.
const patience = time.Minute
