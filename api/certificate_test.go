package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pair makes a self-signed certificate with a serial number.
func pair(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func TestChangedCertificateIsServedAndABrokenOneIsNot(t *testing.T) {
	w := newFixture(t)
	dir := t.TempDir()
	files := TLS{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	tick := time.Now()
	write := func(name string, data []byte) {
		require.NoError(t, os.WriteFile(name, data, 0o600))
		tick = tick.Add(time.Second) // a file system may count in coarse ticks
		require.NoError(t, os.Chtimes(name, tick, tick))
	}
	cert1, key1 := pair(t, 1)
	cert2, key2 := pair(t, 2)
	write(files.Cert, cert1)
	write(files.Key, key1)
	w.put("x.mp4", footageBytes(100_000))
	_, addr := w.run(func(c *Config, _ *Deps) { c.TLS = files })
	serial := func(proto ...string) int64 {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: proto}}}
		res, err := client.Get("https://" + addr + "/mp4/vod/x.mp4")
		require.NoError(t, err)
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, string(footageBytes(100_000)), string(data))
		return res.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	require.EqualValues(t, 1, serial("http/1.1"))
	require.EqualValues(t, 1, serial("h2"))
	write(files.Cert, cert2)
	require.EqualValues(t, 1, serial(), "half of the new pair is there")
	require.Contains(t, w.log.String(), "the last one stays")
	write(files.Key, key2)
	require.EqualValues(t, 2, serial())
	write(files.Cert, []byte("rubbish"))
	require.EqualValues(t, 2, serial())
	require.NoError(t, os.Remove(files.Key))
	require.EqualValues(t, 2, serial())
}

func TestCertificateThatCannotBeReadIsAnErrorOfTheStart(t *testing.T) {
	w := newFixture(t)
	s := w.server(func(c *Config, _ *Deps) { c.TLS = TLS{"/nowhere/cert.pem", "/nowhere/key.pem"} })
	_, err := s.Listen()
	require.ErrorContains(t, err, "http.tls")
	cfg := w.config()
	cfg.TLS.Cert = "only.pem"
	require.ErrorContains(t, cfg.Check(), "both cert and key")
}

func TestPortInUseIsAnErrorOfTheStart(t *testing.T) {
	w := newFixture(t)
	_, addr := w.run()
	_, err := w.server(func(c *Config, _ *Deps) { c.Listen = addr }).Listen()
	require.ErrorContains(t, err, addr)
	require.ErrorContains(t, err, "http.listen: ")
	require.ErrorContains(t, err, "ss -ltnp")
}
