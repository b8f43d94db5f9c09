package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/sdes"
	"github.com/pion/srtp/v3"
)

// decryption decrypts a track whose session description contains the key (RFC 4568). RTP and RTCP have separate
// contexts, because over UDP two goroutines receive them. RTCP may arrive at both ports, and therefore on both
// goroutines: a caller locks reporting before it opens an RTCP packet, and unlocks it when it no longer uses the
// result.
type decryption struct {
	key       []byte
	suite     srtp.ProtectionProfile
	rtp, rtcp sealed
	reporting sync.Mutex // guards rtcp and the newest decrypted report
}

// sealed decrypts RTP or RTCP. Its context keeps a state for every SSRC of which a packet was decrypted.
type sealed struct {
	*srtp.Context
	ssrcs map[uint32]struct{} // the SSRCs with a state
	plain []byte              // the newest packet, decrypted
}

// maxSSRCs is the largest number of SSRCs for which a sealed keeps a state. At a packet of one more SSRC, open discards
// all states of the sealed. A track sends with a few SSRCs.
const maxSSRCs = 64

var suites = map[string]srtp.ProtectionProfile{
	"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
}

const masterKeyBytes, masterSaltBytes = 16, 14 // the same for every suite

// CanDecrypt reports whether the client can decrypt media with the key in a crypto attribute (RFC 4568). It supports
// AES_CM_128_HMAC_SHA1_80 and AES_CM_128_HMAC_SHA1_32, without session parameters and without a master key identifier.
func CanDecrypt(crypto string) bool {
	var key sdes.SDES
	if key.Unmarshal(crypto) != nil || len(strings.Fields(crypto)) > 3 || strings.Count(crypto, ":") > 1 {
		return false // unreadable, with session parameters, or with a master key identifier
	}
	_, err := newDecryption(&key)
	return err == nil
}

// newDecryption makes the decryption for a key; it returns nil for a nil key. An unsupported key is an error that wraps
// ErrTransport.
func newDecryption(key *sdes.SDES) (*decryption, error) {
	if key == nil {
		return nil, nil
	}
	suite, known := suites[key.Suite]
	if !known || len(key.Key) != masterKeyBytes+masterSaltBytes {
		return nil, fmt.Errorf("SETUP: %w: encrypted by %.40q with a key of %d bytes", ErrTransport, key.Suite, len(key.Key))
	}
	d := &decryption{key: key.Key, suite: suite}
	for _, of := range []*sealed{&d.rtp, &d.rtcp} {
		if err := d.renew(of); err != nil {
			return nil, fmt.Errorf("SETUP: %w: %w", ErrTransport, err)
		}
	}
	return d, nil
}

// renew gives of, which is d.rtp or d.rtcp, a new SRTP context. That discards the state of every SSRC.
func (d *decryption) renew(of *sealed) (err error) {
	of.ssrcs = map[uint32]struct{}{}
	of.Context, err = srtp.CreateContext(d.key[:masterKeyBytes], d.key[masterKeyBytes:], d.suite)
	return err
}

// open decrypts the packet b, which is RTCP if rtcp is set, else RTP. It returns errShort if b has no SSRC. The result
// is valid until the next packet of the same kind.
func (d *decryption) open(b []byte, rtcp bool) (plain []byte, err error) {
	of, at := &d.rtp, 8
	if rtcp {
		of, at = &d.rtcp, 4
	}
	if len(b) < at+4 {
		return nil, errShort
	}
	ssrc := binary.BigEndian.Uint32(b[at:])
	if _, known := of.ssrcs[ssrc]; !known && len(of.ssrcs) == maxSSRCs {
		if err := d.renew(of); err != nil {
			return nil, err
		}
	}
	if rtcp {
		of.plain, err = of.DecryptRTCP(of.plain[:0], b, nil)
	} else {
		of.plain, err = of.DecryptRTP(of.plain[:0], b, nil)
	}
	if err == nil { // a failure shows that the sender does not have the key
		of.ssrcs[ssrc] = struct{}{}
	}
	return of.plain, err
}

var errShort = errors.New("too short to be encrypted")

// profile returns the RTP profile to request for a media section: RTP/SAVP if its description contains a key. For other
// sections with SAVP it is RTP/AVP: the client supports no other key exchange, and within TLS media needs no key.
func profile(m *description.Media) string {
	if m.Profile == headers.TransportProfileSAVP && m.KeyMgmtSDES != nil {
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}
