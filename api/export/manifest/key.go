package manifest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/gospool/spool/pipeline/durable"
)

// KeyFile is the name of the recorder's private key in the record directory.
const KeyFile = ".spool-key.pem"

// SignatureBytes is the size of a signature.
const SignatureBytes = ed25519.SignatureSize

const publicBytes = ed25519.PublicKeySize

// Key is a recorder's private key.
type Key struct{ private ed25519.PrivateKey }

// PublicKey is the public part of a Key: 32 bytes.
type PublicKey []byte

// NewKey makes a key.
func NewKey() Key {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return Key{private}
}

// LoadKey returns the key in a file. If there is no such file, it makes a key and stores it, readable by the
// file's owner only. It refuses a file that another user may have written.
func LoadKey(disk durable.FS, name string) (Key, error) {
	text, err := disk.ReadOurs(name)
	if errors.Is(err, fs.ErrNotExist) {
		k := NewKey()
		text, err := k.pem()
		if err == nil {
			err = durable.Replace(disk, name, text, 0o600)
		}
		return k, err
	}
	if err != nil {
		return Key{}, err
	}
	k, err := parseKey(text)
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w: restore it from a backup, or remove it, and spool makes a new key", name, err)
	}
	return k, nil
}

// pem returns the key in the form of PKCS#8, which openssl reads.
func (k Key) pem() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func parseKey(text []byte) (Key, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return Key{}, errors.New("it is not a private key in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return Key{}, errors.New("it is not an Ed25519 key in the form PKCS#8")
	}
	return Key{private}, nil
}

// Public returns the public part of the key.
func (k Key) Public() PublicKey { return PublicKey(k.private.Public().(ed25519.PublicKey)) }

// Info returns the description of the key for a manifest.
func (k Key) Info() KeyInfo { return KeyInfo{k.Public().ID(), k.Public()} }

// Sign returns the signature of a text.
func (k Key) Sign(text []byte) []byte { return ed25519.Sign(k.private, text) }

// ID returns "sha256:" and the SHA-256 of the key in DER (RFC 8410), in hexadecimal digits. It prints the same as
// openssl pkey -pubin -in recorder.pem -outform DER | sha256sum.
func (p PublicKey) ID() string {
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(p))
	if err != nil {
		panic(err) // an Ed25519 key has a DER form
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(der))
}

// String returns the key in base64, as ParsePublicKey reads it.
func (p PublicKey) String() string { return base64.StdEncoding.EncodeToString(p) }

// Verify reports whether signature is this key's signature of a text.
func (p PublicKey) Verify(text, signature []byte) bool {
	return len(p) == publicBytes && ed25519.Verify(ed25519.PublicKey(p), text, signature)
}

// ParsePublicKey reads a public key: in PEM, as openssl pkey -pubout writes it, or its 32 bytes in base64, as
// String returns it.
func ParsePublicKey(text string) (PublicKey, error) {
	const wanted = "not a public Ed25519 key: give its 32 bytes in base64, or a file in PEM"
	if block, _ := pem.Decode([]byte(text)); block != nil {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		public, ok := parsed.(ed25519.PublicKey)
		if err != nil || !ok {
			return nil, errors.New(wanted)
		}
		return PublicKey(public), nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != publicBytes {
		return nil, errors.New(wanted)
	}
	return raw, nil
}
