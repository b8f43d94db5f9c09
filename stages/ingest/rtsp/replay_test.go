package rtsp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	recorded "github.com/gospool/spool/pipeline/media/footage"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/egress/egresstest"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// shelf has the same endless footage for one stream. It implements the library of footage.
type shelf struct{ closed chan struct{} }

// endless is a reader of it.
type endless struct {
	set    *media.TrackSet
	n      int64
	closed chan struct{}
}

func (s shelf) set() *media.TrackSet {
	set, _ := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(640, 360)})
	return set
}

func (s shelf) Extent(_ context.Context, stream string, _ int64) (e recorded.Extent, err error) {
	switch stream {
	case egresstest.Path:
		return recorded.Extent{BeginUTC: 1e18, EndUTC: 2e18, Set: s.set()}, nil
	case "live/broken":
		return e, errors.New("the disk is broken")
	}
	return e, recorded.ErrNone
}

func (s shelf) Open(string, recorded.Span) recorded.Reader {
	return &endless{set: s.set(), closed: s.closed}
}

func (e *endless) Next(ctx context.Context, u *recorded.Unit) error {
	if ctx.Err() != nil {
		return io.EOF
	}
	*u = recorded.Unit{Set: e.set, DTS: e.n * 3600, PTS: e.n * 3600, DurationTicks: 3600, BeginUTC: 1e18, UTC: 1e18 + e.n*40_000_000, SizeBytes: 6, Sync: e.n == 0, Begins: e.n == 0}
	e.n++
	return nil
}

func (*endless) Payload() ([]byte, error) { return []byte{0, 0, 0, 2, 0x65, 1}, nil }

func (e *endless) Close() error {
	e.closed <- struct{}{}
	return nil
}

func newShelfStage(t *testing.T, cfg Config) (*stage, shelf) {
	library := shelf{make(chan struct{}, 100)}
	cfg.Readers.Footage = library
	return newStage(t, cfg), library
}

// The path of recordings is replay/ and that of the stream, whose permission decides.
func TestWhoMayReplay(t *testing.T) {
	allow := asks(func(_ context.Context, q ingest.AccessRequest) error {
		if q.Action == ingest.ActionPlay && q.Credentials.Name == "ann" && q.Path == egresstest.Path {
			return nil
		}
		return context.Canceled
	})
	s, _ := newShelfStage(t, Config{Authorizer: allow, Readers: ingest.Readers{Max: 1}})
	at := "rtsp://" + s.Addr().String() + "/"
	ann := basic("ann", "secret")
	const path = "replay/" + egresstest.Path
	for _, c := range []struct {
		method, path, want string
		headers            []string
	}{
		{"DESCRIBE", path, "200 OK", []string{ann}},
		{"DESCRIBE", path, "200 OK", []string{ann, "Require: onvif-replay"}},
		{"DESCRIBE", path, "401 Unauthorized", nil},
		{"DESCRIBE", "replay/live/b", "401 Unauthorized", []string{ann}},
		{"DESCRIBE", "replay/" + path, "401 Unauthorized", []string{ann}},
		{"SETUP", path + "/trackID=0", "200 OK", []string{setupPlay, ann, "Require: onvif-replay"}},
		{"SETUP", path + "/trackID=0", "551 Option Not Supported", []string{setupPlay, ann, "Require: onvif-metadata"}},
	} {
		k := dial(t, s.Addr().String())
		require.Equal(t, c.want, k.ask(c.method, at+c.path, c.headers...), "%s %s %v", c.method, c.path, c.headers)
	}
	first := s.replays(path, ann)
	s.reading(1)
	k := dial(t, s.Addr().String())
	require.Equal(t, "200 OK", k.ask("SETUP", at+path+"/trackID=0", setupPlay, ann))
	require.Equal(t, "503 Service Unavailable", k.ask("PLAY", at+path, "Session: "+k.session))
	require.Equal(t, "200 OK", first.answered("PAUSE", at+path, "Session: "+first.session))
	require.Equal(t, "200 OK", k.answered("PLAY", at+path, "Session: "+k.session), "the first client has paused")
}

// replays begins to play recordings.
func (s *stage) replays(path string, headers ...string) *talk {
	s.t.Helper()
	k, at := dial(s.t, s.Addr().String()), "rtsp://"+s.Addr().String()+"/"+path
	require.Equal(s.t, "200 OK", k.ask("SETUP", at+"/trackID=0", append(headers, setupPlay)...))
	require.Equal(s.t, "200 OK", k.ask("PLAY", at, "Session: "+k.session))
	return k
}

// A live stream whose path begins with replay/ is played live, so that its publisher can be reached.
func TestALiveStreamNamedReplay(t *testing.T) {
	s, _ := newShelfStage(t, Config{})
	at := "rtsp://" + s.Addr().String() + "/replay/"
	for path, want := range map[string]string{
		"live/none": "404 Stream Has No Recordings There", "live/broken": "500 Recordings Cannot Be Read", "live/..": "400 Bad Stream Path", "*": "400 Bad Stream Path",
	} {
		require.Equal(t, want, dial(t, s.Addr().String()).ask("DESCRIBE", at+path))
	}
	require.Equal(t, "200 OK", dial(t, s.Addr().String()).ask("DESCRIBE", at+egresstest.Path, "Require: onvif-replay"))
	pub, err := s.Hub.Publish("replay/"+egresstest.Path, hub.PublishOptions{Origin: "test"})
	require.NoError(t, err)
	defer pub.Close(endcause.SourceLost)
	require.NoError(t, pub.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	require.Equal(t, "551 Option Not Supported", dial(t, s.Addr().String()).ask("DESCRIBE", at+egresstest.Path, "Require: onvif-replay"))
	require.Equal(t, "200 OK", dial(t, s.Addr().String()).ask("DESCRIBE", at+egresstest.Path))
}

// Recordings go within the connection, by UDP and within RTSPS, as live streams do.
func TestRecordingsGoByEachTransport(t *testing.T) {
	for name, by := range map[string]gortsplib.Protocol{"rtsp": gortsplib.ProtocolTCP, "udp": gortsplib.ProtocolUDP, "rtsps": gortsplib.ProtocolTCP} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cfg := Config{UDP: freeUDPPair(t), TLS: TLS{Listen: "127.0.0.1:0", Cert: dir + "/cert.pem", Key: dir + "/key.pem"}}
			certify(t, cfg.TLS, 1)
			s, _ := newShelfStage(t, cfg)
			address := s.Addr().String()
			if name == "rtsps" {
				address = s.EncryptedAddr().String()
			}
			u, err := base.ParseURL(strings.Replace(name, "udp", "rtsp", 1) + "://" + address + "/replay/" + egresstest.Path + "?start=2003-01-01T00:00:00Z")
			require.NoError(t, err)
			c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &by, TLSConfig: &tls.Config{InsecureSkipVerify: true}} // #nosec G402
			require.NoError(t, c.Start())
			defer c.Close()
			d, _, err := c.Describe(u)
			require.NoError(t, err)
			require.NoError(t, c.SetupAll(d.BaseURL, d.Medias))
			pictures := make(chan struct{}, 10)
			c.OnPacketRTPAny(func(_ *description.Media, _ format.Format, p *pion.Packet) {
				if p.Marker {
					select {
					case pictures <- struct{}{}:
					default:
					}
				}
			})
			_, err = c.Play(nil)
			require.NoError(t, err)
			for range 3 {
				<-pictures
			}
		})
	}
}

// A client that decides the speed itself may take nothing for longer than write_timeout, also while a response waits behind the packets.
func TestAClientLetsTheReplayWait(t *testing.T) {
	s, _ := newShelfStage(t, Config{WriteTimeout: 100 * time.Millisecond})
	const path = "replay/" + egresstest.Path
	at := "rtsp://" + s.Addr().String() + "/" + path
	k := dial(t, s.Addr().String())
	require.Equal(t, "200 OK", k.ask("SETUP", at+"/trackID=0", setupPlay))
	require.Equal(t, "200 OK", k.ask("PLAY", at, "Session: "+k.session, "Rate-Control: no"))
	other := s.replays(path)
	pictures := func(k *talk, n int) { // one every 40 ms
		for range n {
			var f base.InterleavedFrame
			require.NoError(t, f.Unmarshal(k.in))
		}
	}
	pictures(other, 20)
	_, err := fmt.Fprintf(k.c, "GET_PARAMETER %s RTSP/1.0\r\nCSeq: 90\r\nSession: %s\r\n\r\n", at, k.session)
	require.NoError(t, err)
	pictures(other, 10)
	for {
		k.anew()
		b, err := k.in.Peek(1)
		require.NoError(t, err)
		if b[0] != '$' {
			break
		}
		pictures(k, 1)
	}
	var res base.Response
	require.NoError(t, res.Unmarshal(k.in))
	require.Equal(t, base.StatusOK, res.StatusCode)
}

// The files of a client are closed however it leaves: with TEARDOWN, without a word, while it plays or pauses, or takes nothing.
func TestAClientOfRecordingsLeaves(t *testing.T) {
	s, library := newShelfStage(t, Config{WriteTimeout: time.Second})
	const path = "replay/" + egresstest.Path
	at := "rtsp://" + s.Addr().String() + "/" + path
	for _, leave := range []func(k *talk){
		func(k *talk) { k.answered("TEARDOWN", at, "Session: "+k.session) },
		func(k *talk) { _ = k.c.Close() },
		func(k *talk) {
			k.answered("PAUSE", at, "Session: "+k.session)
			_ = k.c.Close()
		},
		func(k *talk) {
			k.answered("PAUSE", at, "Session: "+k.session)
			k.answered("TEARDOWN", at, "Session: "+k.session)
		},
		func(k *talk) { // it takes nothing, and then leaves
			k.answered("PLAY", at, "Session: "+k.session, "Range: npt=0-", "Rate-Control: no")
			<-library.closed // that of the first PLAY
			_ = k.c.Close()
		},
		func(*talk) {
			all := s.Connections() // clients that have sent TEARDOWN have theirs still
			s.End(all[len(all)-1].Number)
		},
	} {
		leave(s.replays(path))
		<-library.closed
		eventually(t, "it is gone", func() bool { return s.Counts().Reading == 0 })
	}
	require.Empty(t, library.closed)
	s.replays(path) // the server stops while it plays
}
