package clients

import (
	"log/slog"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

func newTable(l Limits) *Table {
	return New("rtsp", l, slog.New(slog.DiscardHandler), pipeline.SystemClock)
}

func admit(t *testing.T, c *Table, hangUp func()) *Client {
	t.Helper()
	k := c.Admit(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}, false, hangUp)
	require.NotNil(t, k)
	return k
}

func TestReadersAreBoundedCountedAndListed(t *testing.T) {
	c := newTable(Limits{Readers: 2})
	a, b, third := admit(t, c, nil), admit(t, c, nil), admit(t, c, nil)
	require.True(t, a.Reads("live/a", "ann"))
	require.True(t, a.Reads("live/b", "ann"), "it reads already")
	require.True(t, b.Reads("live/b", ""))
	require.False(t, third.Reads("live/b", ""))
	c.RefusedReader()
	a.Sent(100)
	a.Skipped(7)
	b.Sent(1)
	n := c.Counts()
	require.Equal(t, Counts{Connections: 3, Reading: 2, Readers: 2, Sent: 101, Skipped: 7}, n)
	list := c.List()
	require.Equal(t, "live/b", list[0].Path)
	require.Equal(t, "ann", list[0].User)
	require.Equal(t, media.ConnectionReading, list[0].State)
	require.Equal(t, uint64(100), list[0].Sent)
	require.Equal(t, uint64(7), list[0].Skipped)
	require.Equal(t, media.ConnectionOpen, list[2].State)

	a.Opened() // it paused
	require.True(t, third.Reads("live/b", ""))
	third.Leave()
	third.Leave()
	b.Publishes("live/b", "")
	require.Zero(t, c.Counts().Reading)
	b.Leave()
	require.True(t, b.Reads("live/b", ""), "a client that has left takes no place")
	require.Zero(t, c.Counts().Reading)
	require.Equal(t, uint64(101), c.Counts().Sent, "the sums stay")
}

func TestAReaderIsNotGivenUpForANewClient(t *testing.T) {
	c := newTable(Limits{Connections: 1})
	require.True(t, admit(t, c, nil).Reads("live/a", ""))
	require.Nil(t, c.Admit(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 2)}, false, nil))
	require.Equal(t, uint64(1), c.Counts().Refused)
}

func TestAConnectionIsEndedByItsNumber(t *testing.T) {
	c := newTable(Limits{})
	ended := 0
	admit(t, c, func() { t.Error("another one was closed") })
	k := admit(t, c, func() { ended++ })
	require.False(t, c.End(3))
	require.True(t, c.End(2))
	require.Equal(t, 1, ended)
	k.Leave()
	require.False(t, c.End(2))
}
