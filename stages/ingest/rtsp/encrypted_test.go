package rtsp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
)

// certify writes a certificate with a serial number, and its key.
func certify(t *testing.T, at TLS, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{at.Cert: {Type: "CERTIFICATE", Bytes: cert}, at.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
		require.NoError(t, os.Chtimes(name, time.Time{}, time.Unix(serial, 0))) // a file system may count in coarse ticks
	}
}

// serveTLS runs a server that also speaks RTSPS, and returns that address.
func (r *fixture) serveTLS(cfg Config) (s *Server, addr string, at TLS) {
	dir := r.t.TempDir()
	cfg.TLS = TLS{Listen: "127.0.0.1:0", Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	certify(r.t, cfg.TLS, 1)
	s, _ = r.serve(cfg)
	return s, s.EncryptedAddr().String(), cfg.TLS
}

var trusting = &tls.Config{InsecureSkipVerify: true} // #nosec G402: the serial is looked at

func dialTLS(t *testing.T, addr string) *talk {
	t.Helper()
	c, err := tls.Dial("tcp", addr, trusting)
	require.NoError(t, err)
	return talkOn(t, c)
}

// All bounds hold within TLS as without; plain passwords are accepted.
func TestUnitsPublishedByRTSPSAreTheSourcesOwn(t *testing.T) {
	r := newFixture(t)
	keeper := newKeeper()
	keeper.offers.All = false
	s, addr, _ := r.serveTLS(Config{Authorizer: keeper, UDP: freeUDPPair(t), public: true})
	file := clip(t, "h264", x264...)
	wait := r.record("live/a")
	ffmpeg(t, "-i", file, "-c", "copy", "-max_delay", "1000", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsps://cam:right@"+addr+"/live/a")
	compare(t, file, codec.H264, wait(), 1)
	require.EqualValues(t, 1, keeper.basic.Load())
	require.Contains(t, r.book.String(), "rtsps="+addr)

	u := "rtsps://" + addr + "/live/b"
	k := dialTLS(t, addr)
	require.Equal(t, "200 OK", k.ask("ANNOUNCE", u, basic("cam", "right")))
	require.True(t, strings.HasPrefix(k.ask("SETUP", u+"/streamid=0", "Transport: RTP/AVP;unicast;client_port=5000-5001;mode=record"), "461"), "media over UDP would not be encrypted")
	require.Equal(t, "200 OK", k.ask("SETUP", u+"/streamid=0", setupTCP))
	require.Equal(t, "RECORD: 200 OK", k.record(u))
	require.Equal(t, "200 OK", k.ask("TEARDOWN", u, "Session: "+k.session))
	require.Equal(t, "401 Unauthorized", dialTLS(t, addr).ask("ANNOUNCE", u, basic("cam", "wrong")))
	require.Equal(t, "401 Unauthorized", dial(t, s.Addr().String()).ask("ANNOUNCE", strings.Replace(u, "rtsps", "rtsp", 1), basic("cam", "right")), "on a readable network")
}

// The bounds hold for a client that is slow in TLS as for any other.
func TestAHandshakeThatStallsIsClosed(t *testing.T) {
	r := newFixture(t)
	_, addr, _ := r.serveTLS(Config{AnnounceTimeout: soon})
	hello := func() []byte { // the first flight of a client
		ours, theirs := net.Pipe()
		defer ours.Close()
		go func() { _ = tls.Client(theirs, trusting).Handshake() }()
		b := make([]byte, 4<<10)
		n, err := ours.Read(b)
		require.NoError(t, err)
		return b[:n]
	}()
	for name, says := range map[string][]byte{"nothing": nil, "half of its hello": hello[:len(hello)/2], "no more than its hello": hello} {
		k := dial(t, addr)
		require.NoError(t, k.write(string(says)), name)
		k.closes()
	}
	var k *talk
	shakes := func() bool { // a busy machine may need longer for a handshake than the server allows
		c, err := tls.Dial("tcp", addr, trusting)
		if err == nil {
			k = talkOn(t, c)
		}
		return err == nil
	}
	eventually(t, "a handshake", shakes)
	k.closes() // the client says nothing after it
	for _, says := range []string{"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("\x00", 100)} {
		k := dial(t, addr)
		require.NoError(t, k.write(says))
		k.closes()
	}
	eventually(t, "a client without TLS is logged", func() bool { return strings.Contains(r.book.String(), "the TLS handshake failed") })
	eventually(t, "a client with TLS is served", func() bool { return shakes() && k.stays() })
}

// agreed returns a connection after its TLS handshake, and its client, which reads no more. There is no buffer
// between: written bytes wait for a reader.
func agreed(t *testing.T) (*serverConn, net.Conn) {
	ours, theirs := net.Pipe()
	dir := t.TempDir()
	at := TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	certify(t, at, 1)
	pair, err := tls.LoadX509KeyPair(at.Cert, at.Key)
	require.NoError(t, err)
	w := &wire{Conn: ours, within: time.Hour}
	g := &serverConn{of: &Server{cfg: Config{}.withDefaults()}, wire: w, tls: tls.Server(w, &tls.Config{Certificates: []tls.Certificate{pair}})}
	g.conn = newConn(g.tls, nil)
	read := make(chan error, 1)
	go func() {
		_, err := tls.Client(theirs, trusting).Read(make([]byte, 1))
		read <- err
	}()
	require.NoError(t, g.handshake())
	_, err = g.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, <-read)
	return g, theirs
}

// A client that reads no bytes delays neither the connection that replaces it, nor the end of the server.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	for name, end := range map[string]func(*serverConn){
		"closed": func(g *serverConn) { _ = g.Close() }, // the client does not read the farewell
		"cut":    (*serverConn).cut,
		"closed while an answer waits": func(g *serverConn) {
			writing := make(chan error, 1)
			go func() { _, err := g.Write([]byte("RTSP/1.0 200 OK\r\n\r\n")); writing <- err }()
			_ = g.Close()
			require.Error(t, <-writing)
		},
	} {
		g, theirs := agreed(t)
		end(g)
		_, err := io.Copy(io.Discard, theirs)
		require.NoError(t, err, name)
		_ = theirs.Close()
	}
}

// The server uses the newest usable certificate.
func TestAChangedCertificateIsServed(t *testing.T) {
	r := newFixture(t)
	_, addr, at := r.serveTLS(Config{})
	serial := func() int64 {
		c, err := tls.Dial("tcp", addr, trusting)
		require.NoError(t, err)
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	require.EqualValues(t, 1, serial())
	certify(t, at, 2)
	require.EqualValues(t, 2, serial())
	require.NoError(t, os.WriteFile(at.Cert, []byte("rubbish"), 0o600))
	require.EqualValues(t, 2, serial())
	require.Contains(t, r.book.String(), "ingest.rtsp.tls: the changed certificate cannot be used")
	_, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}) // #nosec G402: it is refused
	require.Error(t, err)
}

// The list of connections shows the port of each connection, and the accepted user name.
func TestConnectionsAreListedWithTLSAndUser(t *testing.T) {
	r := newFixture(t)
	s, addr, _ := r.serveTLS(Config{Authorizer: newKeeper()})
	var listed []string
	list := func() []string {
		listed = nil
		for _, c := range s.Connections() {
			listed = append(listed, fmt.Sprintf("%s tls=%v user=%q path=%q %s", c.Protocol, c.TLS, c.User, c.Path, c.State))
		}
		return listed
	}
	plain := dial(t, s.Addr().String())
	require.Equal(t, "401 Unauthorized", plain.ask("ANNOUNCE", "rtsp://"+s.Addr().String()+"/live/a"))
	require.Equal(t, []string{`rtsp tls=false user="" path="" open`}, list())
	require.Equal(t, "401 Unauthorized", plain.ask("ANNOUNCE", "rtsp://"+s.Addr().String()+"/live/a", basic("stranger", "x")))
	eventually(t, "it is hung up on", func() bool { return len(list()) == 0 })

	u := "rtsps://" + addr + "/live/b"
	k := dialTLS(t, addr)
	require.Equal(t, "200 OK", k.ask("ANNOUNCE", u, basic("cam", "right")))
	require.Equal(t, []string{`rtsp tls=true user="cam" path="live/b" announced`}, list())
	require.Equal(t, "200 OK", k.ask("SETUP", u+"/streamid=0", setupTCP))
	require.Equal(t, "RECORD: 200 OK", k.record(u))
	require.Equal(t, []string{`rtsp tls=true user="cam" path="live/b" publishing`}, list())
	require.Equal(t, "200 OK", k.ask("TEARDOWN", u, "Session: "+k.session))
	require.Equal(t, []string{`rtsp tls=true user="" path="" open`}, list())
}

// The server serves RTSP with a broken certificate of RTSPS, and RTSPS as soon as the certificate is replaced.
func TestABrokenCertificateStopsRTSPSAlone(t *testing.T) {
	r := newFixture(t)
	dir := t.TempDir()
	at := TLS{Listen: "127.0.0.1:0", Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	s, plain := r.serve(Config{TLS: at})
	require.True(t, dial(t, plain).stays())
	_, err := tls.Dial("tcp", s.EncryptedAddr().String(), trusting)
	require.Error(t, err)
	require.ErrorContains(t, s.Fault(), "ingest.rtsp.tls: "+at.Cert+" is not there")
	require.Contains(t, r.book.String(), at.Cert+" is not there")
	require.NoError(t, os.WriteFile(at.Cert, []byte("rubbish"), 0o600))
	require.ErrorContains(t, s.Fault(), at.Cert+" is not in PEM form")
	certify(t, at, 1)
	require.NoError(t, s.Fault())
	require.True(t, dialTLS(t, s.EncryptedAddr().String()).stays())
}

// The bounds of connections apply to both ports together.
func TestBothPortsShareTheirBounds(t *testing.T) {
	r := newFixture(t)
	s, addr, _ := r.serveTLS(Config{MaxConnections: 4, MaxPerAddress: 9, AnnounceTimeout: deadline})
	var all []*talk
	for range 2 {
		all = append(all, dialTLS(t, addr), dial(t, s.Addr().String()))
	}
	for _, k := range all {
		require.True(t, k.stays())
	}
	for i, k := range all {
		next := dialTLS(t, addr)
		if i%2 == 0 {
			next = dial(t, s.Addr().String())
		}
		require.True(t, next.stays())
		k.closes()
	}
	require.Equal(t, 4, s.Counts().Connections)
}

func TestAServerOfRTSPSAlone(t *testing.T) {
	r := newFixture(t)
	dir := t.TempDir()
	at := TLS{Listen: "127.0.0.1:0", Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	s := New(Config{TLS: at}, r.hub, r.log)
	r.tasks.Go("rtsp", s.Run)
	<-s.Ready()
	certify(t, at, 1)
	require.Equal(t, s.Addr(), s.EncryptedAddr())
	require.True(t, dialTLS(t, s.Addr().String()).stays())

	taken := s.Addr().String()
	at.Listen = taken
	other := New(Config{Listen: "127.0.0.1:0", TLS: at}, r.hub, r.log)
	require.ErrorContains(t, other.Run(t.Context()), "listen on "+taken, "the other port is given back: goleak looks")
	require.ErrorContains(t, New(Config{TLS: TLS{Listen: "127.0.0.1:0"}}, r.hub, r.log).Run(t.Context()), "cert or key is missing")
}
