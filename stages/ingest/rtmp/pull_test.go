package rtmp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// pulled configures a pull, and records its stream.
func (f *fixture) pulled(c hub.StreamConfig) func() taken {
	f.t.Helper()
	require.NoError(f.t, f.hub.Configure(path, c))
	return f.record(path)
}

// failed waits until the pull has failed, and returns why.
func (f *fixture) failed() (why string) {
	f.t.Helper()
	f.eventually("the pull fails", func() bool {
		for _, i := range f.hub.List() {
			if i.Path == path && i.LastError != "" {
				why = i.LastError
			}
		}
		return why != ""
	})
	return why
}

// freePort returns a port at which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// ffmpeg plays a file to the one client that comes. Every access unit is the file's own.
func TestPullFromFFmpeg(t *testing.T) {
	f := newFixture(t)
	file := clip(t, "aac.mp4", append(append([]string{}, x264...), aac...)...)
	from := "rtmp://127.0.0.1:" + freePort(t) + "/live/cam"
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-c", "copy", "-f", "flv", "-listen", "1", from)
	require.NoError(t, server.Start())
	got := f.pulled(hub.StreamConfig{Pull: from})()
	require.EqualValues(t, endcause.SourceLost, got.end)
	require.InDelta(t, compare(t, file, "v", got, codec.H264, 0, 0), compare(t, file, "a", got, codec.AAC, 3, 0), 1.1)
	require.Empty(t, f.losses(path))
	_ = server.Wait()
}

// studio is a server by gortmplib that plays pictures and sound.
type studio struct {
	*gortmplib.ServerConn
	user, password string
}

// serve plays to one client of a listener after the other, until one has been served.
func (s studio) serve(t *testing.T, l net.Listener) {
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			err = s.play(nc)
			_ = nc.Close()
			if err == nil {
				return
			}
		}
	}()
}

func (s studio) play(nc net.Conn) error {
	c := &gortmplib.ServerConn{RW: nc}
	if err := c.Initialize(); err != nil {
		return err
	}
	accept := c.AcceptConn
	if s.user != "" {
		accept = func() error { return c.AcceptConnIfCredentialsMatch(s.user, s.password) }
	}
	if err := accept(); err != nil {
		return err
	}
	if c.Publish || c.URL.Path != "/live/cam" || c.URL.RawQuery != "key=x" {
		return fmt.Errorf("%v %v", c.Publish, c.URL)
	}
	if err := c.AcceptAction(); err != nil {
		return err
	}
	video := &gortmplib.Track{Codec: &codecs.H264{SPS: ingesttest.SPS25, PPS: ingesttest.PPSX264}}
	audio := &gortmplib.Track{Codec: &codecs.MPEG4Audio{Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelCount: 2, ChannelConfig: 2}}}
	w := gortmplib.Writer{Conn: c, Tracks: []*gortmplib.Track{video, audio}}
	if err := w.Initialize(); err != nil {
		return err
	}
	for i := range 10 {
		at := time.Duration(i) * 40 * time.Millisecond
		nal := avcPicture(i, i == 0, 0)[9:]
		if err := w.WriteH264(video, at, at, [][]byte{nal}); err != nil {
			return err
		}
		if err := w.WriteMPEG4Audio(audio, at, []byte{0x21, byte(i)}); err != nil {
			return err
		}
	}
	return nil
}

func TestPullWithAPassword(t *testing.T) {
	f := newFixture(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	studio{user: "cam", password: "s3cret"}.serve(t, l)
	got := f.pulled(hub.StreamConfig{Pull: "rtmp://cam:s3cret@" + l.Addr().String() + "/live/cam?key=x"})()
	require.Len(t, got.units[codec.H264], 10)
	require.Len(t, got.units[codec.AAC], 10)
	require.NotContains(t, f.book.String(), "s3cret")
	require.NotContains(t, f.book.String(), "key=x")
}

func TestPullWithAWrongPassword(t *testing.T) {
	f := newFixture(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	studio{user: "cam", password: "s3cret"}.serve(t, l)
	f.pulled(hub.StreamConfig{Pull: "rtmp://cam:0ther@" + l.Addr().String() + "/live/cam"})
	why := f.failed()
	require.Contains(t, why, "the server refuses: NetConnection.Connect.Rejected")
	require.NotContains(t, why, "0ther")
}

func TestPullOverTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	sum := sha256.Sum256(makeCertificate(t, cert, key))
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	for name, tc := range map[string]struct{ fingerprint, says string }{
		"pinned":  {hex.EncodeToString(sum[:]), ""},
		"other":   {hex.EncodeToString(make([]byte, 32)), "not the pinned one"},
		"unknown": {"", "set tls.fingerprint of the stream to its SHA-256, " + hex.EncodeToString(sum[:])},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
			require.NoError(t, err)
			studio{}.serve(t, l)
			wait := f.pulled(hub.StreamConfig{Pull: "rtmps://" + l.Addr().String() + "/live/cam?key=x", Fingerprint: tc.fingerprint})
			if tc.says != "" {
				require.Contains(t, f.failed(), tc.says)
				return
			}
			got := wait()
			require.Len(t, got.units[codec.H264], 10)
		})
	}
}

// What this server says to a player, its own puller understands.
func TestPullFromThisServerIsRefused(t *testing.T) {
	f := newFixture(t)
	f.pulled(hub.StreamConfig{Pull: f.url("live/b")})
	require.Contains(t, f.failed(), "the server refuses: NetStream.Play.Failed: nothing is played by RTMP here")
}

func TestPullFromASilentServer(t *testing.T) {
	f := newFixture(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	f.pulled(hub.StreamConfig{Pull: "rtmp://" + l.Addr().String() + "/live/b", ReadTimeout: time.Second})
	require.Contains(t, f.failed(), "the source sent no sound and no pictures for 1s")
}

// A source that sends metadata and empty messages for ever, but no media, does not keep its pull.
func TestPullFromAServerWithoutMedia(t *testing.T) {
	f := newFixture(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			_ = chatter(nc)
			_ = nc.Close()
		}
	}()
	f.pulled(hub.StreamConfig{Pull: "rtmp://" + l.Addr().String() + "/live/b", ReadTimeout: time.Second})
	require.Contains(t, f.failed(), "the source sent no sound and no pictures for 1s")
}

// chatter plays a stream without media until the client leaves.
func chatter(nc net.Conn) error {
	_ = nc.SetDeadline(time.Now().Add(patience))
	c := &gortmplib.ServerConn{RW: nc}
	if err := c.Initialize(); err != nil {
		return err
	}
	if err := c.AcceptConn(); err != nil {
		return err
	}
	if err := c.AcceptAction(); err != nil {
		return err
	}
	raw := rawmessage.NewWriter(nc, nil, false)
	metadata, err := amf0.Data{"onMetaData", amf0.Object{{Key: "audiocodecid", Value: float64(10)}}}.Marshal()
	if err != nil {
		return err
	}
	for {
		for kind, body := range map[uint8][]byte{data: metadata, sound: nil} {
			if err := raw.Write(&rawmessage.Message{ChunkStreamID: 4, Type: kind, MessageStreamID: 1 << 24, Body: body}); err != nil {
				return err
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestPullsThatAreRefused(t *testing.T) {
	for raw, tc := range map[string]struct {
		o    hub.PullOptions
		says string
	}{
		"rtmp:///live/a":  {hub.PullOptions{}, "no host"},
		"rtmp://h/":       {hub.PullOptions{}, "names no stream"},
		"rtmp://h/live/a": {hub.PullOptions{Transport: "udp"}, "RTMP comes over tcp"},
		"rtmp://h/live/b": {hub.PullOptions{Fingerprint: "00"}, "tls.fingerprint is for rtmps URLs"},
		"rtmps://h/live":  {hub.PullOptions{Fingerprint: "00"}, "tls.fingerprint is no SHA-256"},
	} {
		_, err := hub.NewPuller(raw, tc.o)
		require.ErrorContains(t, err, tc.says, raw)
	}
}

func TestPlacesOfPulls(t *testing.T) {
	for raw, want := range map[string][3]string{
		"rtmp://h/live/cam":         {"rtmp://h/live", "live", "cam"},
		"rtmp://u:p@h:99/a/b/c?k=v": {"rtmp://h:99/a/b", "a/b", "c?k=v"},
		"rtmp://h/live":             {"rtmp://h/live", "live", ""},
	} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		p := puller{PullOptions: hub.PullOptions{URL: u}}
		server, app, key := p.place("")
		require.Equal(t, want, [3]string{server, app, key}, raw)
	}
}
