// Package certificate reloads a server's TLS certificate when its files change, and describes their
// faults.
package certificate

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is a server's certificate, reloaded when its files change. A pair that cannot be read
// or does not match, as between two writes, leaves the last good pair in use. It is safe for
// concurrent use.
type Certificate struct {
	files   [2]string // PEM: certificate, key
	setting string    // name of the setting of the files
	log     *slog.Logger

	mu     sync.Mutex // guards what follows
	loaded *tls.Certificate
	looked bool // the files were read
	seen   [2]fileMark
	why    error // fault of the newest pair, or nil
}

// fileMark distinguishes versions of a file.
type fileMark struct {
	at   time.Time
	size int64
}

// Open returns the certificate of two files that may be faulty or missing: each handshake fails
// until they are a good pair. setting is the name of their setting, such as http.tls. Open does no
// I/O.
func Open(setting, cert, key string, log *slog.Logger) *Certificate {
	return &Certificate{files: [2]string{cert, key}, setting: setting, log: log}
}

// Read is Open, but refuses a pair that is not usable now.
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

// Config returns the TLS configuration of a server: TLS 1.2 or newer, with the newest certificate.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}
}

// Err returns a *Fault if the present files are not usable, else nil.
func (c *Certificate) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.why
}

// get is tls.Config.GetCertificate. It checks the files at each handshake, which costs two stat
// calls beside a signature.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	if c.loaded == nil {
		return nil, c.why
	}
	return c.loaded, nil
}

// refresh reloads changed files. The caller holds c.mu.
func (c *Certificate) refresh() {
	now := c.mark()
	if c.looked && now == c.seen {
		return
	}
	first := !c.looked
	c.looked, c.seen = true, now // a faulty pair is retried when it changes again, and logged once
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
