package client

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/pion/rtp"
)

// ErrTransport is the error of a track for which the server offers another transport than the requested one, or an
// unsupported encryption.
var ErrTransport = errors.New("the server offers another transport than the requested one")

// CostsTrack reports whether an error of Setup concerns only its track, so that the caller can set up and play the
// other tracks.
func CostsTrack(err error) bool {
	return statusOf(err) != 0 || errors.Is(err, ErrTransport) || errors.Is(err, errNoAnswer) || errors.Is(err, errPorts) || errors.Is(err, ErrHangsUp)
}

// ErrHangsUp is the error of a track that the caller does not set up, because the server closed earlier connections at
// the track's SETUP. The client itself does not return it.
var ErrHangsUp = errors.New("SETUP: the server closes the connection")

// HungUp reports whether an error means that the server closed the connection.
func HungUp(err error) bool {
	return errors.Is(err, errHungUp) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// UnsupportedTransport reports whether an error of Setup means that the server does not support the requested
// transport.
func UnsupportedTransport(err error) bool {
	return statusOf(err) == 461 || errors.Is(err, ErrTransport)
}

// Setup sends SETUP for a media section. After Setup, and before Run, the caller sets the callbacks of the track with
// OnPacketRTP.
func (c *Client) Setup(m *description.Media) (err error) {
	n := 2 * c.setups
	c.setups++
	t := &track{client: c, media: m, channels: [2]int{n, n + 1}, other: c.Malformed}
	for _, f := range m.Formats { // discards formats without a callback, such as retransmissions
		t.formats[f.PayloadType()&0x7f] = func(*rtp.Packet) {}
	}
	if t.sealed, err = newDecryption(m.KeyMgmtSDES); err != nil {
		return err
	}
	ask := fmt.Sprintf("Transport: %s/TCP;unicast;interleaved=%d-%d", profile(m), n, n+1)
	if c.UDP {
		if t.udp, err = c.openPair(); err != nil {
			return err
		}
		rtp := t.udp.port()
		ask = fmt.Sprintf("Transport: %s;unicast;client_port=%d-%d", profile(m), rtp, rtp+1)
	}
	if err = c.setup(t, ask); err != nil {
		t.udp.close()
	}
	return err
}

func (c *Client) setup(t *track, ask string) error {
	var first error
	for _, url := range controlURLs(c.asked, c.base, t.media.Control) {
		res, err := c.do("SETUP", url, ask)
		if err == nil {
			t.url = url
			return c.tookTransport(t, readTransport(res.header["transport"]))
		}
		if first == nil {
			first = err
		}
		if status := statusOf(err); status != 400 && status != 404 && status != 451 && status != 454 {
			return first
		}
	}
	return first
}

// tookTransport adds a track, with the channels or ports in the Transport header of the answer to its SETUP. It returns
// an error that wraps ErrTransport if the transport is not the requested one.
func (c *Client) tookTransport(t *track, said transport) error {
	switch {
	case said.multicast:
		return fmt.Errorf("SETUP: %w: multicast", ErrTransport)
	case c.UDP && said.tcp:
		return fmt.Errorf("SETUP: %w: over TCP", ErrTransport)
	case !c.UDP && said.udp:
		return fmt.Errorf("SETUP: %w: over UDP", ErrTransport)
	case c.UDP:
		t.udp.expect(c.remoteIP, said)
	default:
		for _, asked := range t.channels {
			c.channels[asked].asked = t
		}
		if said.interleaved {
			t.channels = said.channels
		}
		for _, n := range t.channels {
			c.channels[n].tracks = append(c.channels[n].tracks, t)
		}
	}
	c.tracks = append(c.tracks, t)
	return nil
}
