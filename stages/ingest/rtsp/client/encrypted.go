package client

import (
	"fmt"
	"strings"
	"sync"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/sdes"
	"github.com/pion/srtp/v3"
)

// decryption is of a track whose description has the key (RFC 4568). Packets are one
// goroutine's; over UDP reports may come to either port, each of which has one.
type decryption struct {
	rtp, rtcp *srtp.Context
	plain     []byte     // what the newest packet was
	reports   sync.Mutex // guards rtcp
}

var suites = map[string]srtp.ProtectionProfile{
	"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
}

const masterKey, masterSalt = 16, 14 // bytes

// CanDecrypt reports whether media can be read that is encrypted as a crypto attribute
// says (RFC 4568), without an identifier of its key in each packet.
func CanDecrypt(crypto string) bool {
	var key sdes.SDES
	if key.Unmarshal(crypto) != nil || len(strings.Fields(crypto)) > 3 || strings.Count(crypto, ":") > 1 {
		return false // or with parameters of the session
	}
	_, err := newDecryption(&key)
	return err == nil
}

// newDecryption gives nil where nothing is encrypted.
func newDecryption(key *sdes.SDES) (*decryption, error) {
	if key == nil {
		return nil, nil
	}
	suite, known := suites[key.Suite]
	if !known || len(key.Key) != masterKey+masterSalt {
		return nil, fmt.Errorf("SETUP: %w: encrypted by %.40q with a key of %d bytes", ErrTransport, key.Suite, len(key.Key))
	}
	d := &decryption{}
	var err error
	for _, c := range []**srtp.Context{&d.rtp, &d.rtcp} {
		if *c, err = srtp.CreateContext(key.Key[:masterKey], key.Key[masterKey:], suite); err != nil {
			return nil, fmt.Errorf("SETUP: %w: %w", ErrTransport, err)
		}
	}
	return d, nil
}

// open gives what a packet was before it was encrypted.
func (d *decryption) open(b []byte, rtcp bool) (plain []byte, err error) {
	if rtcp {
		d.reports.Lock()
		defer d.reports.Unlock()
		return d.rtcp.DecryptRTCP(nil, b, nil)
	}
	d.plain, err = d.rtp.DecryptRTP(d.plain[:0], b, nil)
	return d.plain, err
}

// profile is what is asked for. A key that is agreed upon in another way than in the
// description is not asked for: within TLS it is not needed.
func profile(m *description.Media) string {
	if m.Profile == headers.TransportProfileSAVP && m.KeyMgmtSDES != nil {
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}
