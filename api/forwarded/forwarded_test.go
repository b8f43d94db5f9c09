package forwarded

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var trusted = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("2001:db8:1::/48"),
}

func client(peer string, header ...string) string {
	r := &http.Request{RemoteAddr: peer, Header: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return Client(r, trusted)
}

const proxy = "127.0.0.1:4444"

func TestTheClientIsTheFirstFromTheRightThatIsNotTrusted(t *testing.T) {
	const xff, fwd = "X-Forwarded-For", "Forwarded"
	many := strings.Repeat("192.0.2.66, ", 1000)
	for _, c := range []struct {
		want   string
		header []string
	}{
		{"192.0.2.1", []string{xff, "192.0.2.1"}},
		{"192.0.2.1", []string{xff, "192.0.2.1:5555"}},
		{"192.0.2.1", []string{xff, "10.9.9.9, 192.0.2.1"}},
		{"192.0.2.1", []string{xff, "192.0.2.66,192.0.2.1, 10.0.0.7"}},
		{"192.0.2.1", []string{xff, "192.0.2.66", xff, "192.0.2.1", xff, "10.0.0.7 ,127.0.0.1"}},
		{"192.0.2.1", []string{xff, "192.0.2.1,, ,"}},
		{"192.0.2.1", []string{xff, many + "192.0.2.1"}},
		{"192.0.2.1", []string{xff, `"garbage, 192.0.2.1`}},
		{"192.0.2.1", []string{xff, "unknown, 192.0.2.1"}},
		{"192.0.2.1", []string{xff, "::ffff:192.0.2.1"}},
		{"10.0.0.7", []string{xff, "10.0.0.7, 127.0.0.1"}},
		{"2001:db8::1", []string{xff, "2001:db8::1"}},
		{"2001:db8::1", []string{xff, "[2001:db8::1]"}},
		{"2001:db8::1", []string{xff, "[2001:db8::1]:80, 2001:db8:1::5"}},
		{"192.0.2.1", []string{fwd, "for=192.0.2.1"}},
		{"192.0.2.1", []string{fwd, `For="192.0.2.1:47011";proto=https;by=203.0.113.43`}},
		{"192.0.2.1", []string{fwd, `for=192.0.2.66, for=192.0.2.1;host="a,b", for="10.0.0.7"`}},
		{"192.0.2.1", []string{fwd, `for="192.0.2.66, for=192.0.2.1`}},
		{"2001:db8:cafe::17", []string{fwd, `for="[2001:db8:cafe::17]:4711"`}},
		{"2001:db8:cafe::17", []string{fwd, `for="_hidden", for="[2001:db8:cafe::17]"`}},
		{"192.0.2.1", []string{fwd, "for=192.0.2.1", xff, "192.0.2.1"}},
	} {
		require.Equal(t, c.want, client(proxy, c.header...), "%.200q", c.header)
	}
}

// If the headers are unreadable the client is the proxy.
func TestUnreadableHeadersAreIgnored(t *testing.T) {
	hops := strings.Repeat("10.0.0.7, ", maxHops)
	for _, header := range [][]string{
		nil,
		{"X-Forwarded-For", ""}, {"X-Forwarded-For", ","}, {"X-Forwarded-For", "unknown"}, {"X-Forwarded-For", "_hidden"}, {"X-Forwarded-For", "192.0.2.1, unknown"},
		{"X-Forwarded-For", "192.0.2.256"}, {"X-Forwarded-For", "192.0.2.1:99999"}, {"X-Forwarded-For", "192.0.2.1/24"}, {"X-Forwarded-For", "192.0.2.1 192.0.2.2"},
		{"X-Forwarded-For", "fe80::1%eth0"}, {"X-Forwarded-For", "[fe80::1%x\ny]:1"}, {"X-Forwarded-For", "[192.0.2.1]"}, {"X-Forwarded-For", "recorder.lan"},
		{"X-Forwarded-For", "for=192.0.2.1"}, {"X-Forwarded-For", "[2001:db8::1"}, {"X-Forwarded-For", "192.0.2.1" + strings.Repeat(",10.0.0.7", maxHops)}, {"X-Forwarded-For", hops + "10.0.0.7"},
		{"Forwarded", "192.0.2.1"}, {"Forwarded", "for=unknown"}, {"Forwarded", "for=_hidden"}, {"Forwarded", "proto=https"}, {"Forwarded", "for="}, {"Forwarded", `for="`},
		{"Forwarded", "for=192.0.2.1;for=192.0.2.2"}, {"Forwarded", `for="192.0.2.1`}, {"Forwarded", `for=192.0.2.1, for="192.0.2.2`},
		{"Forwarded", "for=192.0.2.66", "X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-For", "192.0.2.66", "Forwarded", "for=192.0.2.1"},
		{"X-Forwarded-For", "192.0.2.1", "Forwarded", "garbage"}, {"X-Real-IP", "192.0.2.1"},
	} {
		require.Equal(t, proxy, client(proxy, header...), "%.200q", header)
	}
}

// The headers of a peer that is not a trusted proxy are ignored, even if its address resembles a proxy's.
func TestHeadersOfUntrustedPeersAreIgnored(t *testing.T) {
	for _, peer := range []string{"192.0.2.9:1", "[2001:db8:2::1]:1", "127.0.0.2:1", "pipe", "", "[::1]:1"} {
		require.Equal(t, peer, client(peer, "X-Forwarded-For", "192.0.2.1", "Forwarded", "for=192.0.2.1"))
	}
	require.Equal(t, "192.0.2.1", client("[::ffff:10.0.0.1]:1", "X-Forwarded-For", "192.0.2.1"))
	require.Equal(t, "192.0.2.1", client("[2001:db8:1::1]:1", "X-Forwarded-For", "192.0.2.1"))
	require.Equal(t, proxy, Client(&http.Request{RemoteAddr: proxy, Header: http.Header{"X-Forwarded-For": {"192.0.2.1"}}}, nil), "only configured proxies are trusted")
}

// For any header the client is an address or the peer of the connection, and a forged beginning cannot hide the entry
// that a proxy appends.
func FuzzClient(f *testing.F) {
	for _, s := range []string{"192.0.2.66", `for="`, `for="[::1]:1";by=x, for=_x`, `\"`, "a,b,\"c", "unknown", strings.Repeat("10.0.0.1,", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, before string) {
		for name, form := range map[string]string{"X-Forwarded-For": "%s, 192.0.2.1", "Forwarded": "%s, for=192.0.2.1"} {
			if got := client(proxy, name, fmt.Sprintf(form, before)); got != "192.0.2.1" {
				t.Fatalf("%s %q: %q", name, before, got)
			}
			if got := client(proxy, name, before); got != proxy {
				if _, err := netip.ParseAddr(got); err != nil {
					t.Fatalf("%s %q: %q", name, before, got)
				}
			}
		}
	})
}

// The cost of a header is proportional to its bytes, however it is split.
func TestTheCostOfAHeaderIsBounded(t *testing.T) {
	for _, piece := range []string{",", `"`, "10.0.0.1,", "192.0.2.1,", `for="`, ";"} {
		cost := func(n int) float64 {
			header := strings.Repeat(piece, n/len(piece))
			return testing.AllocsPerRun(5, func() { client(proxy, "X-Forwarded-For", header); client(proxy, "Forwarded", header) })
		}
		require.LessOrEqual(t, cost(16<<10), cost(1<<10)+2*maxHops, piece)
	}
}

func TestTheSchemeIsToldByTrustedProxiesOnly(t *testing.T) {
	for _, c := range []struct {
		peer, told string
		encrypted  bool
		want       string
	}{
		{proxy, "https", false, "https"},
		{proxy, "HTTP", true, "http"},
		{proxy, "javascript", true, "https"},
		{proxy, "", false, "http"},
		{"192.0.2.1:5", "https", false, "http"},
		{"192.0.2.1:5", "http", true, "https"},
		{"nobody", "https", false, "http"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-Proto": {c.told}}}
		if c.encrypted {
			r.TLS = &tls.ConnectionState{}
		}
		require.Equal(t, c.want, Scheme(r, trusted), "%+v", c)
	}
}
