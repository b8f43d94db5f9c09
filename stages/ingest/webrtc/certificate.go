package webrtc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"sync"
	"time"

	pion "github.com/pion/webrtc/v4"
)

// certificates makes the certificate of DTLS, which peers recognize by its fingerprint in the session description. All peers
// share one, until it is about to expire.
type certificates struct {
	mu     sync.Mutex // guards newest
	newest *pion.Certificate
}

// certificateReserve is longer than a session description takes to reach its peer.
const certificateReserve = 24 * time.Hour

func (c *certificates) at(now time.Time) (pion.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest != nil && now.Before(c.newest.Expires().Add(-certificateReserve)) {
		return *c.newest, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pion.Certificate{}, err
	}
	fresh, err := pion.GenerateCertificate(key)
	if err != nil {
		return pion.Certificate{}, err
	}
	c.newest = fresh
	return *fresh, nil
}
