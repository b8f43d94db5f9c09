package egress_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/hub"
)

func newReaders(t *testing.T, most int) (*egress.Readers, *hub.Hub) {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	log := slog.New(slog.DiscardHandler)
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	h := hub.New(pipelinetest.Pool(t), tasks, hub.Config{Log: log, ServesReaders: true})
	t.Cleanup(func() {
		h.Close()
		require.NoError(t, tasks.Stop(context.Background()))
	})
	return egress.NewReaders(h, nil, most, log, pipeline.SystemClock), h
}

func request(protocol, path string) egress.Request {
	return egress.Request{Protocol: protocol, Path: path, Remote: "192.0.2.1:5", User: "ann", TLS: true, HangUp: func() {}}
}

func publish(t *testing.T, h *hub.Hub, path string) {
	t.Helper()
	p, err := h.Publish(path, hub.PublishOptions{Origin: "test"})
	require.NoError(t, err)
	t.Cleanup(func() { p.Close(endcause.SourceLost) })
	require.NoError(t, p.SetTracks([]media.Track{pipelinetest.AVC(640, 360)}))
	require.NoError(t, p.Write(0, &media.AU{UTC: 1e18, Sync: true, Payload: [][]byte{{0x65, 1}}}))
}

func TestReadersAreListedCountedAndEnded(t *testing.T) {
	readers, h := newReaders(t, 1)
	publish(t, h, "live/a")
	ended := 0
	q := request("hls", "live/a")
	q.HangUp = func() { ended++ }
	a, err := readers.Admit(q)
	require.NoError(t, err)
	defer a.Close()
	a.Sent(9)
	a.Skipped(2)

	_, err = readers.Admit(request("hls", "live/a"))
	require.ErrorIs(t, err, egress.ErrFull)
	b, err := readers.Admit(request("fmp4", "live/a"))
	require.NoError(t, err)
	list := readers.Connections()
	require.Len(t, list, 2)
	require.Equal(t, "fmp4", list[0].Protocol)
	hls := list[1]
	require.Equal(t, "hls live/a 192.0.2.1:5 ann reading", hls.Protocol+" "+hls.Path+" "+hls.Remote+" "+hls.User+" "+string(hls.State))
	require.True(t, hls.TLS)
	b.Close()
	counts := map[string]clients.Counts{}
	readers.Counts(func(protocol string, n clients.Counts) bool { counts[protocol] = n; return true })
	require.Equal(t, clients.Counts{Connections: 1, Reading: 1, Readers: 1, Sent: 9, Skipped: 2}, counts["hls"])
	require.Equal(t, clients.Counts{}, counts["fmp4"])

	require.False(t, readers.End("rtsp", hls.Number))
	require.False(t, readers.End("hls", hls.Number+1))
	require.True(t, readers.End("hls", hls.Number))
	require.Equal(t, 1, ended)
	readers.HangUp()
	require.Equal(t, 2, ended)
}

func TestAStreamThatIsNotLiveHasNoReader(t *testing.T) {
	readers, h := newReaders(t, 0)
	_, err := readers.Admit(request("hls", "live/a"))
	require.ErrorIs(t, err, egress.ErrNoStream)
	_, err = readers.Admit(request("hls", "live/../a"))
	require.Error(t, err)
	p, err := h.Publish("live/a", hub.PublishOptions{Origin: "test"}) // it has no tracks yet
	require.NoError(t, err)
	defer p.Close(endcause.SourceLost)
	a, err := readers.Admit(request("hls", "live/a"))
	require.NoError(t, err)
	a.Close()
	require.Empty(t, readers.Connections())
}
