package httpclient

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestThePlacesOfAddresses(t *testing.T) {
	for want, all := range map[Place][]string{
		Loopback:  {"127.0.0.1", "127.255.255.255", "::1", "::", "0.0.0.0", "0.1.2.3", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "::127.0.0.1"},
		LinkLocal: {"169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.0.1", "64:ff9b::169.254.169.254"},
		Private: {"10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255", "fc00::1", "fd12::1",
			"fec0::1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "255.255.255.255", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::"},
		Public: {"1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "100.63.255.255", "100.128.0.0",
			"169.253.255.255", "169.255.0.0", "126.255.255.255", "128.0.0.0", "2606:4700::1111", "64:ff9b::1.1.1.1", "2002:101:101::", "::ffff:1.1.1.1"},
	} {
		for _, a := range all {
			require.Equal(t, want, PlaceOf(netip.MustParseAddr(a)), a)
		}
	}
}

// A server does not lead to this machine by one of its addresses in a network.
func TestTheAddressesOfThisMachineAreItsLoopback(t *testing.T) {
	own := []net.Addr{&net.IPNet{IP: net.ParseIP("203.0.113.7"), Mask: net.CIDRMask(24, 32)}, &net.IPNet{IP: net.ParseIP("2606:4700::7"), Mask: net.CIDRMask(64, 128)}}
	for a, want := range map[string]Place{"203.0.113.7": Loopback, "::ffff:203.0.113.7": Loopback, "2606:4700::7": Loopback, "203.0.113.8": Public, "10.0.0.1": Private} {
		require.Equal(t, want, placeWith(netip.MustParseAddr(a), own), a)
	}
}

// The first connection may lead anywhere, and later ones to no nearer place than that, also by the same name.
func TestLaterConnectionsLeadToNoNearerPlace(t *testing.T) {
	addresses := []string{"203.0.113.1", "10.0.0.1", "169.254.0.1", "127.0.0.1"}
	for i, first := range addresses {
		r := &reach{placeOf: PlaceOf}
		for _, to := range addresses {
			require.NoError(t, r.allows(net.JoinHostPort(to, "80")), "before there is a connection")
		}
		r.made(&net.TCPAddr{IP: net.ParseIP(first), Port: 80})
		r.made(&net.TCPAddr{IP: net.ParseIP("127.0.0.1"), Port: 80}) // not the first one
		for k, to := range addresses {
			err := r.allows(net.JoinHostPort(to, "80"))
			require.Equal(t, k > i, err != nil, "%s to %s", first, to)
		}
	}
}

// A connection decides for its client alone: the next pull of a stream has a client of its own.
func TestAClientIsOfOnePull(t *testing.T) {
	server := func(address string) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		require.NoError(t, s.Listener.Close())
		var err error
		s.Listener, err = net.Listen("tcp", address+":0")
		require.NoError(t, err)
		s.Start()
		t.Cleanup(s.Close)
		return s.URL
	}
	far, near := server("127.0.0.2"), server("127.0.0.1")
	clients, err := New("", "http", time.Minute)
	require.NoError(t, err)
	clients.PlaceOf = func(a netip.Addr) Place { return map[string]Place{"127.0.0.1": Loopback}[a.String()] }
	get := func(c *http.Client, url string) error {
		defer c.CloseIdleConnections()
		res, err := c.Get(url)
		if err == nil {
			err = res.Body.Close()
		}
		return Explain(err)
	}
	one, two := clients.Client(), clients.Client()
	require.NoError(t, get(one, far))
	require.ErrorContains(t, get(one, near), near+" is not followed")
	require.NoError(t, get(two, near))
	require.NoError(t, get(two, far))
}
