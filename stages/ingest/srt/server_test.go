package srt

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/srt/transport"
)

// ffmpeg publishes in each form of streamid, with a passphrase and without: each picture and each frame of sound reaches the hub.
func TestFFmpegPublishes(t *testing.T) {
	file := clip(t)
	plain := func(*Settings, *ingest.ServerDeps) {}
	secret := func(s *Settings, _ *ingest.ServerDeps) {
		s.Passphrase = config.NewSecret("a passphrase of all")
		s.Passphrases = map[string]config.Secret{"live/*": config.NewSecret("a passphrase of live")}
	}
	for name, c := range map[string]struct {
		options string
		change  func(*Settings, *ingest.ServerDeps)
	}{
		"colons":         {"streamid=publish:live/a", plain},
		"path":           {"streamid=live/a", plain},
		"access control": {"streamid=#!::r=live/a,m=publish", plain},
		"encoded":        {"streamid=" + url.QueryEscape("#!::r=live/a,m=publish"), plain},
		"passphrase 16":  {"streamid=publish:live/a&passphrase=a passphrase of live&pbkeylen=16", secret},
		"passphrase 32":  {"streamid=publish:live/a&passphrase=a passphrase of live&pbkeylen=32", secret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, c.change)
			f.subscribe()
			out, err := publish(t, file, f.address(), c.options+"&linger=5")
			require.NoError(t, err, out)
			f.logged("publisher left")
			info := f.info()
			require.Empty(t, info.Losses)
			require.Equal(t, units(t, file), info.AccessUnits, "%+v", info)
		})
	}
}

// GStreamer publishes, which sends packets of any length.
func TestGStreamerPublishes(t *testing.T) {
	file := clip(t)
	f := newFixture(t)
	f.subscribe()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "gst-launch-1.0", "-q", "filesrc", "location="+file, "!", "tsparse", "set-timestamps=true", "!",
		"srtsink", "uri=srt://"+f.address()+"?streamid=publish:live/a", "wait-for-connection=true", "sync=true").CombinedOutput()
	require.NoError(t, err, "%s", out)
	f.logged("publisher left")
	info := f.info()
	require.Empty(t, info.Losses)
	require.Positive(t, info.AccessUnits, "GStreamer closes before the peer has all: %+v", info)
}

// What a refused publisher is told, and the log.
func TestRefusedPublishers(t *testing.T) {
	f := newFixture(t, func(s *Settings, d *ingest.ServerDeps) {
		s.KeyLength = 24
		s.Passphrases = map[string]config.Secret{"live/secret*": config.NewSecret("the passphrase"), "live/**": {}}
		d.Authorizer = users{}
	})
	for name, c := range map[string]struct {
		streamID, passphrase string
		keyLength            int
		code                 transport.Reason
		logged               string
	}{
		"no streamid":        {"", "", 0, transport.RejectedBadRequest, "names no stream"},
		"no path":            {"publish:", "", 0, transport.RejectedBadRequest, "names no stream"},
		"a bad path":         {"publish:live/../a", "", 0, transport.RejectedBadRequest, "names no stream"},
		"a reader":           {"read:live/a:ann:right", "", 0, transport.RejectedBadMode, "only publish"},
		"a reader by keys":   {"#!::m=request,r=live/a", "", 0, transport.RejectedBadMode, "only publish"},
		"no user":            {"publish:live/a", "", 0, transport.RejectedUnauthorized, "publish:PATH:NAME:PASSWORD"},
		"a wrong password":   {"publish:live/a:ann:c4n4ry", "", 0, transport.RejectedUnauthorized, "not ann"},
		"no passphrase":      {"publish:live/secret:ann:right", "", 0, transport.RejectedEncryption, "one is required"},
		"a wrong passphrase": {"publish:live/secret:ann:right", "not the passphrase c4n4ry", 24, transport.RejectedPassphrase, "the passphrase is wrong"},
		"a needless one":     {"publish:live/a:ann:right", "the passphrase", 24, transport.RejectedEncryption, "none is set here"},
		"a short key":        {"#!::r=live/secret,u=ann,s=right", "the passphrase", 16, transport.RejectedEncryption, "too short"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := transport.Dial(t.Context(), f.address(), transport.CallConfig{
				Config:   transport.Config{Latency: time.Second, MaxLatency: time.Second, KeyLength: c.keyLength, Memory: &transport.Memory{}, Clock: pipeline.SystemClock},
				StreamID: c.streamID, Passphrase: c.passphrase, Timeout: patience, Go: f.tasks.Go,
			})
			require.ErrorIs(t, err, c.code)
			f.logged(c.logged)
		})
	}
	require.NotContains(t, f.book.String(), "c4n4ry")
	require.Eventually(t, func() bool { return f.server.Counts().Publishers == 11 }, patience, time.Millisecond)
	require.Empty(t, f.server.Connections())
}

// users permits ann, whose password is right.
type users struct{}

func (users) Authorize(_ context.Context, r ingest.AccessRequest) error {
	if r.Protocol != "srt" || r.Action != ingest.ActionPublish || r.Remote == "" || r.Credentials.Name != "ann" || r.Credentials.Password != "right" {
		return errors.New("not ann")
	}
	return nil
}

// A mistyped streamid is not logged from where its credentials may begin.
func TestAMistypedStreamIDIsNotLogged(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"r=cam,u=admin,s=c4n4ry", "publish:cam&pass=c4n4ry", "#!::r=cam?user=admin&pass=c4n4ry"} {
		_, err := call(t, f, id)
		require.ErrorIs(t, err, transport.RejectedBadRequest)
	}
	require.Eventually(t, func() bool { return f.server.Counts().Publishers == 3 }, patience, time.Millisecond)
	f.logged(`what begins with \"cam\" is no path`)
	require.NotContains(t, f.book.String(), "c4n4ry")
}

// call connects with this package's own transport, and reports why the server rejects it.
func call(t *testing.T, f *fixture, streamID string) (*transport.Conn, error) {
	t.Helper()
	return transport.Dial(t.Context(), f.address(), transport.CallConfig{
		Config:   transport.Config{Latency: time.Second, MaxLatency: time.Second, Memory: &transport.Memory{}, Clock: pipeline.SystemClock},
		StreamID: streamID, Timeout: patience, Go: f.tasks.Go,
	})
}

// A password that others can read is not checked.
func TestPlainPasswordsInStreamIDs(t *testing.T) {
	on := func(address string, plain bool) *fixture {
		return newFixture(t, func(s *Settings, d *ingest.ServerDeps) {
			s.Listen, s.PlainPasswords, d.Authorizer = address, plain, users{}
			require.Equal(t, map[string]config.Address{"listen": {Listen: address, Passwords: plain}}, s.Addresses())
		})
	}
	f := on("0.0.0.0:0", false)
	_, err := call(t, f, "publish:live/a:ann:right")
	require.ErrorIs(t, err, transport.RejectedUnauthorized)
	f.logged("sent its password unencrypted")
	require.EqualValues(t, 1, f.server.Counts().Publishers)
	for _, f := range []*fixture{on("0.0.0.0:0", true), on("127.0.0.1:0", false)} {
		c, err := dial(f, "publish:live/a:ann:right", nil)
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
}

// slow permits everyone, once it is closed.
type slow chan struct{}

func (s slow) Authorize(context.Context, ingest.AccessRequest) error { <-s; return nil }

// A publisher that is closed while its password is checked is not accepted.
func TestAPublisherIsClosedBeforeItIsAccepted(t *testing.T) {
	permit := make(slow)
	f := newFixture(t, func(_ *Settings, d *ingest.ServerDeps) { d.Authorizer = permit })
	got := make(chan error, 1)
	go func() { _, err := call(t, f, "live/a"); got <- err }()
	require.Eventually(t, func() bool { return len(f.server.Connections()) == 1 }, patience, time.Millisecond)
	require.True(t, f.server.End(f.server.Connections()[0].Number))
	close(permit)
	require.ErrorIs(t, <-got, transport.RejectedOverload)
}

// A publisher is listed with its user and its bytes, and ends by its number.
func TestPublishersAreListedAndEnded(t *testing.T) {
	f := newFixture(t, func(_ *Settings, d *ingest.ServerDeps) { d.Authorizer = users{} })
	c, err := dial(f, "#!::u=ann,s=right,r=live%2Fa,m=publish,h=host,t=stream", nil)
	require.NoError(t, err)
	defer c.Close()
	list := f.server.Connections()
	require.Len(t, list, 1)
	require.Equal(t, []any{"srt", path, "ann", media.ConnectionAnnounced}, []any{list[0].Protocol, list[0].Path, list[0].User, list[0].State})
	sends(t, f, c, clip(t))
	list = f.server.Connections()
	require.Equal(t, media.ConnectionPublishing, list[0].State)
	require.Positive(t, list[0].Bytes)
	require.False(t, f.server.End(list[0].Number+1))
	require.True(t, f.server.End(list[0].Number))
	f.logged("the server has closed the connection")
	require.Eventually(t, func() bool { return len(f.server.Connections()) == 0 && !f.hub.Live(path) }, patience, time.Millisecond)
}

// sends sends a file until the stream is live.
func sends(t *testing.T, f *fixture, c gosrt.Conn, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	for len(b) > 0 {
		n := min(len(b), 1316)
		_, err := c.Write(b[:n])
		require.NoError(t, err)
		b = b[n:]
		time.Sleep(time.Millisecond)
	}
	require.Eventually(t, func() bool { return f.hub.Live(path) }, patience, time.Millisecond)
}

// A second publisher is refused while the first sends, and takes over with override_publisher, or when the first is silent.
func TestTakeover(t *testing.T) {
	file := clip(t)
	for name, override := range map[string]bool{"refused": false, "overrides": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.OverridePublisher = override })
			f.subscribe()
			first, err := dial(f, "live/a", nil)
			require.NoError(t, err)
			defer first.Close()
			sends(t, f, first, file)
			second, err := dial(f, "live/a", nil)
			require.NoError(t, err)
			defer second.Close()
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			stop := keepsSending(first, b)
			defer stop()
			defer keepsSending(second, b)()
			if override {
				f.logged("publisher replaced")
				f.logged("another publisher took")
			} else {
				f.logged("has sent media in the last")
				require.Equal(t, uint64(1), f.info().Refused)
				require.Eventually(t, func() bool { return f.server.Counts().Publishers == 1 }, patience, time.Millisecond)
			}
		})
	}
	t.Run("silent", func(t *testing.T) {
		f := newFixture(t)
		f.subscribe()
		first, err := dial(f, "live/a", nil)
		require.NoError(t, err)
		defer first.Close()
		sends(t, f, first, file)
		second, err := dial(f, "live/a", nil)
		require.NoError(t, err)
		defer second.Close()
		time.Sleep(2500 * time.Millisecond) // hub.silenceSame
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		defer keepsSending(second, b)()
		f.logged("publisher replaced: it was silent")
	})
}

// keepsSending sends a file again and again until stop is called, or the connection is closed.
func keepsSending(c gosrt.Conn, b []byte) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for at := 0; ; at = (at + 1316) % (len(b) - 1316) / 188 * 188 {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
			if _, err := c.Write(b[at:][:1316]); err != nil {
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// A publisher that sends nothing, nothing more, or no stream, is closed.
func TestSilentPublishers(t *testing.T) {
	limit := func(s *Settings, _ *ingest.ServerDeps) {
		s.AnnounceTimeout, s.ReadTimeout = config.Duration(time.Second), config.Duration(time.Second)
	}
	t.Run("nothing", func(t *testing.T) {
		f := newFixture(t, limit)
		c, err := dial(f, "live/a", nil)
		require.NoError(t, err)
		defer c.Close()
		f.logged("it sends nothing")
	})
	t.Run("garbage", func(t *testing.T) {
		f := newFixture(t, limit)
		c, err := dial(f, "live/a", nil)
		require.NoError(t, err)
		defer c.Close()
		defer keepsSending(c, make([]byte, 13160))()
		f.logged("no MPEG-TS with a stream")
	})
	t.Run("no more", func(t *testing.T) {
		file := clip(t)
		f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.ReadTimeout = config.Duration(3 * time.Second) })
		c, err := dial(f, "live/a", nil)
		require.NoError(t, err)
		defer c.Close()
		sends(t, f, c, file)
		f.logged("it sends no data any more")
	})
}

// The server stops while publishers send: they are told, and recordings end as at a shutdown.
func TestTheServerStops(t *testing.T) {
	f := newFixture(t)
	c, err := dial(f, "live/a", nil)
	require.NoError(t, err)
	defer c.Close()
	sends(t, f, c, clip(t))
	f.stop()
	f.logged("the server stops")
	require.Empty(t, f.server.Connections())
	_, err = c.Read(make([]byte, 10))
	require.Error(t, err)
}

// Of too many connections the one that has waited longest is closed, and a new one is rejected while all record.
func TestTooManyConnections(t *testing.T) {
	f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.MaxConnections = 1 })
	first, err := dial(f, "live/a", nil)
	require.NoError(t, err)
	defer first.Close()
	second, err := dial(f, "live/a", nil)
	require.NoError(t, err)
	defer second.Close()
	f.logged("the server has closed the connection")
	sends(t, f, second, clip(t))
	_, err = dial(f, "live/b", nil)
	require.Error(t, err)
	require.Equal(t, uint64(1), f.server.Counts().Refused)
}
