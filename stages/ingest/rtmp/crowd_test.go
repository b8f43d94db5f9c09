package rtmp

import (
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/ingest"
)

// crowd is the number of encoders that connect at the same moment.
const crowd = 200

// crowds publishes crowd streams from connections that are opened at the same moment, and returns them.
func (f *fixture) crowds() []*encoder {
	f.t.Helper()
	all, together := make([]*encoder, crowd), make(chan struct{})
	var publishing sync.WaitGroup
	for i := range crowd {
		publishing.Go(func() {
			<-together
			nc, err := net.Dial("tcp", f.server.Addr().String())
			if !assert.NoError(f.t, err) {
				return
			}
			e := encoderOver(f.t, nc, "live")
			code, says := e.publish(fmt.Sprint(i))
			assert.Equal(f.t, "NetStream.Publish.Start", code, says)
			e.configure(0)
			e.cast(0, 3, 3)
			all[i] = e
		})
	}
	close(together)
	publishing.Wait()
	require.NotContains(f.t, all, (*encoder)(nil), "not every encoder publishes")
	return all
}

// All encoders record that connect at the same moment while silent connections take places, one more is refused, and when
// they have left they all get in again.
func TestACrowdOfEncodersAtTheLimit(t *testing.T) {
	f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.MaxConnections, s.MaxPerAddress = crowd, crowd })
	var silent []net.Conn
	for range crowd / 10 {
		silent = append(silent, f.dial())
	}
	for range 2 {
		encoders := f.crowds()
		for _, nc := range silent {
			gone(t, nc)
		}
		f.eventually("all have media", func() bool {
			for i := range crowd {
				if info, _ := f.hub.Info(fmt.Sprint("live/", i)); info.AccessUnits == 0 {
					return false
				}
			}
			return true
		})
		before := f.server.Counts()
		gone(t, f.dial())
		require.Equal(t, clients.Counts{Connections: crowd, GivenUp: crowd / 10, Refused: before.Refused + 1}, f.server.Counts())
		for _, e := range encoders {
			e.leave()
		}
		f.empty()
	}
}
