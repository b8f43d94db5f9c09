package configs_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
)

func TestProxiesAreNetworks(t *testing.T) {
	c, err := configs.Load(configs.Options{File: "testdata/good/proxies.yaml"})
	require.NoError(t, err)
	var want []netip.Prefix
	for _, p := range []string{"127.0.0.1/32", "::1/128", "10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"} {
		want = append(want, netip.MustParsePrefix(p))
	}
	require.Equal(t, want, c.HTTP.Proxies())
	require.Empty(t, configs.HTTP{}.Proxies())
}
