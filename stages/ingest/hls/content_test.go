package hls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// quickClock is a clock by which each wait is over at once, and has taken its time.
type quickClock struct{ now time.Time }

func (c *quickClock) Now() time.Time { return c.now }
func (c *quickClock) After(d time.Duration) (<-chan time.Time, func()) {
	c.now = c.now.Add(d)
	done := make(chan time.Time, 1)
	done <- c.now
	return done, func() {}
}

// A resource is tried again while the playlist may have it, but not if the server says that it does not exist.
func TestHowOftenAResourceIsTried(t *testing.T) {
	away := errors.New("connection refused")
	for name, c := range map[string]struct {
		err   error
		keeps time.Duration
		tries int
	}{
		"the server is away":        {away, 5 * time.Second, 11},
		"the server fails":          {StatusError{http.StatusBadGateway}, 5 * time.Second, 11},
		"the server is busy":        {fmt.Errorf("the key: %w", StatusError{http.StatusTooManyRequests}), 5 * time.Second, 11},
		"not found":                 {fmt.Errorf("the key: %w", StatusError{http.StatusNotFound}), 5 * time.Second, 3},
		"the playlist will drop it": {away, 0, 3},
	} {
		opened := 0
		open := func() (*Resource, error) { opened++; return nil, c.err }
		keeps := func() time.Duration { return c.keeps }
		_, err := newContent(context.Background(), &quickClock{time.Now()}, keeps, open)
		require.ErrorIs(t, err, c.err, name)
		require.Equal(t, c.tries, opened, name)

		opened = 0
		from, err := newContent(context.Background(), &quickClock{time.Now()}, keeps, func() (*Resource, error) {
			if opened++; opened < c.tries {
				return &Resource{ReadCloser: io.NopCloser(io.MultiReader(strings.NewReader("abc"), failed{c.err}))}, nil
			}
			return &Resource{ReadCloser: io.NopCloser(strings.NewReader("abcdef"))}, nil
		})
		require.NoError(t, err, name)
		text, err := io.ReadAll(from)
		require.NoError(t, err, name)
		require.Equal(t, "abcdef", string(text), name)
	}
}

// A resource is tried for as long as the playlist lasts, and no longer than the read timeout.
func TestHowLongAResourceIsTried(t *testing.T) {
	m := &list{target: 2 * time.Second, first: 7, segments: make([]segment, 6)}
	r := &rendition{Player: &Player{Options: Options{ReadTimeout: 10 * time.Second}}, list: m}
	require.Equal(t, 2*time.Second, r.keeps(), "the target duration at least")
	for i := range m.segments {
		m.segments[i].duration = time.Second
	}
	require.Equal(t, 6*time.Second, r.keeps())
	m.segments[0].duration = time.Minute
	require.Equal(t, 10*time.Second, r.keeps())
	r.failed = 1
	require.Zero(t, r.keeps(), "the piece before has had the time")
}
