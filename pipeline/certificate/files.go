package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// Fault describes a fault of a certificate file or of a key file, with its remedy.
type Fault struct {
	File   string // name of the file
	Reason string
	Remedy string
	OfKey  bool // File is that of the key
	Serves bool // the pair can be used in spite of the fault
}

// Error returns the fault on one line.
func (f *Fault) Error() string { return fmt.Sprintf("%s %s (%s)", f.File, f.Reason, f.Remedy) }

// Inspect reads a certificate and its key, two PEM files, and returns their faults at the time now. If the pair is
// unusable, the result is one Fault. Else it has a Fault with Serves set for each flaw, such as an expired
// certificate, and is empty for a pair without flaws.
func Inspect(cert, key string, now time.Time) (faults []*Fault) {
	pair, err := load(cert, key)
	if fault := (*Fault)(nil); errors.As(err, &fault) {
		return []*Fault{fault}
	}
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		faults = append(faults, &Fault{File: cert, Serves: true, Reason: "has expired on " + day(leaf.NotAfter), Remedy: "renew it: clients refuse it, and the new one is read without a restart"})
	case now.Before(leaf.NotBefore):
		faults = append(faults, &Fault{File: cert, Serves: true, Reason: "is valid from " + day(leaf.NotBefore) + " only", Remedy: "see that the clock is right: clients refuse it until then"})
	}
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o077 != 0 {
		faults = append(faults, &Fault{
			File: key, OfKey: true, Serves: true, Reason: fmt.Sprintf("is a private key that other users may read or write: its mode is %04o", info.Mode().Perm()),
			Remedy: "chmod 600 " + key + ", and have it belong to spool's user",
		})
	}
	return faults
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// load reads and parses a certificate and its key, two PEM files. The error is a *Fault.
func load(cert, key string) (*tls.Certificate, error) {
	certPEM, err := read(cert, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	keyPEM, err := read(key, "PRIVATE KEY")
	if err != nil {
		err.OfKey = true
		return nil, err
	}
	pair, wrong := tls.X509KeyPair(certPEM, keyPEM)
	switch {
	case wrong == nil:
		return &pair, nil
	case strings.Contains(wrong.Error(), "does not match"):
		return nil, &Fault{File: key, OfKey: true, Reason: "does not fit the certificate " + cert, Remedy: "give the key that the certificate was made for, and in the certificate's file the server's own certificate first"}
	}
	if block, _ := pem.Decode(certPEM); block != nil {
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, &Fault{File: cert, Reason: "holds a certificate that cannot be read: " + wrong.Error(), Remedy: "openssl x509 -in " + cert + " -noout -text reads a good one"}
		}
	}
	return nil, &Fault{File: key, OfKey: true, Reason: "holds a key that cannot be read: " + wrong.Error(), Remedy: "openssl pkey -in " + key + " -noout reads a good one"}
}

// maxBytes bounds the size of a file. A chain of certificates has a few KiB.
const maxBytes = 1 << 20

// read returns the content of a file that contains a PEM block whose type ends with wanted.
func read(name, wanted string) ([]byte, *Fault) {
	fault := func(reason, remedy string) ([]byte, *Fault) {
		return nil, &Fault{File: name, Reason: reason, Remedy: remedy}
	}
	text, err := filesystem.ReadRegular(name, maxBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		here, _ := os.Getwd()
		return fault("is not there", "write the file's whole path, or one from the working directory "+here)
	case errors.Is(err, fs.ErrPermission):
		return fault("may not be read", fmt.Sprintf("let spool's user (%d) read it, and the directories that it is in", os.Geteuid()))
	case err != nil:
		return fault("cannot be read: "+reasonOf(err), "give a file in PEM form")
	}
	found := ""
	for rest := text; ; {
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		if strings.Contains(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return fault("is protected by a passphrase, which nobody can type", "openssl pkey -in "+name+" -out KEY writes it without one; give that file mode 0600")
		}
		if strings.HasSuffix(block.Type, wanted) {
			return text, nil
		}
		found, rest = block.Type, after
	}
	what := map[string]string{"CERTIFICATE": "certificate", "PRIVATE KEY": "private key"}[wanted]
	switch {
	case found != "":
		return fault(fmt.Sprintf("holds a %s, and no %s", strings.ToLower(found), what), "cert is the file of the certificate and key that of its key: they may have changed places")
	case !bytes.Contains(text, []byte("-----BEGIN")):
		return fault("is not in PEM form, which begins with -----BEGIN "+wanted+"-----", "openssl x509 and openssl pkey write it from DER by -inform DER, and openssl pkcs12 -nodes from PKCS #12")
	}
	return fault("has a damaged "+what+": its PEM form does not end as it should", "copy the file again, with its lines -----BEGIN and -----END")
}

func reasonOf(err error) string {
	if wrong := (*fs.PathError)(nil); errors.As(err, &wrong) {
		return wrong.Err.Error()
	}
	return err.Error()
}
