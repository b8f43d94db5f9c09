package rtmp

import (
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/ingest"
)

// A publisher that sends nothing, or only metadata, holds its path for the read timeout.
func TestAPublisherWithoutMedia(t *testing.T) {
	f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.ReadTimeout = config.Duration(time.Second) })
	f.publisherLeaves(f.publisher())
	e, ended := f.publisher(), make(chan struct{})
	go func() {
		defer close(ended)
		for body := metadata(t, amf0.ObjectEntry{Key: "videocodecid", Value: 7.}); ; time.Sleep(time.Millisecond) {
			if e.raw.Write(&rawmessage.Message{ChunkStreamID: 4, Type: data, MessageStreamID: e.stream << 24, Body: body}) != nil {
				return
			}
		}
	}()
	f.publisherLeaves(e)
	<-ended
}

// publisherLeaves waits until a publisher is told that it sends no media.
func (f *fixture) publisherLeaves(e *encoder) {
	t := f.t
	t.Helper()
	code, says := e.status()
	require.Equal(t, "NetStream.Publish.Rejected", code)
	require.Equal(t, errSilent.Error(), says)
	_ = e.nc.Close()
	f.empty()
	require.False(t, f.hub.Announced(path))
}
