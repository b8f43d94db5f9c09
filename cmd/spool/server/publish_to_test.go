package server

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api"
)

// A server that listens on all addresses reports no host: the client has reached one.
func TestWhereToPublish(t *testing.T) {
	for address, want := range map[string]api.PublishAddress{
		"127.0.0.1:8554":      {Scheme: "rtsp", Host: "127.0.0.1", Port: 8554},
		"[2001:db8::1]:554":   {Scheme: "rtsp", Host: "[2001:db8::1]", Port: 554},
		"recorder.lan:8554":   {Scheme: "rtsp", Host: "recorder.lan", Port: 8554},
		"[::]:8554":           {Scheme: "rtsp", Port: 8554},
		"0.0.0.0:8554":        {Scheme: "rtsp", Port: 8554},
		":8554":               {Scheme: "rtsp", Port: 8554},
		"127.0.0.1:0":         {},
		"127.0.0.1:rtsp":      {},
		"not an address here": {},
	} {
		to, ok := publishAddress("rtsp", address)
		require.Equal(t, want.Port != 0, ok, address)
		require.Equal(t, want, to, address)
	}
}
