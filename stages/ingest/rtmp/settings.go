package rtmp

import (
	"time"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/ingest"
)

// Settings are the settings of ingest.rtmp.
type Settings struct {
	ingest.ServerSettings
	PublishTimeout config.Duration `yaml:"publish_timeout" doc:"A connection that does not publish a stream this soon is closed."`
	WriteTimeout   config.Duration `yaml:"write_timeout" doc:"A client that does not take an answer in this time is gone."`
	PlainPasswords bool            `yaml:"plain_passwords" doc:"Take passwords at listen though it is an address that others reach, too: they can read them on the way. By RTMPS, and where listen is loopback, they are taken anyway."`
	TLS            TLS             `yaml:"tls" doc:"RTMPS: all is encrypted."`
}

// TLS are the settings of RTMPS.
type TLS struct {
	Listen string `yaml:"listen" doc:"host:port, commonly :1936 or :443; empty is off."`
	Cert   string `yaml:"cert" doc:"PEM file of the certificate and those that vouch for it; empty is http.tls.cert. It is read again when it changes."`
	Key    string `yaml:"key" public:"a file's name" doc:"PEM file of its key; empty is http.tls.key."`
}

// protocol is the name under which the server is registered (ingest.RegisterServer).
const protocol = "rtmp"

const defaultTimeout = 10 * time.Second

func init() {
	ingest.RegisterServer(protocol, Settings{
		ServerSettings: ingest.DefaultServerSettings(""),
		PublishTimeout: config.Duration(defaultTimeout),
		WriteTimeout:   config.Duration(defaultTimeout),
	}, "RTMP and RTMPS, also enhanced: OBS, ffmpeg, drones and cameras publish.", newServer,
		ingest.PublishCommand("ffmpeg -re -i VIDEO -c copy -f flv {url}"))
}

// Addresses returns the addresses at which the server listens, by the key of their setting below ingest.rtmp.
func (s *Settings) Addresses() map[string]config.Address {
	return map[string]config.Address{
		"listen":     {Listen: s.Listen, Passwords: s.PlainPasswords},
		"tls/listen": {Listen: s.TLS.Listen, Encrypted: true, Cert: s.TLS.Cert, Key: s.TLS.Key, Passwords: true},
	}
}

// Check returns the problems of the settings: timeouts out of range, a certificate without key or a key without
// certificate.
func (s *Settings) Check() (ps config.Problems) {
	for _, d := range []struct {
		key   string
		value config.Duration
	}{{"publish_timeout", s.PublishTimeout}, {"write_timeout", s.WriteTimeout}} {
		if d.value.D() < time.Second || d.value.D() > time.Hour {
			ps = append(ps, config.At(d.key, "%s is out of range", d.value).WithHint("1s to 1h"))
		}
	}
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		ps = append(ps, config.At("tls", "one of cert and key is missing").WithHint("both are files in PEM form; without either those of http.tls are used"))
	}
	return ps
}
