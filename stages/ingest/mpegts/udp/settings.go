package udp

import (
	"fmt"
	"net/url"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/stages/ingest"
)

// Settings are the settings of ingest.mpegts.
type Settings struct {
	ingest.ServerSettings
	Inputs []Input `yaml:"inputs" doc:"The addresses at which transport streams arrive; none is off. A sender needs no password: where ingest.auth has users, a sender cannot publish here, and the stream is pulled from the same address instead."`
}

// Input is an address at which one stream arrives.
type Input struct {
	Path string `yaml:"path" doc:"Path of the stream."`
	URL  string `yaml:"url" public:"an address of this machine, without a password" doc:"udp://HOST:PORT or rtp://HOST:PORT: an address of this machine, or a multicast group. Options: source=ADDRESS is the only sender of a group, interface=NAME the network interface of a group, and from=ADDRESS or from=NETWORK a sender that may send; others may not then."`
}

// protocol is the name under which the server is registered (ingest.RegisterServer).
const protocol = "mpegts"

func init() {
	ingest.RegisterServer(protocol, Settings{ServerSettings: ingest.DefaultServerSettings("")},
		"MPEG transport streams over UDP, unicast and multicast, plain or in RTP. Each address belongs to one stream.", newServer)
}

// Addresses returns the addresses of the inputs.
func (s *Settings) Addresses() map[string]config.Address {
	all := map[string]config.Address{}
	for i := range s.Inputs {
		if a, err := s.Inputs[i].address(); err == nil {
			all[fmt.Sprintf("inputs/%d/url", i)] = config.Address{Listen: a.Listen, Passwords: true}
		}
	}
	return all
}

// address reads the URL.
func (i *Input) address() (Address, error) {
	u, err := url.Parse(i.URL)
	if err != nil {
		return Address{}, fmt.Errorf("the address cannot be read: %s", addressForm)
	}
	return ParseAddress(u)
}

// Check returns the problems of the settings.
func (s *Settings) Check() (ps config.Problems) {
	if s.Listen != "" {
		ps = append(ps, config.At("listen", "one address cannot tell the streams apart").WithHint("write inputs, with an address for each path"))
	}
	paths, addresses := map[string]bool{}, map[string]bool{}
	for i := range s.Inputs {
		in := &s.Inputs[i]
		at := func(key string) string { return fmt.Sprintf("inputs/%d/%s", i, key) }
		if err := streampath.Check(in.Path); err != nil {
			ps = append(ps, config.At(at("path"), "%v", err))
		} else if paths[in.Path] {
			ps = append(ps, config.At(at("path"), "another input has this path").WithHint("each input publishes a stream of its own"))
		}
		paths[in.Path] = true
		a, err := in.address()
		if err != nil {
			ps = append(ps, config.At(at("url"), "%v", err))
			continue
		}
		if addresses[a.Listen] {
			ps = append(ps, config.At(at("url"), "another input has this address").WithHint("each stream needs a port or a group of its own"))
		}
		addresses[a.Listen] = true
	}
	return ps
}
