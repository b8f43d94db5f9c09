package hls

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// trickle is a resource whose bytes come slowly.
type trickle struct {
	ctx   context.Context
	bytes int // -1: without end
	each  time.Duration
}

func (r *trickle) Read(b []byte) (int, error) {
	if r.bytes == 0 {
		return 0, io.EOF
	}
	r.bytes--
	select {
	case <-r.ctx.Done():
		return 0, context.Cause(r.ctx)
	case <-time.After(r.each):
		b[0] = '#'
		return 1, nil
	}
}

func (r *trickle) Close() error { return nil }

// trickling is a source of a playlist, of which the resources with a name come slowly.
type trickling struct{ list, slow string }

func (s trickling) Open(ctx context.Context, u *url.URL, _ Range) (*Resource, error) {
	if strings.HasSuffix(u.Path, s.slow) {
		return &Resource{&trickle{ctx, -1, 9 * time.Second}, u}, nil
	}
	return &Resource{io.NopCloser(strings.NewReader(s.list)), u}, nil
}

// A server that sends a byte now and then does not hold the pull.
func TestATrickleIsLeft(t *testing.T) {
	const segments = "#EXTINF:10,\ns\n#EXTINF:10,\ns\n#EXTINF:10,\ns\n#EXTINF:10,\ns\n#EXTINF:10,\ns\n"
	for slow, c := range map[string]struct {
		list, says string
		most       time.Duration
	}{
		".m3u8": {"#EXT-X-GAP\n#EXTINF:10,\ns\n", "not complete after 30s", 3 * time.Minute},
		"k":     {"#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n" + segments, "the key: the server sends too slowly: it is not complete after 30s", 3 * time.Minute},
		"m":     {"#EXT-X-MAP:URI=\"m\"\n" + segments, "its initialisation section: the server sends too slowly: it is not complete after 30s", 3 * time.Minute},
		"s":     {segments, "the server sends too slowly: it is not complete after 1m50s", 10 * time.Minute},
	} {
		t.Run(slow, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text := "#EXTM3U\n#EXT-X-TARGETDURATION:10\n" + c.list
				if slow != ".m3u8" {
					text += "#EXT-X-ENDLIST\n"
				}
				u := &url.URL{Scheme: "http", Host: "h", Path: "/a.m3u8"}
				o := Options{Source: trickling{text, slow}, Clock: pipeline.SystemClock, ReadTimeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler)}
				begun := time.Now()
				err := Play(t.Context(), o, u, u, []byte(text))
				require.ErrorContains(t, err, c.says)
				require.Less(t, time.Since(begun), c.most)
			})
		})
	}
}

// The time between two reads does not count: a segment is read at the pace of its media. A segment of several tries has one
// time.
func TestTheTimeBetweenReadsDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rendition{Player: &Player{Options: Options{Source: trickling{slow: "s"}, ReadTimeout: 10 * time.Second}}}
		within := r.timeFor(&piece{})
		require.Equal(t, time.Minute, within)
		require.Equal(t, 10*time.Second+10*time.Hour, r.timeFor(&piece{duration: maxDuration}))
		open := r.opener(t.Context(), &url.URL{Path: "s"}, Range{}, within)
		for range 2 {
			got, err := open()
			require.NoError(t, err)
			for range 3 {
				time.Sleep(time.Hour) // of the test's own clock
				_, err := got.Read(make([]byte, 1))
				require.NoError(t, err)
			}
			require.NoError(t, got.Close())
		}
		got, err := open()
		require.NoError(t, err)
		_, err = got.Read(make([]byte, 1))
		require.ErrorContains(t, err, "too slowly", "60 - 2*3*9 seconds are left")
		require.NoError(t, got.Close())
	})
}

// What a playlist of a server with TLS names is not requested without it.
func TestReferencesKeepTLS(t *testing.T) {
	for _, c := range []struct {
		base, uri string
		is        bool
	}{
		{"https://h/a", "b", true}, {"https://h/a", "https://i/b", true}, {"https://h/a", "http://h/b", false}, {"http://h/a", "https://h/b", true},
		{"http://h/a", "//i/b", true}, {"http://h/a", "file:///b", false}, {"file:///a", "http://h/b", false}, {"file:///a", "b", true},
	} {
		base, err := url.Parse(c.base)
		require.NoError(t, err)
		_, err = resolve(base, c.uri)
		require.Equal(t, c.is, err == nil, "%s from %s: %v", c.uri, c.base, err)
	}
}
