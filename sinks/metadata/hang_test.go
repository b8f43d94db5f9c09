package metadata

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// mute holds back the answers to queries about one recording until answer is closed.
type mute struct {
	id     string
	asked  chan string // receives each query about a recording of ids
	ids    []media.ID
	answer chan struct{}
}

func muteAbout(c opened, recs ...media.Recording) *mute {
	m := &mute{id: recs[0].ID.String(), asked: make(chan string, 100), ids: ids(recs), answer: make(chan struct{})}
	was := c.store.Load() // the applier may be using it
	db := *was.DB
	db.RO = db.RO.WithQueryHook(m)
	c.store.Store(&store{DB: &db, fence: was.fence})
	return m
}

func (m *mute) BeforeQuery(ctx context.Context, e *bun.QueryEvent) context.Context {
	for _, id := range m.ids {
		if strings.Contains(e.Query, id.String()) {
			m.asked <- id.String()
		}
	}
	if strings.Contains(e.Query, m.id) {
		select {
		case <-m.answer:
		case <-ctx.Done():
		}
	}
	return ctx
}

func (m *mute) AfterQuery(context.Context, *bun.QueryEvent) {}

// inTime fails the test when do waits for the database.
func inTime(t *testing.T, what string, do func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		require.NoError(t, err, what)
	case <-time.After(time.Minute):
		require.Fail(t, "it is held up", what)
	}
}

// TestADatabaseThatDoesNotAnswerAboutARecordingBlocksOnlyThatOne covers the changes that query a
// recording: deletion, protection, and the row of a file that retention deleted.
func TestADatabaseThatDoesNotAnswerAboutARecordingBlocksOnlyThatOne(t *testing.T) {
	t.Parallel()
	asks := map[string]func(context.Context, *Catalogue, media.Recording) error{
		"delete": func(ctx context.Context, c *Catalogue, r media.Recording) error {
			_, err := c.Delete(ctx, r.ID)
			return err
		},
		"protect": func(ctx context.Context, c *Catalogue, r media.Recording) error {
			_, err := c.SetProtected(ctx, r.ID, false)
			return err
		},
		"forget": func(ctx context.Context, c *Catalogue, r media.Recording) error {
			return c.Forget(ctx, []media.DeletedFile{{ID: r.ID, Path: r.Path}})
		},
	}
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, driver, dsn string) {
				c := openWith(t, OpenOptions{Driver: driver, DSN: dsn, QueryTimeout: time.Hour})
				ready(t, c.Catalogue)
				hung, lost, deleted, protected, evicted := sample(1, "live/a"), sample(2, "live/a"), sample(3, "live/a"), sample(4, "live/a"), sample(5, "live/a")
				put(t, c, hung, lost, deleted, protected, evicted)
				ready(t, c.Catalogue)
				m := muteAbout(c, hung)
				var asking sync.WaitGroup
				asking.Go(func() { require.NoError(t, ask(t.Context(), c.Catalogue, hung)) })
				require.Equal(t, hung.ID.String(), <-m.asked)
				inTime(t, "delete", func() error { _, err := c.Delete(t.Context(), deleted.ID); return err })
				inTime(t, "protect", func() error { _, err := c.SetProtected(t.Context(), protected.ID, true); return err })
				inTime(t, "forget", func() error {
					return c.Forget(t.Context(), []media.DeletedFile{{ID: evicted.ID, Path: evicted.Path}})
				})
				inTime(t, "a comparison calls a recording lost, which asks the database nothing", func() error {
					old, _, err := c.lookup(t.Context(), lost.ID.String())
					require.NoError(t, err)
					return (&reconciliation{c: c.Catalogue}).lose(t.Context(), old)
				})
				close(m.answer)
				asking.Wait()
				ready(t, c.Catalogue)
				want := map[media.ID]media.State{lost.ID: media.StateLost, protected.ID: media.StateFinished}
				if name == "protect" {
					want[hung.ID] = media.StateFinished
				}
				got := map[media.ID]media.State{}
				for _, r := range records(t, c, media.Query{}).Records {
					got[r.ID] = r.State
				}
				require.Equal(t, want, got)
			})
		})
	}
}

// TestADeletionOnAFrozenDatabaseEndsAndBlocksNoOther checks that a cancelled deletion ends, and
// that no deletion waits for the ones before it.
func TestADeletionOnAFrozenDatabaseEndsAndBlocksNoOther(t *testing.T) {
	eachServer(t, func(t *testing.T, s *dbtest.Server) {
		c := openWith(t, OpenOptions{Driver: s.Driver, DSN: s.DSN, QueryTimeout: time.Hour})
		var recs []media.Recording
		for n := range 3 {
			recs = append(recs, sample(n, "live/a"))
		}
		put(t, c, recs...)
		ready(t, c.Catalogue)
		m := muteAbout(c, recs...)
		close(m.answer)
		s.Freeze()
		defer s.Thaw()
		ctx, giveUp := context.WithCancel(t.Context())
		errs := make(chan error, len(recs))
		for _, r := range recs {
			go func() { _, err := c.Delete(ctx, r.ID); errs <- err }()
		}
		seen := map[string]bool{}
		for range recs {
			select {
			case id := <-m.asked:
				seen[id] = true
			case <-time.After(time.Minute):
				require.Fail(t, "a deletion waits for another one", "%d asked", len(seen))
			}
		}
		require.Len(t, seen, len(recs))
		giveUp()
		for range recs {
			require.ErrorIs(t, <-errs, context.Canceled)
		}
	})
}
