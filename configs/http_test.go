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

// Two servers cannot listen at one address, however it is written.
func TestListenersOfOneAddressAreRefused(t *testing.T) {
	for text, second := range map[string]string{
		"http: {listen: '127.0.0.1:8554'}":                                                                                      "ingest/rtsp/listen",
		"http: {listen: 'localhost:8554'}":                                                                                      "ingest/rtsp/listen",
		"http: {listen: ':8554', auth: none}":                                                                                   "ingest/rtsp/listen",
		"http: {listen: '0.0.0.0:8554', auth: none}\ningest: {rtsp: {listen: '[::1]:8554'}}":                                    "",
		"http: {listen: '0.0.0.0:8554', auth: none}":                                                                            "ingest/rtsp/listen",
		"http: {listen: '[::]:8554', auth: none}":                                                                               "ingest/rtsp/listen",
		"ingest: {rtsp: {listen: '127.0.0.1:8322', tls: {listen: '127.0.0.1:8322', cert: a, key: b}}}":                          "ingest/rtsp/tls/listen",
		"ingest: {auth: none, rtsp: {listen: '127.0.0.1:8080', tls: {listen: '0.0.0.0:8322', cert: a, key: b}}}":                "ingest/rtsp/listen",
		"http: {listen: '127.0.0.1:0'}\ningest: {rtsp: {listen: '127.0.0.1:0', tls: {listen: '127.0.0.1:0', cert: a, key: b}}}": "",
		"http: {listen: '127.0.0.1:8554'}\ningest: {rtsp: {listen: '127.0.0.2:8554'}}":                                          "",
		"http: {listen: '127.0.0.1:8554'}\ningest: {rtsp: {listen: '', tls: {listen: '127.0.0.1:8322', cert: a, key: b}}}":      "",
	} {
		_, err := configs.Load(inDir(t, text+"\n"))
		if second == "" {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, second+": ", text)
		require.ErrorContains(t, err, "only one server can listen at an address", text)
	}
}

// An API that other machines reach causes a warning where every client may use it, or where passwords are readable
// on the way.
func TestAReachableAPICausesAWarning(t *testing.T) {
	const user = "users: [{name: a, password_hash: x, roles: [view]}]"
	for text, want := range map[string]string{
		"{listen: '127.0.0.1:80', auth: none}":                          "",
		"{listen: ':80', auth: none}":                                   "http/listen: every client that reaches this address may do everything",
		"{listen: ':80', auth: {" + user + "}}":                         "http/listen: passwords and tokens travel unencrypted",
		"{listen: ':80', auth: {" + user + "}, tls: {cert: a, key: b}}": "",
		"{listen: '127.0.0.1:80', auth: {" + user + "}}":                "",
		"{listen: ':80', auth: none, tls: {cert: a, key: b}}":           "may do everything",
	} {
		warnings := load(t, inDir(t, "http: "+text+"\n")).Warnings
		if want == "" {
			require.Empty(t, warnings, text)
			continue
		}
		require.ErrorContains(t, warnings, want, text)
	}
}
