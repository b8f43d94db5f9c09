package rtsp

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtsp/client"
)

// Settings are the settings of ingest.rtsp.
type Settings struct {
	ingest.ServerSettings
	UDP             UDP             `yaml:"udp" doc:"Ports on the same host for media over UDP."`
	AnnounceTimeout config.Duration `yaml:"announce_timeout" doc:"A connection that does not announce a stream this soon is closed."`
	WriteTimeout    config.Duration `yaml:"write_timeout" doc:"A client that does not take an answer in this time is gone."`
	PlainBasic      bool            `yaml:"plain_basic" doc:"Take a user's password as it is (Basic) at an address that others reach too, though they can read it on the way. Without it a client there must answer by Digest, and its user needs a digest. Where the server itself listens on loopback alone, and by RTSPS, it is taken anyway; a client of this machine at another address is treated as any other."`
	TLS             TLS             `yaml:"tls" doc:"RTSPS: all is encrypted, media too, which comes within the connection."`
}

// TLS are the settings of RTSPS.
type TLS struct {
	Listen string `yaml:"listen" doc:"host:port, commonly :8322; empty is off."`
	Cert   string `yaml:"cert" doc:"PEM file of the certificate and those that vouch for it; empty is http.tls.cert. It is read again when it changes."`
	Key    string `yaml:"key" public:"a file's name" doc:"PEM file of its key; empty is http.tls.key."`
}

// Addresses returns the addresses at which the server listens, by the key of their setting below ingest.rtsp, with the
// kinds of credentials that clients can send there.
func (s *Settings) Addresses() map[string]config.Address {
	return map[string]config.Address{
		"listen":     {Listen: s.Listen, Passwords: s.PlainBasic, Digests: true},
		"tls/listen": {Listen: s.TLS.Listen, Encrypted: true, Cert: s.TLS.Cert, Key: s.TLS.Key, Passwords: true, Digests: true},
	}
}

// UDP holds the ports at which the server receives media over UDP; the zero value turns UDP off.
type UDP struct {
	RTP  uint16 `yaml:"rtp" doc:"Even; 0 with rtcp 0 is no UDP."`
	RTCP uint16 `yaml:"rtcp" doc:"The next one after rtp."`
}

// protocol is the name under which the server is registered (ingest.RegisterServer); the Authorizer gets it with each
// request.
const protocol = "rtsp"

func init() {
	egress.RegisterOutput(protocol)
	ingest.RegisterServer(protocol, Settings{
		ServerSettings:  ingest.DefaultServerSettings("127.0.0.1:8554"),
		UDP:             UDP{RTP: 8000, RTCP: 8001},
		AnnounceTimeout: config.Duration(client.DefaultTimeout),
		WriteTimeout:    config.Duration(client.DefaultTimeout),
	}, "RTSP: ANNOUNCE and RECORD, over TCP and UDP.", newServer,
		ingest.PublishCommand("ffmpeg -re -i VIDEO -c copy -f rtsp -rtsp_transport tcp {url}"))
}

func newServer(s Settings, d ingest.ServerDeps) (ingest.Server, error) {
	if s.TLS.Cert == "" && s.TLS.Key == "" {
		s.TLS.Cert, s.TLS.Key = d.Cert, d.Key
	}
	return New(Config{
		TLS: s.TLS, PlainBasic: s.PlainBasic,
		Listen: s.Listen, UDP: s.UDP, OverridePublisher: s.OverridePublisher,
		ReadTimeout: s.ReadTimeout.D(), WriteTimeout: s.WriteTimeout.D(), AnnounceTimeout: s.AnnounceTimeout.D(),
		MaxConnections: s.MaxConnections, MaxPerAddress: s.MaxPerAddress, Clock: d.Clock, Authorizer: d.Authorizer, Readers: d.Readers,
	}, d.Hub, d.Log), nil
}

// Check returns the problems of the settings: UDP ports that RTP cannot use (they must be an even one and the next: RFC
// 3550, 11), timeouts out of range, a certificate without key or a key without certificate.
func (s *Settings) Check() (ps config.Problems) {
	add := func(key, msg, hint string) { ps = append(ps, config.Problem{Path: key, Msg: msg, Hint: hint}) }
	off := s.UDP == UDP{}
	if !off && (s.UDP.RTP == 0 || s.UDP.RTP%2 != 0) {
		add("udp/rtp", fmt.Sprintf("%d is no RTP port", s.UDP.RTP), "an even port; rtp: 0 and rtcp: 0 turn UDP off")
	}
	if !off && s.UDP.RTCP != s.UDP.RTP+1 {
		add("udp/rtcp", fmt.Sprintf("%d does not follow rtp %d", s.UDP.RTCP, s.UDP.RTP), "it is the next port after rtp")
	}
	for key, d := range map[string]config.Duration{"announce_timeout": s.AnnounceTimeout, "write_timeout": s.WriteTimeout} {
		if d.D() < time.Second || d.D() > time.Hour {
			add(key, d.String()+" is out of range", "1s to 1h")
		}
	}
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		add("tls", "one of cert and key is missing", "both are files in PEM form; without either those of http.tls are used")
	}
	return ps
}
