package rtmp

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/rawmessage"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtmp/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(clips.dir)
		os.Exit(code)
	}))
}

// patience bounds events that must happen at all; it measures no speed.
const patience = time.Minute

const path = "live/a"

// fixture is a server with a hub.
type fixture struct {
	t      *testing.T
	hub    *hub.Hub
	tasks  *pipeline.Tasks
	book   *pipelinetest.Log
	log    *slog.Logger
	server *Server
	stop   func() // of the server
}

func newFixture(t *testing.T, change ...func(*Settings, *ingest.ServerDeps)) *fixture {
	t.Helper()
	f := &fixture{t: t, book: &pipelinetest.Log{}}
	f.log = slog.New(slog.NewTextHandler(f.book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.tasks = pipeline.NewTasks(f.log, pipeline.SystemClock)
	f.hub = hub.New(pipelinetest.Pool(t), f.tasks, hub.Config{Log: f.log, Linger: time.Millisecond})
	s := Settings{
		ServerSettings: ingest.DefaultServerSettings("127.0.0.1:0"),
		PublishTimeout: config.Duration(patience), WriteTimeout: config.Duration(patience),
	}
	s.ReadTimeout = config.Duration(patience)
	d := ingest.ServerDeps{Hub: f.hub, Tasks: f.tasks, Clock: pipeline.SystemClock, Log: f.log}
	for _, c := range change {
		c(&s, &d)
	}
	f.server = New(s, d)
	f.stop = f.tasks.Go("rtmp", f.server.Run)
	<-f.server.Ready()
	t.Cleanup(func() {
		f.hub.Close()
		require.NoError(t, f.tasks.Stop(context.Background()))
		if t.Failed() {
			t.Log(f.book.String())
		}
	})
	return f
}

func (f *fixture) url(path string) string { return "rtmp://" + f.server.Addr().String() + "/" + path }

// eventually waits for a condition.
func (f *fixture) eventually(what string, ok func() bool) {
	f.t.Helper()
	require.Eventually(f.t, ok, patience, 5*time.Millisecond, what)
}

// logged waits until a line of the log has all texts.
func (f *fixture) logged(texts ...string) {
	f.t.Helper()
	f.eventually("a line with "+strings.Join(texts, ", "), func() bool {
		for line := range strings.Lines(f.book.String()) {
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
				return true
			}
		}
		return false
	})
}

// empty waits until the server has no connection.
func (f *fixture) empty() {
	f.t.Helper()
	f.eventually("all clients have left", func() bool { return len(f.server.Connections()) == 0 })
}

// unit is an access unit from the hub.
type unit struct {
	dts, pts int64 // ticks
	sync     bool
	hash     string
	set      int // index in taken.sets
}

// taken is the content of a subscription: units by codec, and the tracks of every generation.
type taken struct {
	units  map[media.Codec][]unit
	sets   []*media.TrackSet
	causes map[string]bool // of gaps
	end    string
}

// record subscribes to a path and collects until the publisher leaves.
func (f *fixture) record(path string) func() taken {
	f.t.Helper()
	if !f.hub.Configured(path) {
		require.NoError(f.t, f.hub.Configure(path, hub.StreamConfig{}))
	}
	sub, err := f.hub.Subscribe(path)
	require.NoError(f.t, err)
	done := make(chan taken, 1)
	go func() {
		defer sub.Close()
		out := taken{units: map[media.Codec][]unit{}, causes: map[string]bool{}}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for {
			c, err := sub.Take(ctx)
			if err != nil {
				var end *pipeline.EndError
				if out.end = err.Error(); errors.As(err, &end) {
					out.end = end.Reason
				}
				done <- out
				return
			}
			out.add(c)
			c.Release()
		}
	}()
	return func() taken { return <-done }
}

func (k *taken) add(c *media.Chunk) {
	if n := len(k.sets); n == 0 || k.sets[n-1] != c.Set {
		k.sets = append(k.sets, c.Set)
	}
	if !c.Gap.None() {
		k.causes[string(c.Gap.Cause)] = true
	}
	for i := range c.Tracks {
		col, codec, at := &c.Tracks[i], c.Set.Tracks[i].Codec, 0
		payload := col.Payload.Append(nil)
		for j := range col.DTS {
			sum := md5.Sum(payload[at : at+int(col.SizeBytes[j])])
			at += int(col.SizeBytes[j])
			k.units[codec] = append(k.units[codec], unit{
				dts: col.DTS[j], pts: col.DTS[j] + int64(col.OffsetTicks[j]), sync: col.Flags[j]&media.FlagSync != 0,
				hash: hex.EncodeToString(sum[:]), set: len(k.sets) - 1,
			})
		}
	}
}

// track returns the track of a codec in the first set that has it.
func (k *taken) track(c media.Codec) *media.Track {
	for _, set := range k.sets {
		for i := range set.Tracks {
			if set.Tracks[i].Codec == c {
				return &set.Tracks[i]
			}
		}
	}
	return nil
}

func (f *fixture) losses(path string) map[string]uint64 {
	out := map[string]uint64{}
	for _, i := range f.hub.List() {
		if i.Path == path {
			for _, l := range i.Losses {
				out[l.Cause] = l.Count
			}
		}
	}
	return out
}

// encoder is a client that writes each message as the test says.
type encoder struct {
	t      *testing.T
	nc     net.Conn
	wire   *wire.Conn
	raw    *rawmessage.Writer
	stream uint32
}

// encoder connects to the server, and sends connect.
func (f *fixture) encoder(app string) *encoder {
	f.t.Helper()
	nc, err := net.Dial("tcp", f.server.Addr().String())
	require.NoError(f.t, err)
	return encoderOver(f.t, nc, app)
}

func encoderOver(t *testing.T, nc net.Conn, app string) *encoder {
	t.Helper()
	t.Cleanup(func() { _ = nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
	e := &encoder{t: t, nc: nc, wire: wire.NewConn(nc), raw: rawmessage.NewWriter(nc, nil, false)}
	require.NoError(t, e.wire.Greet())
	require.NoError(t, e.wire.Send(0, "connect", 1, wire.Object{{Key: "app", Value: app}, {Key: "tcUrl", Value: "rtmp://h/" + app}, {Key: "capsEx", Value: float64(0)}}))
	answer := e.command()
	require.Equal(t, "_result", answer.Name)
	require.Equal(t, "NetConnection.Connect.Success", answer.Properties(1).Text("code"))
	require.NoError(t, e.wire.Send(0, "createStream", 2, nil))
	answer = e.command()
	require.Equal(t, "_result", answer.Name)
	e.stream = uint32(answer.Arguments[1].(float64))
	return e
}

func (e *encoder) command() wire.Command {
	e.t.Helper()
	var m wire.Message
	for {
		require.NoError(e.t, e.wire.Read(&m))
		if k, is, err := m.Command(); is {
			require.NoError(e.t, err)
			return k
		}
	}
}

// status returns code and description of the next status.
func (e *encoder) status() (code, description string) {
	e.t.Helper()
	k := e.command()
	require.Equal(e.t, "onStatus", k.Name)
	return k.Properties(1).Text("code"), k.Properties(1).Text("description")
}

// publish asks to publish, and returns the status.
func (e *encoder) publish(key string) (code, description string) {
	e.t.Helper()
	require.NoError(e.t, e.wire.Send(e.stream, "publish", 3, nil, key, "live"))
	return e.status()
}

// publisher returns an encoder that publishes path.
func (f *fixture) publisher() *encoder {
	f.t.Helper()
	e := f.encoder("live")
	code, description := e.publish("a")
	require.Equal(f.t, "NetStream.Publish.Start", code, description)
	return e
}

// The types of messages.
const (
	sound    = wire.TypeAudio
	pictures = wire.TypeVideo
	data     = wire.TypeData
)

// send sends a message of a type with a time.
func (e *encoder) send(kind uint8, ms uint32, body ...byte) {
	e.t.Helper()
	chunks := byte(4)
	if kind == pictures {
		chunks = 6
	}
	require.NoError(e.t, e.raw.Write(&rawmessage.Message{ChunkStreamID: chunks, Timestamp: time.Duration(ms) * time.Millisecond, Type: kind, MessageStreamID: e.stream << 24, Body: body}))
}

// leave ends the publication, and waits for the end of the connection.
func (e *encoder) leave() {
	e.t.Helper()
	require.NoError(e.t, e.wire.Send(0, "deleteStream", 9, nil, float64(e.stream)))
	code, _ := e.status()
	require.Equal(e.t, "NetStream.Unpublish.Success", code)
	_ = e.nc.Close()
}
