package hls

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/egress/cmaf"
)

// Any request for a playlist is refused, waits or is answered, and never reads beyond the parts.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"_HLS_msn=1&_HLS_part=2", "_HLS_skip=v2", "session=x", "%", "_HLS_msn=18446744073709551615", "_HLS_msn=4&_HLS_part=0&_HLS_skip=YES"} {
		f.Add(seed)
	}
	parts := []*cmaf.Part{{Number: 8, Segment: 3, First: true, Init: &cmaf.Init{Number: 1}}, {Number: 9, Segment: 3, Index: 1, Init: &cmaf.Init{Number: 1}}}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		q, err := parseQuery(values)
		if err != nil {
			require.ErrorIs(t, err, ErrQuery)
			return
		}
		q.limits = cmaf.Limits{PartNS: 2e8, SegmentNS: 2e9}
		require.False(t, q.ready(nil))
		if q.tooFar(parts) {
			require.True(t, q.ready(parts), "it must not wait")
		}
		require.NotEmpty(t, writeMedia(nil, parts, q.limits, "x", q.skip))
	})
}
