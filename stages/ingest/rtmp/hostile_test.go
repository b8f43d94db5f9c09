package rtmp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtmp/wire"
)

// gone requires that the server closes a connection.
func gone(t *testing.T, nc net.Conn) {
	t.Helper()
	require.NoError(t, nc.SetReadDeadline(time.Now().Add(patience)))
	_, err := io.Copy(io.Discard, nc)
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "the connection stays open")
}

func (f *fixture) dial() net.Conn {
	f.t.Helper()
	nc, err := net.Dial("tcp", f.server.Addr().String())
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = nc.Close() })
	return nc
}

// Bytes that are no RTMP end their connection alone.
func TestGarbage(t *testing.T) {
	f := newFixture(t)
	recording := f.publisher()
	recording.configure(0)
	hello := append([]byte{3}, make([]byte, 2*1536)...)
	for says, garbage := range map[string][]byte{
		"handshake":                 []byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
		"begins without the header": append(bytes.Clone(hello), 0xff, 0xff),
		"a chunk size of":           append(bytes.Clone(hello), 2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x80, 0, 0, 0),
		"a message of 16777215 bytes; at most 65536": append(bytes.Clone(hello), 3, 0, 0, 0, 0xff, 0xff, 0xff, 9, 0, 0, 0, 0),
		"a command that cannot be read":              append(bytes.Clone(hello), 3, 0, 0, 0, 0, 0, 1, 20, 0, 0, 0, 0, 0xff),
		"a command before connect":                   append(bytes.Clone(hello), 3, 0, 0, 0, 0, 0, 16, 20, 0, 0, 0, 0, 2, 0, 4, 'p', 'l', 'a', 'y', 0, 0, 0, 0, 0, 0, 0, 0, 0),
	} {
		nc := f.dial()
		_, err := nc.Write(garbage)
		require.NoError(t, err)
		f.logged("connection closed", says)
		_ = nc.(*net.TCPConn).CloseWrite()
		gone(t, nc)
	}
	f.eventually("only the publisher is left", func() bool { return len(f.server.Connections()) == 1 })
	wait := f.record(path)
	recording.cast(0, 5, 5)
	recording.leave()
	got := wait()
	require.Len(t, got.units[codec.H264], 5)
}

// Connections that do not publish are closed in time, however far they get and whatever they send.
func TestConnectionsThatDoNotPublishAreClosed(t *testing.T) {
	f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.PublishTimeout = config.Duration(time.Second) })
	silent, half := f.dial(), f.dial()
	_, err := half.Write(append([]byte{3}, make([]byte, 100)...))
	require.NoError(t, err)
	connected := f.encoder("live")
	gone(t, silent)
	gone(t, half)
	gone(t, connected.nc)
	f.empty()
}

func TestManyConnectAtOnce(t *testing.T) {
	f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.MaxConnections = 50 })
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.cast(0, 5, 5)
	var all []net.Conn
	for range 200 {
		all = append(all, f.dial())
	}
	f.eventually("connections are bounded", func() bool { return f.server.Counts().GivenUp >= 150 })
	require.LessOrEqual(t, len(f.server.Connections()), 50)
	for _, nc := range all {
		_ = nc.Close()
	}
	e.send(pictures, 200, avcPicture(5, false, 0)...)
	e.leave()
	got := wait()
	require.Len(t, got.units[codec.H264], 6, "no connection has taken the place of a publisher")
	f.empty()
}

// The largest message is recorded.
func TestALargePicture(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.cast(0, 1, 1)
	small := avcPicture(1, true, 0)
	size := wire.MaxMessageBytes - len(small)
	big := append(bytes.Clone(small), bytes.Repeat([]byte{0xab}, size)...)
	binary.BigEndian.PutUint32(big[5:], uint32(len(big)-9))
	require.Len(t, big, wire.MaxMessageBytes)
	e.raw.SetChunkSize(1 << 20)
	require.NoError(t, e.control(1, 0, 0x10, 0, 0))
	e.send(pictures, 40, big...)
	e.send(pictures, 80, avcPicture(2, false, 0)...)
	e.leave()
	got := wait()
	require.Len(t, got.units[codec.H264], 3)
	require.Empty(t, f.losses(path))
}

// control writes a control message.
func (e *encoder) control(kind byte, body ...byte) error {
	_, err := e.nc.Write(append([]byte{2, 0, 0, 0, 0, 0, byte(len(body)), kind, 0, 0, 0, 0}, body...))
	return err
}

func TestPlayIsRefused(t *testing.T) {
	f := newFixture(t)
	e := f.encoder("live")
	require.NoError(t, e.wire.Send(e.stream, "play", 3, nil, "a"))
	code, says := e.status()
	require.Equal(t, "NetStream.Play.Failed", code)
	require.Contains(t, says, "nothing is played by RTMP")
	_ = e.nc.Close()
	f.empty()
	require.EqualValues(t, 1, f.server.Counts().Readers)
}

func TestPathsThatAreRefused(t *testing.T) {
	f := newFixture(t)
	for _, key := range []string{"", "../b", "-rf", "a//b", "a\nb"} {
		e := f.encoder("")
		code, says := e.publish(key)
		require.Equal(t, "NetStream.Publish.BadName", code, key)
		require.Contains(t, says, "stream path", key)
		_ = e.nc.Close()
	}
	require.EqualValues(t, 5, f.server.Counts().Publishers)
}

// A path is checked before it is logged, and before the user is.
func TestALongPathIsRefusedFirst(t *testing.T) {
	f := newFixture(t, withUsers)
	key := strings.Repeat("k", 5000)
	code, says := f.encoder("live").publish(key)
	require.Equal(t, "NetStream.Publish.BadName", code)
	require.Contains(t, says, "5005 bytes long")
	f.logged("publisher refused", "5005 bytes long")
	require.NotContains(t, f.book.String(), key)
}

// onlyCam lets the user cam publish, with its password.
type onlyCam struct{}

func (onlyCam) Authorize(_ context.Context, r ingest.AccessRequest) error {
	if r.Protocol == protocol && r.Action == ingest.ActionPublish && r.Credentials == (ingest.Credentials{Name: "cam", Password: "s3cret"}) {
		return nil
	}
	return errors.New("unknown user")
}

func withUsers(_ *Settings, d *ingest.ServerDeps) { d.Authorizer = onlyCam{} }

func TestWhoMayPublish(t *testing.T) {
	f := newFixture(t, withUsers)
	for name, tc := range map[string]struct{ app, key, says string }{
		"in the key":     {"live", "a?user=cam&pass=s3cret", ""},
		"in the app":     {"live?user=cam&pass=s3cret", "a", ""},
		"a token":        {"live", "a?token=cam:s3cret", ""},
		"none":           {"live", "a", "add ?user=NAME&pass=PASSWORD"},
		"wrong password": {"live", "a?user=cam&pass=other", "is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			e := f.encoder(tc.app)
			code, says := e.publish(tc.key)
			if tc.says == "" {
				require.Equal(t, "NetStream.Publish.Start", code, says)
				f.eventually("the user is shown", func() bool { l := f.server.Connections(); return len(l) > 0 && l[len(l)-1].User == "cam" })
				e.leave()
			} else {
				require.Equal(t, "NetStream.Publish.Denied", code)
				require.Contains(t, says, tc.says)
				_ = e.nc.Close()
			}
			f.empty()
		})
	}
	require.EqualValues(t, 1, f.server.Counts().Publishers)
	require.NotContains(t, f.book.String(), "s3cret")
	require.NotContains(t, f.book.String(), "pass=")
}

// A password that others can read is not checked.
func TestPlainPasswordsAreRefusedOnAReadableNetwork(t *testing.T) {
	f := newFixture(t, withUsers)
	f.server.public = true
	e := f.encoder("live")
	code, says := e.publish("a?user=cam&pass=s3cret")
	require.Equal(t, "NetStream.Publish.Denied", code)
	require.Contains(t, says, "use rtmps")
	f.logged("sent its password unencrypted")
	f.server.PlainPasswords = true
	code, _ = f.encoder("live").publish("a?user=cam&pass=s3cret")
	require.Equal(t, "NetStream.Publish.Start", code)
}

func TestWhatClientsCallAStream(t *testing.T) {
	for _, tc := range []struct{ app, tcURL, key, path, name, password string }{
		{"live", "rtmp://h/live", "a", "live/a", "", ""},
		{"live/a", "rtmp://h/live/a", "", "live/a", "", ""},
		{"", "rtmp://h", "live/a", "live/a", "", ""},
		{"/live/", "rtmp://h/live/", "/a/b/", "live/a/b", "", ""},
		{"live", "rtmp://u:p%40@h/live", "a", "live/a", "u", "p@"},
		{"live", "rtmp://h/live?user=u&pass=p", "a", "live/a", "u", "p"},
		{"live?user=v", "rtmp://h/live?user=u", "a?username=w&password=a+b%26", "live/a", "w", "a+b&"},
		{"live", "", "a&user=u&pass=p", "live/a", "u", "p"},
		{"live", "", "a?token=u:p:q", "live/a", "u", "p:q"},
		{"li%76e", "", "b%C3%BCro", "live/büro", "", ""},
		{"live", ":", "100%", "live/100%", "", ""},
	} {
		got := targetOf(tc.app, tc.tcURL, tc.key)
		require.Equal(t, target{tc.path, ingest.Credentials{Name: tc.name, Password: tc.password}}, got, "%+v", tc)
	}
}

func TestTakeover(t *testing.T) {
	for _, override := range []bool{false, true} {
		f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.OverridePublisher = override })
		wait := f.record(path)
		first := f.publisher()
		first.configure(0)
		first.cast(0, 5, 5)
		f.eventually("it is live", func() bool { return f.hub.Live(path) })
		second := f.encoder("live")
		code, says := second.publish("a")
		if !override {
			require.Equal(t, "NetStream.Publish.BadName", code)
			require.Equal(t, hub.ErrBusy.Error(), says)
			first.leave()
			got := wait()
			require.EqualValues(t, endcause.SourceLost, got.end)
			continue
		}
		require.Equal(t, "NetStream.Publish.Start", code, says)
		got := wait()
		require.EqualValues(t, endcause.Replaced, got.end)
		require.Len(t, got.units[codec.H264], 4, "what the first one has sent is recorded, but for the picture that may not be whole")
		first.send(pictures, 200, avcPicture(5, false, 0)...)
		code, says = first.status()
		require.Equal(t, "NetStream.Publish.Rejected", code)
		require.Equal(t, hub.ErrReplaced.Error(), says)
	}
}

func TestTheServerStops(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.cast(0, 5, 5)
	f.eventually("it is live", func() bool { return f.hub.Live(path) })
	go func() { // the client leaves when it hears why
		var m wire.Message
		for e.wire.Read(&m) == nil {
		}
		_ = e.nc.Close()
	}()
	f.stop()
	got := wait()
	require.EqualValues(t, endcause.Shutdown, got.end)
	require.Len(t, got.units[codec.H264], 5)
	require.Empty(t, f.server.Connections())
}

func TestAConnectionIsEnded(t *testing.T) {
	f := newFixture(t)
	e := f.publisher()
	e.configure(0)
	e.cast(0, 5, 5)
	f.eventually("it records", func() bool { l := f.server.Connections(); return len(l) == 1 && l[0].Path == path })
	one := f.server.Connections()[0]
	require.False(t, f.server.End(one.Number+1))
	require.True(t, f.server.End(one.Number))
	gone(t, e.nc)
	f.empty()
}

// A client may publish again on its connection.
func TestPublishingAgain(t *testing.T) {
	f := newFixture(t)
	e := f.publisher()
	code, says := e.publish("b")
	require.Equal(t, "NetStream.Publish.BadName", code, says)
	_ = e.nc.Close()
	f.empty()
	e = f.publisher()
	for range 2 {
		wait := f.record(path)
		e.configure(0)
		e.cast(0, 3, 3)
		require.NoError(t, e.wire.Send(0, "FCUnpublish", 4, nil, "a"))
		code, _ := e.status()
		require.Equal(t, "NetStream.Unpublish.Success", code)
		got := wait()
		require.Len(t, got.units[codec.H264], 3)
		code, _ = e.publish("a")
		require.Equal(t, "NetStream.Publish.Start", code)
	}
}

func TestNothingThatCanBeRecorded(t *testing.T) {
	f := newFixture(t)
	e := f.publisher()
	for i := range 40 {
		e.send(pictures, uint32(40*i), 0x91, 'v', 'p', '0', '8', 1, 2, 3)
		e.send(sound, uint32(40*i), 0xb2, 1, 2)
	}
	code, says := e.status()
	require.Equal(t, "NetStream.Publish.Rejected", code)
	require.Contains(t, says, "none of the tracks can be recorded: VP8, Speex; H.264, ")
	f.logged("a track is not recorded", "codec=Speex")
}

func TestATrackIsLeftOut(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.send(pictures, 0, avcConfig(sps)...)
	e.send(sound, 0, 0x30, 1, 2)
	e.cast(0, 5, 0)
	f.eventually("it is listed", func() bool {
		for _, i := range f.hub.List() {
			if i.Path == path && len(i.Unrecorded) == 1 && i.Unrecorded[0] == "uncompressed sound of 8 bits" {
				return true
			}
		}
		return false
	})
	e.leave()
	got := wait()
	require.Len(t, got.units[codec.H264], 5)
}

// FuzzConnection sends any bytes to a server, behind a handshake and connect.
func FuzzConnection(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, 0, 0, 16, 20, 0, 0, 0, 0, 2, 0, 4, 'p', 'l', 'a', 'y', 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(append([]byte{4, 0, 0, 0, 0, 0, byte(len(avcConfig(sps))), 9, 1, 0, 0, 0}, avcConfig(sps)...))
	f.Fuzz(func(t *testing.T, in []byte) {
		x := newFixture(t)
		e := x.publisher()
		_, _ = e.nc.Write(in)
		_ = e.nc.(*net.TCPConn).CloseWrite()
		gone(t, e.nc)
		x.empty()
	})
}
