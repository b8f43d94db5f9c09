// Package certificate reloads the TLS certificate of a server when its files change, and describes the faults of
// the files.
package certificate

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is the certificate of a server. It reads the two files again when they change. If the new pair
// cannot be read, or does not match, as between two writes, the last good pair stays in use. It is safe for
// concurrent use.
type Certificate struct {
	files   [2]string // names of the PEM files: certificate, key
	setting string    // name of the setting that names the files
	log     *slog.Logger

	mu     sync.Mutex       // guards the following fields
	loaded *tls.Certificate // the last good pair; nil before there is one
	looked bool             // the files were read at least once
	seen   [2]fileMark      // the versions of the files that were read last
	why    error            // *Fault of the pair that was read last, or nil
}

// fileMark distinguishes the versions of a file.
type fileMark struct {
	at   time.Time
	size int64
}

// Open returns the certificate of two PEM files, cert and key. The files may be missing or unusable; each
// handshake then fails until they are a good pair. setting is the name of the setting that names the files, such
// as http.tls. Open does no I/O.
func Open(setting, cert, key string, log *slog.Logger) *Certificate {
	return &Certificate{files: [2]string{cert, key}, setting: setting, log: log}
}

// Read reads the two files and returns their certificate, as Open does. The error wraps a *Fault if the files are
// not a usable pair now.
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

// Config returns a TLS configuration for a server: TLS 1.2 or newer, with the newest good certificate.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}
}

// Err returns a *Fault if the files, as they are now, are not a usable pair, else nil.
func (c *Certificate) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.why
}

// get implements tls.Config.GetCertificate. It checks the files in each handshake: two stat calls cost little
// beside the handshake's signature.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	if c.loaded == nil {
		return nil, c.why
	}
	return c.loaded, nil
}

// refresh reads the files on the first call, and again when they have changed. If they are not a usable pair, the
// last good certificate stays in c.loaded, and c.why has the fault. The caller holds c.mu.
func (c *Certificate) refresh() {
	now := c.mark()
	if c.looked && now == c.seen {
		return
	}
	first := !c.looked
	c.looked, c.seen = true, now // an unusable pair is read again, and logged again, only after another change
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
