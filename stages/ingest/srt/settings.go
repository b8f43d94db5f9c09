package srt

import (
	"fmt"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/stages/ingest"
)

// Settings are the settings of ingest.srt.
type Settings struct {
	ingest.ServerSettings
	Latency         config.Duration          `yaml:"latency" doc:"How long data is held, so that what the network loses can be sent again: four times the round-trip time at least, more on a poor network. A publisher that asks for more gets it, up to 8s."`
	Passphrase      config.Secret            `yaml:"passphrase,omitempty" doc:"10 to 79 bytes, which every publisher needs; empty is no encryption."`
	Passphrases     map[string]config.Secret `yaml:"passphrases,omitempty" doc:"Passphrases of the streams whose path matches a pattern, in place of passphrase; of several patterns the longest decides. An empty one is no encryption."`
	KeyLength       int                      `yaml:"key_length" doc:"Bytes of the key that encrypts: 16, 24 or 32. Publishers are asked for it, and one with a shorter key is refused. 0 is the publisher's choice."`
	PlainPasswords  bool                     `yaml:"plain_passwords" doc:"Take passwords though listen is an address that others reach, too: they can read the streamid on the way, even with a passphrase. Where listen is loopback they are taken anyway."`
	AnnounceTimeout config.Duration          `yaml:"announce_timeout" doc:"A publisher that has not sent a stream that can be recorded this soon is closed."`
}

// protocol is the name under which the server is registered (ingest.RegisterServer).
const protocol = "srt"

// defaultLatency is the latency of the server and of pulls. libsrt has 120 ms, which does not suffice for a network that
// loses 5 % and delays by 30 ms: README.md has the figures. A recording needs whole data more than a short delay.
const defaultLatency = time.Second

// The bounds of latencies.
const (
	leastLatency = 20 * time.Millisecond
	mostLatency  = 8 * time.Second
)

func init() {
	ingest.RegisterServer(protocol, Settings{
		ServerSettings:  ingest.DefaultServerSettings(""),
		Latency:         config.Duration(defaultLatency),
		AnnounceTimeout: config.Duration(10 * time.Second),
	}, "SRT: MPEG-TS over UDP, whose losses are sent again. The streamid names the stream.", newServer,
		ingest.PublishCommand(`ffmpeg -re -i VIDEO -c copy -f mpegts "{url}&linger=5"`))
}

// Addresses returns the address at which the server listens.
func (s *Settings) Addresses() map[string]config.Address {
	return map[string]config.Address{"listen": {Listen: s.Listen, Passwords: s.PlainPasswords}}
}

// Check returns the problems of the settings.
func (s *Settings) Check() (ps config.Problems) {
	for _, d := range []struct {
		key         string
		value       config.Duration
		least, most time.Duration
	}{
		{"latency", s.Latency, leastLatency, mostLatency},
		{"announce_timeout", s.AnnounceTimeout, time.Second, time.Hour},
	} {
		if v := d.value.D(); v < d.least || v > d.most {
			ps = append(ps, config.At(d.key, "%s is out of range", d.value).WithHint("%s to %s", config.Duration(d.least), config.Duration(d.most)))
		}
	}
	if !slices.Contains([]int{0, 16, 24, 32}, s.KeyLength) {
		ps = append(ps, config.At("key_length", "%d is no length of a key", s.KeyLength).WithHint("16, 24, 32, or 0 for the publisher's choice"))
	}
	if err := checkPassphrase(s.Passphrase.Reveal()); err != nil {
		ps = append(ps, config.At("passphrase", "%v", err))
	}
	for _, pattern := range patterns(s.Passphrases) {
		key := config.Join("passphrases", pattern)
		if _, err := streampath.ParseGlob(pattern); err != nil {
			ps = append(ps, config.At(key, "%v", err))
		}
		if err := checkPassphrase(s.Passphrases[pattern].Reveal()); err != nil {
			ps = append(ps, config.At(key, "%v", err))
		}
	}
	return ps
}

// checkPassphrase returns an error if a passphrase has a length that SRT does not take. It does not quote it.
func checkPassphrase(text string) error {
	if n := len(text); n != 0 && (n < 10 || n > 79) {
		return fmt.Errorf("it has %d bytes: a passphrase of SRT has 10 to 79", n)
	}
	return nil
}
