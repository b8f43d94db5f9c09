package api

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is the server's certificate, read again when its files change. A
// pair that cannot be read, or whose halves do not belong together, as between
// two writes, leaves the last good one in use.
type certificate struct {
	files TLS
	log   *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	seen   [2]fileMark
}

// fileMark tells one version of a file from another.
type fileMark struct {
	at   time.Time
	size int64
}

// newCertificate reads the pair once; an error then is one of configuration.
func newCertificate(files TLS, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, log: log}
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("http.tls: %w", err)
	}
	c.loaded, c.seen = &pair, c.mark()
	return c, nil
}

func (c *certificate) mark() (m [2]fileMark) {
	for i, name := range []string{c.files.Cert, c.files.Key} {
		if info, err := os.Stat(name); err == nil {
			m[i] = fileMark{info.ModTime(), info.Size()}
		}
	}
	return m
}

// get is tls.Config.GetCertificate. It looks at the files with each handshake,
// which costs two stat calls beside a signature.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.mark()
	if now == c.seen {
		return c.loaded, nil
	}
	c.seen = now // a broken pair is tried again when it changes again, and logged once
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		c.log.Error("http.tls: the changed certificate cannot be used, the last one stays", "error", err)
		return c.loaded, nil
	}
	c.loaded = &pair
	c.log.Info("http.tls: certificate read again")
	return c.loaded, nil
}
