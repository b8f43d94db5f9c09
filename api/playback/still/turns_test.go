package still

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// slowRows is a catalogue that answers when gate is closed. It sends to asked for each question.
type slowRows struct {
	asked chan struct{}
	gate  chan struct{}
}

// Records implements clip.Catalogue.
func (c *slowRows) Records(context.Context, media.Query) (media.Page, error) {
	c.asked <- struct{}{}
	<-c.gate
	return media.Page{}, nil
}

// Many requests at once do not read many indexes at once, and who leaves does not wait.
func TestSearchesTakeTurns(t *testing.T) {
	rows := &slowRows{asked: make(chan struct{}, 1000), gate: make(chan struct{})}
	s := New()
	s.Catalogue = rows
	ctx, leave := context.WithCancel(t.Context())
	var all, waiting sync.WaitGroup
	for range maxAtOnce {
		all.Go(func() { _, _ = s.inTurn(t.Context(), &Request{AtUTC: 1}) }) // there is nothing
	}
	for range maxAtOnce {
		<-rows.asked
	}
	for range 100 {
		waiting.Go(func() {
			_, err := s.inTurn(ctx, &Request{AtUTC: 1})
			require.ErrorIs(t, err, context.Canceled)
		})
	}
	leave()
	waiting.Wait()
	require.Empty(t, rows.asked)
	close(rows.gate)
	all.Wait()
}
