package conn

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// At the limit a new connection closes the one that was idle longest, and Counts returns the connections left.
func TestTheLongestIdleGoesForANewConnection(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := NewListener(tcp.(*net.TCPListener), 2, time.Second)
	defer l.Close()
	var clients, served []net.Conn
	for range 3 {
		client, err := net.Dial("tcp", tcp.Addr().String())
		require.NoError(t, err)
		defer client.Close()
		conn, err := l.Accept()
		require.NoError(t, err)
		clients, served = append(clients, client), append(served, conn)
	}
	require.Equal(t, Counts{Open: 2, Idle: 2}, l.Counts())
	_, err = clients[0].Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "the first was idle longest")
	served[1].(*Conn).count(0, 1)
	require.Equal(t, Counts{Open: 2, Idle: 2, Waiting: 1}, l.Counts())
	for _, conn := range served[1:] {
		require.NoError(t, conn.Close())
	}
	require.Equal(t, Counts{}, l.Counts())
}
