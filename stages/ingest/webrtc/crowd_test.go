package webrtc

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// crowd is the number of clients that send offers at the same moment.
const crowd = 200

// All clients get an answer that send offers at the same moment. They are not heard of again, and do not keep others out;
// those that leave make room.
func TestACrowdOfClientsAtTheLimit(t *testing.T) {
	f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.MaxConnections, s.MaxPerAddress = crowd, crowd })
	silent := f.client()
	silent.sends(pion.MimeTypeH264, 90000)
	offer, err := silent.pc.CreateOffer(nil)
	require.NoError(t, err)
	codes, together := make([]int, crowd), make(chan struct{})
	var asking sync.WaitGroup
	for i := range crowd {
		asking.Go(func() {
			<-together
			if res, err := http.Post(fmt.Sprint(f.http.URL, "/whip/silent/", i), sdpType, strings.NewReader(offer.SDP)); err == nil {

				_ = res.Body.Close()
				codes[i] = res.StatusCode
			}
		})
	}
	close(together)
	asking.Wait()
	for i, code := range codes {
		require.Equal(t, http.StatusCreated, code, "client %d", i)
	}

	const publishers = 10
	var films [publishers]*film
	for i := range films {
		c := f.client()
		films[i] = &film{f: f, track: c.sends(pion.MimeTypeH264, 90000)}
		require.Equal(t, http.StatusCreated, c.offer(fmt.Sprint("/whip/live/", i)).StatusCode, c.res.text)
		c.until(pion.PeerConnectionStateConnected)
	}
	f.eventually("all record", func() bool {
		n := 0
		for _, c := range f.server.Connections() {
			if c.State == media.ConnectionPublishing {
				n++
			}
		}
		for _, m := range films {
			m.picture()
		}
		return n == publishers
	})
	counts := f.server.Counts() // on a busy machine silent sessions have ended by themselves
	require.LessOrEqual(t, counts.Connections, crowd)
	require.Zero(t, counts.Refused+counts.Publishers, "none is refused")
	for _, c := range f.server.Connections() {
		f.server.End(c.Number)
	}
	f.eventually("they have left", func() bool { return f.server.Counts().Connections == 0 })
}

// Few sessions make their connection at a time. One that waits for its turn can be ended, and is told to come back.
func TestOffersTakeTurns(t *testing.T) {
	f := newFixture(t)
	for range cap(f.server.connecting) {
		f.server.connecting <- struct{}{}
	}
	waiting := f.client()
	waiting.sends(pion.MimeTypeH264, 90000)
	offer, err := waiting.pc.CreateOffer(nil)
	require.NoError(t, err)
	answers := make(chan int, 1)
	go func() {
		res, err := http.Post(f.http.URL+"/whip/"+path, sdpType, strings.NewReader(offer.SDP))
		if err != nil {
			answers <- 0
			return
		}
		_ = res.Body.Close()
		answers <- res.StatusCode
	}()
	f.eventually("it waits", func() bool { return len(f.server.Connections()) == 1 })
	require.True(t, f.server.End(f.server.Connections()[0].Number))
	require.Equal(t, http.StatusServiceUnavailable, <-answers)
	require.Empty(t, f.server.Connections())
	<-f.server.connecting
	require.Equal(t, http.StatusCreated, waiting.offer("/whip/"+path).StatusCode)
}
