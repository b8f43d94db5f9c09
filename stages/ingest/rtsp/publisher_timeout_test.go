package rtsp

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/stages/hub"
)

// ahead is a clock that can be put ahead.
type ahead struct {
	pipeline.Clock
	by atomic.Int64
}

func (a *ahead) Now() time.Time { return a.Clock.Now().Add(time.Duration(a.by.Load())) }

// TestASilenceIsMeasuredByTheClockOfTheServer puts the clock ahead between the events of a session.
func TestASilenceIsMeasuredByTheClockOfTheServer(t *testing.T) {
	r, clock := newFixture(t), &ahead{Clock: pipeline.SystemClock}
	pub, err := r.hub.Publish("cam", hub.PublishOptions{Origin: "test"})
	require.NoError(t, err)
	defer pub.Close(endcause.SourceLost)
	s := newSession(r.log, clock)
	s.pub = pub
	clock.by.Add(int64(time.Hour))
	require.NoError(t, s.record(nil))
	silence := s.silence()
	require.True(t, silence >= 0 && silence < time.Hour, "%s after RECORD", silence)
	require.False(t, s.over())
	s.torn.Store(true)
	require.True(t, s.over(), "a client that has sent TEARDOWN may use its ports again")
	s.torn.Store(false)
	clock.by.Add(int64(time.Hour))
	require.GreaterOrEqual(t, s.silence(), time.Hour)
	require.True(t, s.over())
	s.sent.Store(true)
	s.asks()
	silence = s.sinceAsked()
	require.True(t, silence >= 0 && silence < time.Hour, "%s after a request", silence)
	clock.by.Add(int64(time.Hour))
	require.GreaterOrEqual(t, s.sinceAsked(), time.Hour)
}

// TestAPublisherIsGoneByItsOwnReadTimeout checks that of several silent publishers only the one ends whose stream has
// a short timeout. Once media arrived, requests end the silence too.
func TestAPublisherIsGoneByItsOwnReadTimeout(t *testing.T) {
	for transport, setup := range map[string]string{
		"tcp": "RTP/AVP/TCP;unicast;interleaved=0-1", "udp": "",
	} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t)
			clock := &ahead{Clock: pipeline.SystemClock}
			_, addr := r.serve(Config{UDP: freeUDPPair(t), ReadTimeout: patient, Clock: clock})
			require.NoError(t, r.hub.Configure("live/slow", hub.StreamConfig{ReadTimeout: time.Hour}))
			require.NoError(t, r.hub.Configure("live/quick", hub.StreamConfig{ReadTimeout: 100 * time.Millisecond}))
			open := map[string]*talk{}
			for i, path := range []string{"live/slow", "live/asks", "live/quick", "live/silent"} {
				k, u := dial(t, addr), "rtsp://"+addr+"/"+path
				require.Equal(t, "200 OK", k.ask("ANNOUNCE", u))
				if transport == "udp" { // a pair of ports each
					setup = fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", 40000+2*i, 40001+2*i)
				}
				require.Equal(t, "200 OK", k.ask("SETUP", u+"/streamid=0", "Transport: "+setup+";mode=record"))
				require.Equal(t, "RECORD: 200 OK", k.record(u))
				if open[path] = k; path == "live/asks" {
					if transport == "udp" { // the packet and the request take different paths
						k.ask("TEARDOWN", u, "Session: "+k.session)
						continue
					}
					_, err := k.c.Write(append([]byte("$\x00\x00\x0c\x80\x60"), make([]byte, 10)...)) // a packet without a payload
					require.NoError(t, err)
					clock.by.Store(int64(time.Hour)) // as if it sent requests again and again
					require.Equal(t, "200 OK", k.ask("OPTIONS", u, "Session: "+k.session))
					clock.by.Store(0)
				}
			}
			for _, path := range []string{"live/quick", "live/silent"} {
				eventually(t, path+" is gone", func() bool { return !r.hub.Announced(path) })
				if transport == "tcp" {
					_, err := open[path].in.ReadByte()
					require.Error(t, err, "it is hung up")
					require.NotErrorIs(t, err, net.ErrClosed)
				}
			}
			require.True(t, r.hub.Announced("live/slow"))
			require.Equal(t, transport == "tcp", r.hub.Announced("live/asks"))
			require.Contains(t, r.book.String(), "its publication is ended")
		})
	}
}
