package config

import (
	"errors"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestListenFaultNamesSettingAndRemedy(t *testing.T) {
	for number, remedy := range map[unix.Errno]string{
		unix.EADDRINUSE:    "ss -ltnp 'sport = :8554' as root and stop it, or set ingest.rtsp.listen to a free port",
		unix.EACCES:        "CAP_NET_BIND_SERVICE",
		unix.EADDRNOTAVAIL: "ip -brief address",
		unix.EINVAL:        "set ingest.rtsp.listen to",
	} {
		cause := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", number)}
		err := NewListenFault("ingest.rtsp.listen", "10.0.0.1:8554", cause)
		require.ErrorContains(t, err, "ingest.rtsp.listen: listen on 10.0.0.1:8554: "+number.Error()+" (")
		require.ErrorContains(t, err, remedy)
		require.ErrorIs(t, err, number)
	}
	require.ErrorContains(t, NewListenFault("http.listen", "nowhere", errors.New("missing port")), "http.listen: listen on nowhere: missing port")
}

// A client cannot dial a wildcard address.
func TestDialAddress(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:8554", "[2001:db8::1]:554", "recorder.lan:8554", "no address"} {
		require.Equal(t, listen, DialAddress(listen))
	}
	for _, listen := range []string{":8554", "0.0.0.0:8554", "[::]:8554"} {
		host, port, err := net.SplitHostPort(DialAddress(listen))
		require.NoError(t, err)
		require.Equal(t, "8554", port)
		require.NotContains(t, []string{"", "0.0.0.0", "::"}, host)
	}
	at := func(texts ...string) (all []net.Addr) {
		for _, text := range texts {
			all = append(all, &net.IPNet{IP: net.ParseIP(text)})
		}
		return all
	}
	require.Equal(t, "192.0.2.7", dialHost(at("127.0.0.1", "::1", "fe80::1", "2001:db8::1", "192.0.2.7", "172.17.0.1"), "recorder"))
	require.Equal(t, "2001:db8::1", dialHost(at("127.0.0.1", "fe80::1", "2001:db8::1"), "recorder"))
	require.Equal(t, "recorder", dialHost(at("127.0.0.1", "::1"), "recorder"))
	require.Equal(t, "localhost", dialHost(nil, ""))
}
