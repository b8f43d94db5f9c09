package clients

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAddressIsThatOfAHost(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[::1]:5": "::",
		"[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::", "[fe80::1%lo]:7": "fe80::",
	} {
		a, err := net.ResolveTCPAddr("tcp", in)
		require.NoError(t, err)
		require.Equal(t, want, hostOf(a).String(), in)
	}
	require.NotPanics(t, func() { hostOf(&net.UnixAddr{}) })
}
