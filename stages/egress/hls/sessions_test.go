package hls

import (
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
	"github.com/gospool/spool/stages/egress/egresstest"
)

// Of two requests that begin a session with one ID at once, the second joins the session of the first.
func TestOneIDIsOneSession(t *testing.T) {
	c := egresstest.New(t)
	readers := egress.NewReaders(c.Hub, nil, 20, slog.New(slog.DiscardHandler), pipeline.SystemClock)
	s := New(readers, cmaf.NewPackagers(c.Hub, c.Tasks, pipeline.SystemClock, cmaf.Config{}), c.Tasks, pipeline.SystemClock, 0)
	c.Publish(640)
	defer c.Leave()
	id, r := rand.Text(), httptest.NewRequest("GET", "/", nil)
	first, err := s.open(r, egresstest.Path, "ann")
	require.NoError(t, err)
	second, err := s.open(r, egresstest.Path, "ann")
	require.NoError(t, err)
	require.Len(t, readers.Connections(), 2)
	got, err := s.add(first, id)
	require.NoError(t, err)
	require.Same(t, first, got)
	got, err = s.add(second, id)
	require.NoError(t, err)
	require.Same(t, first, got)
	require.Equal(t, 2, first.busy)
	require.Len(t, readers.Connections(), 1)
}
