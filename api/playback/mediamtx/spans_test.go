package mediamtx

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

const second = int64(time.Second)

// row returns a recording of one pipeline, from one second after noon up to another.
func row(from, to int64, change ...func(*media.Record)) media.Record {
	r := media.Record{Recording: media.Recording{
		ID: media.NewID(time.Unix(0, noonUTC+from*second)), Stream: "cam", Pipeline: "p", State: media.StateFinished, EndReason: endcause.MaxDuration,
		StartUTC: noonUTC + from*second, EndUTC: noonUTC + to*second, DurationNS: (to - from) * second,
		Tracks: []media.TrackInfo{{Kind: "video", Codec: "h264", Width: 320, Height: 180}},
	}}
	for _, f := range change {
		f(&r)
	}
	return r
}

func lossBefore(r *media.Record) { r.Gap = media.Gap{DurationNS: second, Cause: endcause.SourceLost} }
func larger(r *media.Record) {
	r.Tracks = []media.TrackInfo{{Kind: "video", Codec: "h264", Width: 640, Height: 360}}
}
func redescribes(r *media.Record) { r.EndReason = endcause.TracksChanged }
func grows(r *media.Record)       { r.State, r.EndReason, r.EndUTC = media.StateRecording, "", r.StartUTC }
func elsewhere(r *media.Record)   { r.Elsewhere = true }
func by(pipeline string) func(*media.Record) {
	return func(r *media.Record) { r.Pipeline = pipeline }
}

// joined returns the spans of rows, in seconds after noon. The pages have a number of rows.
func joined(t testing.TB, rows []media.Record, page int, from, to int64) (out []string) {
	t.Helper()
	j := joiner{
		bounds:  clip.Span{StartUTC: from, EndUTC: to},
		settled: func(*clip.Clip) (int64, error) { return 7 * second, nil },
		emit: func(s span) error {
			out = append(out, fmt.Sprint(time.Duration(s.startUTC-noonUTC).Seconds(), " to ", time.Duration(s.endUTC-noonUTC).Seconds()))
			return nil
		},
	}
	for part := range slices.Chunk(rows, page) {
		require.NoError(t, j.add(part))
	}
	require.NoError(t, j.flush())
	return out
}

func TestFilesThatContinueEachOtherAreOneSpan(t *testing.T) {
	for name, c := range map[string]struct {
		rows     []media.Record
		from, to int64
		want     []string
	}{
		"one run":                     {[]media.Record{row(0, 60), row(60, 120), row(120, 130)}, 0, 0, []string{"0 to 130"}},
		"a loss":                      {[]media.Record{row(0, 60), row(60, 120), row(121, 130, lossBefore)}, 0, 0, []string{"0 to 120", "121 to 130"}},
		"a recording by hand, later":  {[]media.Record{row(0, 60), row(90, 120)}, 0, 0, []string{"0 to 60", "90 to 120"}},
		"another size":                {[]media.Record{row(0, 60), row(60, 120, larger), row(120, 130, larger)}, 0, 0, []string{"0 to 60", "60 to 130"}},
		"another size and back":       {[]media.Record{row(0, 60), row(60, 120, larger), row(120, 130)}, 0, 0, []string{"0 to 60", "60 to 120", "120 to 130"}},
		"other parameter sets":        {[]media.Record{row(0, 60, redescribes), row(60, 120)}, 0, 0, []string{"0 to 60", "60 to 120"}},
		"bounds within":               {[]media.Record{row(0, 60), row(60, 120), row(120, 130)}, 10, 125, []string{"10 to 125"}},
		"bounds in gaps":              {[]media.Record{row(0, 60), row(90, 120), row(150, 160)}, 70, 130, []string{"90 to 120"}},
		"start before the first":      {[]media.Record{row(0, 60)}, -100, 30, []string{"0 to 30"}},
		"start behind the last":       {[]media.Record{row(0, 60)}, 61, 0, nil},
		"the file grows":              {[]media.Record{row(0, 60), row(60, 60, grows)}, 0, 0, []string{"0 to 67"}},
		"the only file grows":         {[]media.Record{row(0, 0, grows)}, 2, 0, []string{"2 to 7"}},
		"the end is in a growing one": {[]media.Record{row(0, 60), row(60, 60, grows)}, 0, 65, []string{"0 to 65"}},
		"on another recorder":         {[]media.Record{row(0, 60), row(60, 120, elsewhere), row(120, 130)}, 0, 0, []string{"0 to 60", "120 to 130"}},
		"two pipelines at once":       {[]media.Record{row(0, 60), row(10, 70, by("q")), row(60, 120), row(70, 130, by("q"))}, 0, 0, []string{"0 to 60", "60 to 70", "70 to 120", "120 to 130"}}, // each moment once
		"nothing":                     {nil, 0, 0, nil},
	} {
		from, to := noonUTC+c.from*second, noonUTC+c.to*second
		if c.from == 0 {
			from = unboundedStart
		}
		if c.to == 0 {
			to = unboundedEnd
		}
		for page := 1; page < 5; page++ {
			require.Equal(t, c.want, joined(t, c.rows, page, from, to), "%s, pages of %d", name, page)
		}
	}
}

// Pages do not change the spans, and the spans have the footage that clip.Select has.
func TestThePagesOfTheCatalogueDoNotShow(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var rows []media.Record
		at := int64(0)
		for range 1 + rnd.IntN(40) {
			var changes []func(*media.Record)
			switch rnd.IntN(5) {
			case 0:
				at += 2 + rnd.Int64N(20)
				changes = append(changes, lossBefore)
			case 1:
				changes = append(changes, larger)
			}
			length := 1 + rnd.Int64N(30)
			rows = append(rows, row(at, at+length, changes...))
			at += length
		}
		if rnd.IntN(3) == 0 {
			rows = append(rows, row(at, at, grows))
		}
		from, to := noonUTC+rnd.Int64N(at)*second, noonUTC+(at+20)*second
		whole := joined(t, rows, len(rows), from, to)
		for _, page := range []int{1, 2, 3, 7} {
			require.Equal(t, whole, joined(t, rows, page, from, to), "seed %d, pages of %d", seed, page)
		}
		breaks := 0
		clips := clip.Select(rows, clip.Span{StartUTC: from, EndUTC: to})
		for i, c := range clips {
			if i == 0 || !c.Joined || !slices.Equal(rows[len(rows)-len(clips)+i].Tracks, rows[len(rows)-len(clips)+i-1].Tracks) {
				breaks++
			}
		}
		require.Len(t, whole, breaks, "seed %d", seed)
	}
}

func TestAGrowingFileWithoutAWholeFrameIsNotListed(t *testing.T) {
	for _, err := range []error{fs.ErrNotExist, nil} {
		var got []span
		j := joiner{
			bounds:  clip.Span{StartUTC: unboundedStart, EndUTC: unboundedEnd},
			settled: func(*clip.Clip) (int64, error) { return 0, err },
			emit:    func(s span) error { got = append(got, s); return nil },
		}
		require.NoError(t, j.add([]media.Record{row(0, 60), row(60, 60, grows)}))
		require.NoError(t, j.flush())
		require.Equal(t, []span{{noonUTC, noonUTC + 60*second}}, got)
	}
}
