package certificate

import (
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/certificate/certificatetest"
)

var now = time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)

// Each fault names its file, the reason and the remedy.
func TestFaultsOfCertificatesAreNamed(t *testing.T) {
	good, key := certificatetest.Pair(t, now.AddDate(0, 0, 7))
	_, otherKey := certificatetest.Pair(t, now.AddDate(0, 0, 7))
	old, oldKey := certificatetest.Pair(t, now.AddDate(0, 0, -1))
	early, earlyKey := certificatetest.Pair(t, now.AddDate(1, 0, 0))
	rubbish := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("rubbish")})
	rubbishKey := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("rubbish")})
	locked := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("locked")})
	for name, c := range map[string]struct {
		cert, key []byte // nil: the file does not exist
		mode      os.FileMode
		says      []string
		serves    bool
	}{
		"good":                    {good, key, 0o600, nil, true},
		"no certificate":          {nil, key, 0o600, []string{"/cert.pem is not there", "working directory"}, false},
		"no key":                  {good, nil, 0o600, []string{"/key.pem is not there"}, false},
		"no PEM":                  {[]byte("rubbish"), key, 0o600, []string{"/cert.pem is not in PEM form", "openssl"}, false},
		"half a certificate":      {good[:len(good)/2], key, 0o600, []string{"/cert.pem has a damaged certificate"}, false},
		"rubbish in PEM":          {rubbish, key, 0o600, []string{"/cert.pem holds a certificate that cannot be read"}, false},
		"rubbish in PEM as a key": {good, rubbishKey, 0o600, []string{"/key.pem holds a key that cannot be read"}, false},
		"changed places":          {key, good, 0o600, []string{"/cert.pem holds a private key, and no certificate", "changed places"}, false},
		"key of another one":      {good, otherKey, 0o600, []string{"/key.pem does not fit the certificate", "/cert.pem"}, false},
		"key with a passphrase":   {good, locked, 0o600, []string{"/key.pem is protected by a passphrase", "openssl pkey"}, false},
		"expired":                 {old, oldKey, 0o600, []string{"/cert.pem has expired on 2030-04-30 12:00 UTC", "renew"}, true},
		"not yet valid":           {early, earlyKey, 0o600, []string{"/cert.pem is valid from 2031-04-01"}, true},
		"readable by the group":   {good, key, 0o640, []string{"/key.pem is a private key", "0640", "chmod 600"}, true},
		"readable by all":         {good, key, 0o644, []string{"/key.pem is a private key", "0644", "chmod 600"}, true},
	} {
		dir := t.TempDir()
		files := [2]string{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
		for i, text := range [][]byte{c.cert, c.key} {
			if text != nil {
				require.NoError(t, os.WriteFile(files[i], text, 0o600), name)
				require.NoError(t, os.Chmod(files[i], c.mode), name)
			}
		}
		faults := Inspect(files[0], files[1], now)
		_, err := Read("http.tls", files[0], files[1], slog.New(slog.DiscardHandler))
		if c.serves {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, "http.tls: "+files[0][:len(dir)], name)
			require.Len(t, faults, 1, name)
		}
		if c.says == nil {
			require.Empty(t, faults, name)
			continue
		}
		require.Len(t, faults, 1, name)
		require.Equal(t, c.serves, faults[0].Serves, name)
		for _, want := range c.says {
			require.Contains(t, faults[0].Error(), want, name)
		}
		require.Equal(t, faults[0].File == files[1], faults[0].OfKey, name)
	}
}

// A name that is no regular file is refused without a wait for its content.
func TestADirectoryIsRefusedAsACertificate(t *testing.T) {
	dir := t.TempDir()
	faults := Inspect(dir, dir, now)
	require.Len(t, faults, 1)
	require.ErrorContains(t, faults[0], dir+" cannot be read: it is no file")
}
