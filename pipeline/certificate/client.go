package certificate

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ReadFingerprint parses the SHA-256 fingerprint of a certificate: 64 hexadecimal digits in upper or lower case, with
// or without colons. It returns the 32 bytes.
func ReadFingerprint(text string) ([]byte, error) {
	fingerprint, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	if err != nil || len(fingerprint) != sha256.Size {
		return nil, errors.New("tls.fingerprint is no SHA-256: write its 64 hexadecimal digits, with colons between them or without")
	}
	return fingerprint, nil
}

// ClientConfig returns the TLS configuration for the client of a host. If pinned, a fingerprint of ReadFingerprint, is not
// nil, the client accepts only the certificate that has it, even if the certificate has expired. Without a fingerprint the
// client accepts the certificates that the system trusts.
func ClientConfig(host string, pinned []byte) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if pinned != nil {
		c.InsecureSkipVerify = true // VerifyConnection compares the fingerprint instead
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if got := sha256.Sum256(s.PeerCertificates[0].Raw); !bytes.Equal(got[:], pinned) {
				return fmt.Errorf("the server's certificate is not the pinned one: its SHA-256 is %x; if the camera has a new certificate, set that as tls.fingerprint of the stream", got)
			}
			return nil
		}
	}
	return c
}

// Explain adds to the error of an untrusted certificate how to set its fingerprint. It returns any other error
// unchanged.
func Explain(err error) error {
	var why *tls.CertificateVerificationError
	if !errors.As(err, &why) || len(why.UnverifiedCertificates) == 0 {
		return err
	}
	fingerprint := sha256.Sum256(why.UnverifiedCertificates[0].Raw)
	about := "not trusted here"
	if host := (x509.HostnameError{}); errors.As(err, &host) {
		about = "for another name"
	}
	return fmt.Errorf("%w: the certificate is %s; if it is the camera's own, set tls.fingerprint of the stream to its SHA-256, %x", err, about, fingerprint)
}
