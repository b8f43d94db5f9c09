package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

func TestLoopbackAddresses(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.255.255.254": true, "127.8.9.1": true, "::1": true, "[::1]": true, "0:0:0:0:0:0:0:1": true,
		"localhost": true, "LocalHost": true, "::ffff:127.0.0.1": true, "[::ffff:127.3.0.1]": true,
		"": false, "0.0.0.0": false, "::": false, "[::]": false, "::ffff:0.0.0.0": false, "::ffff:10.0.0.5": false, "10.0.0.5": false, "192.168.1.1": false,
		"128.0.0.1": false, "126.255.255.255": false, "1": false, "127.1": false, "127.0.0.1.example": false, "0x7f000001": false, "2130706433": false,
		"fe80::1": false, "::2": false, "::1%lo": false, "localhost.": false, "localhost.example": false, "localhost6": false, "recorder.local": false, " 127.0.0.1": false,
	} {
		require.Equal(t, want, config.Loopback(host), host)
	}
}
