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

// decryption decrypts a track whose description has the key (RFC 4568). Packets and reports have a context each: over
// UDP they have a goroutine each. Reports may arrive at both ports: reporting is held from open until its result is
// no longer used.
type decryption struct {
	key       []byte
	suite     srtp.ProtectionProfile
	rtp, rtcp sealed
	reporting sync.Mutex // guards the result of opening a report, see above
}

// sealed opens packets of one kind. A context remembers every SSRC that arrived.
type sealed struct {
	*srtp.Context
	ssrcs map[uint32]struct{}
	plain []byte // the newest packet, decrypted
}

// maxSSRCs is the number of senders remembered per track; a session has a few.
const maxSSRCs = 64

var suites = map[string]srtp.ProtectionProfile{
	"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
}

const masterKeyBytes, masterSaltBytes = 16, 14 // bytes

// CanDecrypt reports whether the client can decrypt media by a crypto attribute (RFC 4568). It supports no key
// identifier in the packets.
func CanDecrypt(crypto string) bool {
	var key sdes.SDES
	if key.Unmarshal(crypto) != nil || len(strings.Fields(crypto)) > 3 || strings.Count(crypto, ":") > 1 {
		return false // or with parameters of the session
	}
	_, err := newDecryption(&key)
	return err == nil
}

// newDecryption returns nil without encryption.
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

// renew discards the state of every sender.
func (d *decryption) renew(of *sealed) (err error) {
	of.ssrcs = map[uint32]struct{}{}
	of.Context, err = srtp.CreateContext(d.key[:masterKeyBytes], d.key[masterKeyBytes:], d.suite)
	return err
}

// open decrypts a packet of at least eight bytes. The result is valid until the next packet of its kind.
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
	if err == nil { // otherwise the sender does not know the key
		of.ssrcs[ssrc] = struct{}{}
	}
	return of.plain, err
}

var errShort = errors.New("too short to be encrypted")

// profile returns the transport profile to request. The client does not request a key exchange other than by the
// description; within TLS none is needed.
func profile(m *description.Media) string {
	if m.Profile == headers.TransportProfileSAVP && m.KeyMgmtSDES != nil {
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}
