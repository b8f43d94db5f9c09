package webrtc

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/ingest"
)

// Settings are the settings of ingest.webrtc.
type Settings struct {
	ingest.ServerSettings
	Advertise        []string        `yaml:"advertise" doc:"Further IP addresses at which clients reach the port of listen, such as that of a router that forwards it."`
	KeyFrameInterval config.Duration `yaml:"key_frame_interval" doc:"A publisher is asked for a key frame this often: browsers send hardly any by themselves, and files begin with one. 0 asks only after a loss."`
	MinSegment       config.Duration `yaml:"min_segment" doc:"A publisher that changes the size of its pictures begins a new file, but at most this often: browsers do so whenever their network changes. Within it the sizes follow each other in one file."`
	ConnectTimeout   config.Duration `yaml:"connect_timeout" doc:"A client whose media is not connected this soon after its request is gone."`
}

// protocol is the name under which the server is registered (ingest.RegisterServer).
const protocol = "webrtc"

func init() {
	egress.RegisterOutput(protocol)
	ingest.RegisterServer(protocol, Settings{
		ServerSettings:   ingest.DefaultServerSettings("127.0.0.1:8189"),
		KeyFrameInterval: config.Duration(2 * time.Second),
		MinSegment:       config.Duration(30 * time.Second),
		ConnectTimeout:   config.Duration(10 * time.Second),
	}, "WebRTC: WHIP publishes and WHEP plays, by requests to the HTTP server. Media uses this address, over UDP and TCP.", newServer)
}

// Addresses returns the address of the media. Only clients whose request the HTTP server has accepted can connect there.
func (s *Settings) Addresses() map[string]config.Address {
	return map[string]config.Address{"listen": {Listen: s.Listen, Encrypted: true, Signalled: true}}
}

// Check returns the problems of the settings.
func (s *Settings) Check() (ps config.Problems) {
	for i, text := range s.Advertise {
		if ip, err := netip.ParseAddr(text); err != nil || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast() {
			ps = append(ps, config.At(fmt.Sprintf("advertise/%d", i), "%.64q is no IP address of a host", text).WithHint("write it as numbers, such as 203.0.113.5"))
		}
	}
	for _, d := range []struct {
		key           string
		value         config.Duration
		least, most   time.Duration
		mayBeDisabled bool
	}{
		{"key_frame_interval", s.KeyFrameInterval, 500 * time.Millisecond, time.Hour, true},
		{"min_segment", s.MinSegment, time.Second, 24 * time.Hour, true},
		{"connect_timeout", s.ConnectTimeout, time.Second, time.Minute, false},
	} {
		if v := d.value.D(); (v < d.least || v > d.most) && !(v == 0 && d.mayBeDisabled) {
			ps = append(ps, config.At(d.key, "%s is out of range", d.value).WithHint("%s to %s", config.Duration(d.least), config.Duration(d.most)))
		}
	}
	return ps
}
