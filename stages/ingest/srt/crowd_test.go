package srt

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/srt/transport"
)

// crowd is the number of clients that connect at the same moment.
const crowd = 200

// All clients get through that connect at the same moment. They send nothing, and take no place from the one that records;
// those that leave make room.
func TestACrowdOfClientsAtTheLimit(t *testing.T) {
	f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.MaxConnections, s.MaxPerAddress = crowd, crowd })
	recording, err := dial(f, "live/a", nil)
	require.NoError(t, err)
	defer recording.Close()
	sends(t, f, recording, clip(t))
	for round := range 2 {
		var connecting, open sync.WaitGroup
		together, leave := make(chan struct{}), make(chan struct{})
		connect := func(streamID string) {
			connecting.Add(1)
			open.Go(func() {
				<-together
				c, err := call(t, f, streamID)
				connecting.Done()
				if !assert.NoError(t, err) {
					return
				}
				go func() { <-leave; c.HangUp(nil) }()
				_ = c.Run(t.Context(), func(transport.Packet) error { return nil }, func(time.Time) error { return nil })
			})
		}
		for i := range crowd - 1 {
			connect(fmt.Sprint("publish:silent/", i))
		}
		close(together)
		connecting.Wait()
		require.Equal(t, clients.Counts{Connections: crowd, GivenUp: uint64(round)}, f.server.Counts())
		connect("publish:live/b")
		connecting.Wait()
		require.Equal(t, clients.Counts{Connections: crowd, GivenUp: uint64(round + 1)}, f.server.Counts(), "one more takes the place of one that does not record")
		close(leave)
		open.Wait()
		require.Eventually(t, func() bool { return f.server.Counts().Connections == 1 }, patience, time.Millisecond)
		require.Equal(t, media.ConnectionPublishing, f.server.Connections()[0].State)
	}
}
