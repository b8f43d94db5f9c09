package metadata

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// TestRecordsAnswerAsASimpleModel runs random queries on random recordings, some of them in the
// database, some still pending, and compares every page with a filter over a sorted slice.
func TestRecordsAnswerAsASimpleModel(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		model := fillRandomly(t, c)
		rapid.Check(t, func(rt *rapid.T) {
			q := randomQuery(rt)
			a, err := parseQuery(q)
			require.NoError(rt, err)
			want := expected(model, &a)
			var got []string
			for {
				p, err := c.Records(t.Context(), q)
				require.NoError(rt, err)
				require.False(rt, p.Degraded)
				for _, r := range p.Records {
					got = append(got, r.ID.String())
				}
				if p.Next == "" {
					break
				}
				require.Len(rt, p.Records, a.limit, "only the last page is short")
				q.Cursor = p.Next
			}
			require.Equal(rt, want, got)
		})
		c.Catalogue.stop = c.opts.Tasks.Keep("catalogue", pipeline.Backoff{}, func(ctx context.Context) error { return c.apply(ctx, 0) })
		ready(t, c.Catalogue)
		a, _ := parseQuery(media.Query{})
		require.Len(t, all(t, c, media.Query{}), len(expected(model, &a)), "and the same rows once all is applied")
	})
}

// fillRandomly stores 300 recordings; the last ones stay pending, since apply is stopped, and
// queries have to merge them.
func fillRandomly(t *testing.T, c opened) map[string]*row.Row {
	t.Helper()
	gen := rapid.Custom(randomRecording)
	model := map[string]*row.Row{}
	for i := range 300 {
		if i == 250 {
			ready(t, c.Catalogue)
			c.Catalogue.stop()
		}
		rec := gen.Example(i)
		if i > 250 && i%3 == 0 { // a change of a stored recording
			for id := range model {
				rec.ID, _ = media.ParseID(id)
				break
			}
		}
		put(t, c, rec)
		r, err := row.Of(rec, "node1")
		require.NoError(t, err)
		model[r.ID] = r
	}
	return model
}

var someStreams = []string{"live/a", "live/a/b", "live/b", "live", "livery/a", "door", "live/Ä", "LIVE/a"}

func randomRecording(t *rapid.T) media.Recording {
	rec := sample(rapid.IntRange(0, 40).Draw(t, "start"), rapid.SampledFrom(someStreams).Draw(t, "stream"))
	rec.ID = media.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	rec.ID[0] |= 1
	length := rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, 5 * time.Minute, time.Hour, 100 * time.Hour, 10000 * time.Hour}).Draw(t, "length")
	rec.EndUTC = rec.StartUTC + int64(length)
	rec.State = rapid.SampledFrom([]media.State{media.StateFinished, media.StateFinished, media.StateRecording, media.StateRecovered, media.StateLost}).Draw(t, "state")
	rec.Protected = rapid.Bool().Draw(t, "protected")
	return rec
}

func randomQuery(t *rapid.T) media.Query {
	q := media.Query{Ascending: rapid.Bool().Draw(t, "ascending"), Limit: rapid.SampledFrom([]int{1, 3, 10, 100, 1000}).Draw(t, "limit")}
	q.Stream = rapid.SampledFrom([]string{"", "*", "live/a", "live/*", "live/a/*", "nothing", "nothing/*", "door"}).Draw(t, "stream")
	at := func(name string) time.Time {
		return base.Add(time.Duration(rapid.IntRange(-10, 50*60).Draw(t, name)) * time.Second)
	}
	if rapid.Bool().Draw(t, "has start") {
		q.Start = at("from")
	}
	if rapid.Bool().Draw(t, "has end") {
		q.End = at("to")
		if !q.Start.IsZero() && !q.Start.Before(q.End) {
			q.End = q.Start.Add(time.Nanosecond)
		}
	}
	q.State = rapid.SampledFrom([]media.State{"", "", media.StateFinished, media.StateRecording, media.StateLost}).Draw(t, "state")
	if rapid.Bool().Draw(t, "has protected") {
		p := rapid.Bool().Draw(t, "protected")
		q.Protected = &p
	}
	return q
}

// expected computes the answer to a query independently of the code under test.
func expected(model map[string]*row.Row, a *parsedQuery) (ids []string) {
	var in []*row.Row
	for _, r := range model {
		open := r.State == "recording"
		ended := r.EndNS > a.fromNS || r.StartNS >= a.fromNS
		if r.StartNS < a.toNS && (open || ended) && (a.state == "" || a.state == r.State) &&
			(a.protected < 0 || a.protected == r.Protected) &&
			(a.stream == "" || a.stream == r.Stream) && (a.prefix == "" || strings.HasPrefix(r.Stream, a.prefix)) {
			in = append(in, r)
		}
	}
	slices.SortFunc(in, func(x, y *row.Row) int {
		c := strings.Compare(fmt.Sprintf("%020d %s", x.StartNS, x.ID), fmt.Sprintf("%020d %s", y.StartNS, y.ID))
		if !a.ascending {
			c = -c
		}
		return c
	})
	for _, r := range in {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestInvalidQueriesAreRefused(t *testing.T) {
	for name, q := range map[string]media.Query{
		"negative limit": {Limit: -1},
		"huge limit":     {Limit: 1001},
		"end first":      {Start: base, End: base.Add(-1)},
		"empty window":   {Start: base, End: base},
		"unknown state":  {State: "gone'; DROP TABLE"},
		"star inside":    {Stream: "live/*/a"},
		"star at word":   {Stream: "liv*"},
		"nul":            {Stream: "a\x00"},
		"not utf-8":      {Stream: "\xff"},
		"long":           {Stream: strings.Repeat("a", 256)},
	} {
		_, err := parseQuery(q)
		require.ErrorIs(t, err, media.ErrQuery, name)
	}
	far := media.Query{Start: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	a, err := parseQuery(far)
	require.NoError(t, err)
	require.Equal(t, []int64{math.MinInt64, math.MaxInt64}, []int64{a.fromNS, a.toNS})
}

func TestStreamFilters(t *testing.T) {
	for in, want := range map[string][2]string{
		"": {}, "*": {}, "**": {}, "live/a": {"live/a", ""}, "live/*": {"", "live/"}, "live/**": {"", "live/"}, "a/b/*": {"", "a/b/"},
	} {
		a, err := parseQuery(media.Query{Stream: in})
		require.NoError(t, err, in)
		require.Equal(t, want, [2]string{a.stream, a.prefix}, in)
	}
}

func TestSpansCoverEveryLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := row.Row{EndNS: rapid.Int64Range(0, math.MaxInt64-1).Draw(t, "length")}
		class := row.SpanOf(&r)
		require.Less(t, r.EndNS-r.StartNS, row.SpanLimitNS(class))
		if class > 0 {
			require.GreaterOrEqual(t, r.EndNS, row.SpanLimitNS(class-1))
		}
	})
}

func TestACursorBelongsToItsQuery(t *testing.T) {
	k := row.Key{StartNS: base.UnixNano(), ID: testID(1).String()}
	s := encodeCursor(k, 7)
	got, err := decodeCursor(s, 7)
	require.NoError(t, err)
	require.Equal(t, k, got)
	_, err = decodeCursor(s, 8)
	require.ErrorContains(t, err, "filters or order")
	for i := range len(s) {
		b := []byte(s)
		if b[i]++; string(b) == s {
			continue
		}
		_, err = decodeCursor(string(b), 7)
		require.ErrorIs(t, err, ErrCursor)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("", uint32(0))
	f.Add(encodeCursor(row.Key{StartNS: 1, ID: testID(1).String()}, 1), uint32(1))
	f.Add(encodeCursor(row.Key{StartNS: math.MinInt64, ID: media.ID{}.String()}, 1), uint32(1))
	f.Fuzz(func(t *testing.T, s string, mark uint32) {
		k, err := decodeCursor(s, mark)
		if err != nil {
			require.ErrorIs(t, err, ErrCursor)
			return
		}
		require.Equal(t, s, encodeCursor(k, mark), "one place, one cursor")
	})
}

func FuzzStreamFilter(f *testing.F) {
	for _, s := range []string{"", "*", "live/*", "/*", "//*", "a*b", "**/*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseQuery(media.Query{Stream: s})
		if err != nil {
			require.ErrorIs(t, err, media.ErrQuery)
			return
		}
		if a.prefix != "" {
			require.True(t, strings.HasSuffix(a.prefix, "/"))
			require.Greater(t, after(a.prefix), a.prefix+"\U0010ffff")
		}
	})
}
