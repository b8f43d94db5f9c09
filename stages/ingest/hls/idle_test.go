package hls

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// runningClock is a clock that each wait moves.
type runningClock struct{ now time.Time }

func (c *runningClock) Now() time.Time { return c.now }
func (c *runningClock) After(d time.Duration) (<-chan time.Time, func()) {
	c.now = c.now.Add(d)
	done := make(chan time.Time, 1)
	done <- c.now
	return done, func() {}
}

// pages is a source whose playlist has a further segment at each request.
type pages struct {
	tags     string // of each segment
	segment  string
	requests int
}

func (p *pages) Open(_ context.Context, u *url.URL, _ Range) (*Resource, error) {
	text := p.segment
	if strings.HasSuffix(u.Path, ".m3u8") {
		p.requests++
		text = p.list()
		if p.requests > 1000 { // the test fails
			text += "#EXT-X-ENDLIST\n"
		}
	}
	return &Resource{io.NopCloser(strings.NewReader(text)), u}, nil
}

func (p *pages) list() string {
	return fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n%s#EXTINF:1,\nx\n", p.requests, p.tags)
}

// A live playlist that goes on without media is left.
func TestSegmentsWithoutMediaAreNotTakenForEver(t *testing.T) {
	null := "\x47\x1f\xff\x10" + strings.Repeat("\xff", 184)
	for name, p := range map[string]*pages{"gaps": {tags: "#EXT-X-GAP\n"}, "empty segments": {segment: strings.Repeat(null, 10)}} {
		u := &url.URL{Scheme: "http", Host: "h", Path: "/a.m3u8"}
		clock := &runningClock{time.Now()}
		begun := clock.now
		o := Options{Source: p, Clock: clock, ReadTimeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler)}
		err := Play(context.Background(), o, u, u, []byte(p.list()))
		require.ErrorContains(t, err, "has had segments without media for 1m12s", name)
		require.Less(t, clock.now.Sub(begun), 2*time.Minute, name)
		require.Greater(t, p.requests, 60, name)
	}
}
