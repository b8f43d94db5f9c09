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

// decryption is of a track whose description has the key (RFC 4568). Packets and
// reports have a context each: over UDP they have a goroutine each. Reports may come
// to both ports: reporting is held from open on until what it gave is not used any
// more.
type decryption struct {
	key       []byte
	suite     srtp.ProtectionProfile
	rtp, rtcp sealed
	reporting sync.Mutex // guards what opening a report gave, see above
}

// sealed opens packets of one kind. A context remembers every SSRC that came.
type sealed struct {
	*srtp.Context
	ssrcs map[uint32]struct{}
	plain []byte // what the newest packet was
}

// maxSSRCs is how many senders of one track are remembered; a session has a few.
const maxSSRCs = 64

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
	d := &decryption{key: key.Key, suite: suite}
	for _, of := range []*sealed{&d.rtp, &d.rtcp} {
		if err := d.renew(of); err != nil {
			return nil, fmt.Errorf("SETUP: %w: %w", ErrTransport, err)
		}
	}
	return d, nil
}

// renew forgets every sender.
func (d *decryption) renew(of *sealed) (err error) {
	of.ssrcs = map[uint32]struct{}{}
	of.Context, err = srtp.CreateContext(d.key[:masterKey], d.key[masterKey:], d.suite)
	return err
}

// open gives what a packet of eight bytes or more was before it was encrypted. It
// holds until the next one of its kind.
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
	if err == nil { // else whoever sent it does not know the key
		of.ssrcs[ssrc] = struct{}{}
	}
	return of.plain, err
}

var errShort = errors.New("too short to be encrypted")

// profile returns what is asked for. A key that is agreed upon in another way than in the
// description is not asked for: within TLS it is not needed.
func profile(m *description.Media) string {
	if m.Profile == headers.TransportProfileSAVP && m.KeyMgmtSDES != nil {
		return "RTP/SAVP"
	}
	return "RTP/AVP"
}
