package hls

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// The tracks change 50 times at once, and then once a second. Equal tracks are no change.
func TestTheRateOfChanges(t *testing.T) {
	p, now := &Past{}, time.Now()
	sets := [][]media.Track{{{Width: 1}}, {{Width: 2}}}
	for i := range mostChanges {
		require.Zero(t, p.change(sets[i%2], now))
		require.Zero(t, p.change(sets[i%2], now), "equal tracks")
	}
	began := now
	for i := range 20 * mostChanges {
		now = now.Add(p.change(sets[i%2], now))
	}
	require.Equal(t, 20*mostChanges*changeEvery, now.Sub(began))
}

// A playlist is joined behind the segments that were read, if it has the newest of them still.
func TestTheSegmentsThatWereReadAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		reached position
		first   uint64
		names   string // of the segments, a letter each; those before were a to f, from number 10 on
		want    position
		losses  int
		unread  bool
	}{
		"the same":           {position{number: 16}, 10, "abcdef", position{number: 16}, 0, false},
		"further ones":       {position{number: 16}, 12, "cdefgh", position{number: 16}, 0, false},
		"many further ones":  {position{number: 16}, 15, "fghijklm", position{number: 20}, 0, false},
		"left":               {position{number: 16}, 16, "ghijkl", position{number: 19}, 0, false},
		"begun anew":         {position{number: 16}, 0, "abcd", position{number: 1}, 0, false},
		"another encoder":    {position{number: 16}, 10, "opqrst", position{number: 13}, 0, false},
		"only some are read": {position{number: 12}, 10, "abcdef", position{number: 13}, 0, false},
		"not published":      {position{number: 16}, 10, "abcdef", position{number: 13}, 0, true},
		"within a segment":   {position{15, 2}, 12, "cdefgh", position{number: 16}, 1, false},
	} {
		past := &Past{}
		of := func(first uint64, names string) *rendition {
			r := &rendition{Player: &Player{}, live: true, base: &url.URL{Scheme: "http", Host: "h", Path: "/list"}, list: &list{target: time.Second, first: first}}
			for _, n := range names {
				r.list.segments = append(r.list.segments, segment{uri: string(n) + "?session=" + name, duration: time.Second})
			}
			r.at = r.list.start()
			return r
		}
		earlier := of(10, "abcdef")
		earlier.at = c.reached
		if c.unread {
			earlier.units = []*unit{{}}
		}
		past.leave([]*rendition{earlier})
		name = "another one"
		r := of(c.first, c.names)
		past.resume(r)
		require.Equal(t, c.want, r.at, "%s", c.names)
		require.Equal(t, c.losses, r.losses)
	}
}
