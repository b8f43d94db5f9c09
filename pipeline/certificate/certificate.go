// Package certificate keeps a server's TLS certificate as new as its files, and says what is
// wrong with them.
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
	looked bool // at the files
	seen   [2]fileMark
	why    error // the newest pair cannot be used; nil where it can
}

// fileMark tells one version of a file from another.
type fileMark struct {
	at   time.Time
	size int64
}

// Open returns the certificate of two files that may not be in order yet: without a good
// pair each handshake fails, until there is one. The setting is what names the files, such
// as http.tls. It does no I/O.
func Open(setting, cert, key string, log *slog.Logger) *Certificate {
	return &Certificate{files: [2]string{cert, key}, setting: setting, log: log}
}

// Read is Open, and refuses a pair that cannot be used now.
func Read(setting, cert, key string, log *slog.Logger) (*Certificate, error) {
	pair, err := load(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	c := Open(setting, cert, key, log)
	c.loaded, c.looked, c.seen = pair, true, c.mark()
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

// Err returns why the files as they are now cannot be used, a *Fault; nil where they can.
func (c *Certificate) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.why
}

// get is tls.Config.GetCertificate. It looks at the files with each handshake,
// which costs two stat calls beside a signature.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	if c.loaded == nil {
		return nil, c.why
	}
	return c.loaded, nil
}

// refresh reads the files where they are other than they were. The caller holds c.mu.
func (c *Certificate) refresh() {
	now := c.mark()
	if c.looked && now == c.seen {
		return
	}
	first := !c.looked
	c.looked, c.seen = true, now // a broken pair is tried again when it changes again, and logged once
	pair, err := load(c.files[0], c.files[1])
	c.why = nil
	switch {
	case err == nil:
		if c.loaded = pair; !first {
			c.log.Info(c.setting + ": certificate read again")
		}
		return
	case c.loaded == nil:
		c.log.Error(c.setting+": the certificate cannot be used: handshakes fail until its files are in order, which are read again when they change", "error", err)
	default:
		c.log.Error(c.setting+": the changed certificate cannot be used, the last one stays", "error", err)
	}
	c.why = err
}
