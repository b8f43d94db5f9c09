package udp

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/ingest"
)

// crowd is the number of senders that begin at the same moment.
const crowd = 200

// All senders are taken that begin at the same moment, one more is refused, and when they have left it is taken.
func TestACrowdOfSendersAtTheLimit(t *testing.T) {
	f := newFixture(t, "", func(s *Settings, _ *ingest.ServerDeps) {
		s.MaxConnections, s.MaxPerAddress, s.ReadTimeout = crowd, crowd, config.Duration(patience)
		port := freePort(t)
		for i := range crowd { // 127.0.0.0/8 is all of this machine
			s.Inputs = append(s.Inputs, Input{fmt.Sprint("live/", i), fmt.Sprintf("udp://127.0.1.%d:%d", 1+i, port)})
		}
	})
	media, together := datagrams(stream(t)), make(chan struct{})
	var sending sync.WaitGroup
	for _, in := range f.server.Inputs[1:] {
		sending.Go(func() {
			a, _ := in.address()
			c, err := net.Dial("udp", a.Listen)
			if !assert.NoError(t, err) {
				return
			}
			defer c.Close()
			<-together
			for _, d := range media {
				_, err = c.Write(d)
				assert.NoError(t, err)
			}
		})
	}
	close(together)
	sending.Wait()
	published := func() (n int) {
		for i := range crowd {
			if info, _ := f.hub.Info(fmt.Sprint("live/", i)); info.AccessUnits > 0 {
				n++
			}
		}
		return n
	}
	f.eventually("all have media", func() bool { return published() == crowd })
	require.Equal(t, clients.Counts{Connections: crowd}, f.server.Counts())

	late := f.sender()
	late.send(media[0])
	f.eventually("one more is refused", func() bool { return f.server.Counts().Refused == 1 })
	f.says("connection refused: too many are open, and all of them record")
	for _, c := range f.server.Connections() {
		require.True(t, f.server.End(c.Number))
	}
	f.eventually("they have left", func() bool { return f.server.Counts().Connections == 0 })
	f.eventually("it is taken", func() bool { late.stream(); time.Sleep(lookEvery); return f.units() > 0 })
}
