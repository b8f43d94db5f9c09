// Package certificate keeps a server's TLS certificate as new as its files.
package certificate

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is a server's certificate, read again when its files change. A pair that
// cannot be read, or whose halves do not belong together, as between two writes, leaves
// the last good one in use. It is safe for use from many goroutines.
type Certificate struct {
	files   [2]string // PEM: certificate, key
	setting string    // that names the files
	log     *slog.Logger

	mu     sync.Mutex // guards what follows
	loaded *tls.Certificate
	seen   [2]fileMark
}

// fileMark tells one version of a file from another.
type fileMark struct {
	at   time.Time
	size int64
}

// Read reads the pair once; an error then is one of configuration, and names the
// setting, such as http.tls.
func Read(setting, cert, key string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{files: [2]string{cert, key}, setting: setting, log: log}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	c.loaded, c.seen = &pair, c.mark()
	return c, nil
}

func (c *Certificate) mark() (m [2]fileMark) {
	for i, name := range c.files {
		if info, err := os.Stat(name); err == nil {
			m[i] = fileMark{info.ModTime(), info.Size()}
		}
	}
	return m
}

// Config returns what a server's TLS is set to: TLS 1.2 or newer, with the newest
// certificate.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}
}

// get is tls.Config.GetCertificate. It looks at the files with each handshake,
// which costs two stat calls beside a signature.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.mark()
	if now == c.seen {
		return c.loaded, nil
	}
	c.seen = now // a broken pair is tried again when it changes again, and logged once
	pair, err := tls.LoadX509KeyPair(c.files[0], c.files[1])
	if err != nil {
		c.log.Error(c.setting+": the changed certificate cannot be used, the last one stays", "error", err)
		return c.loaded, nil
	}
	c.loaded = &pair
	c.log.Info(c.setting + ": certificate read again")
	return c.loaded, nil
}
