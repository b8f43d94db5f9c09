package udp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

func init() {
	hub.RegisterScheme(schemeUDP, newPuller)
	hub.RegisterScheme(schemeRTP, newPuller)
}

// puller takes the datagrams at an address.
type puller struct {
	hub.PullOptions
	address Address
}

func newPuller(o hub.PullOptions) (hub.Puller, error) {
	address, err := ParseAddress(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = pipeline.SystemClock
	}
	if o.Fingerprint != "" || o.Transport != "" {
		return nil, errors.New("transport and tls.fingerprint are not for datagrams")
	}
	return &puller{PullOptions: o, address: address}, nil
}

// defaultTimeout is how long nothing may come.
const defaultTimeout = 10 * time.Second

// Pull publishes the stream that arrives at the address, until nothing that can be recorded comes for the read timeout or ctx
// ends.
func (p *puller) Pull(ctx context.Context, publish func(origin string) (*hub.Publisher, error)) error {
	conn, err := p.address.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	strangers := sparinglog.New(p.Log)
	limit, began := cmp.Or(p.ReadTimeout, defaultTimeout), p.Clock.Now()
	var current *flow
	defer func() {
		if current != nil {
			current.close(endcause.SourceLost)
		}
	}()
	take := func(b []byte, from netip.AddrPort) error {
		now := p.Clock.Now()
		if current != nil && current.from != from {
			if current.ahead(now) || !p.address.permits(from.Addr()) || !p.address.carries(b) {
				strangers.Warn("datagrams of a second sender are left out: one address takes one stream", "address", p.address.Listen, "remote", from.String())
				return nil
			}
			current.close(endcause.SourceLost)
			current = nil
		}
		if current == nil {
			if !p.address.permits(from.Addr()) || !p.address.carries(b) {
				strangers.Warn("a datagram is left out: its sender may not send, or it is no part of an MPEG transport stream", "address", p.address.Listen, "remote", from.String())
				return nil
			}
			origin := fmt.Sprintf("%s from %s", p.address.origin, from)
			current = newFlow(&p.address, from, now, mpegts.Options{Publish: func() (*hub.Publisher, error) { return publish(origin) }, Clock: p.Clock, Log: p.Log})
		}
		return current.datagram(b, now)
	}
	look := func() error {
		now := p.Clock.Now()
		closed, silent := time.Duration(0), now.Sub(began)
		if current != nil {
			var err error
			if closed, silent, err = current.look(now); err != nil {
				return err
			}
		}
		switch {
		case silent > limit:
			return fmt.Errorf("no datagram of a transport stream has come to %s for %v", p.address.Listen, limit)
		case closed > limit:
			return fmt.Errorf("no stream that can be recorded has come to %s for %v", p.address.Listen, limit)
		}
		return nil
	}
	if err := receive(ctx, conn, take, look); err != nil {
		return err
	}
	return context.Cause(ctx)
}
