package media_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// shot returns a chunk of a camera with every optional part.
func shot(t *testing.T, pool *media.Pool) *media.Chunk {
	t.Helper()
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = 10
	cam.Gap(media.Gap{Cause: media.GapStall, DurationNS: 5})
	chunks := append(cam.Shoot(t, 25), cam.Cut()...)
	for _, c := range chunks[1:] {
		c.Release()
	}
	c := chunks[0]
	c.Gaps = append(c.Gaps, media.Gap{Cause: media.GapRTPLoss, StartUTC: c.UTC, DurationNS: 7})
	return c
}

// The copy outlives the chunk, whose memory a checked pool overwrites, and has the same content.
func TestAnUnpooledChunkIsNotReleased(t *testing.T) {
	pool := pipelinetest.Pool(t)
	c := shot(t, pool)
	var payloads [][]byte
	for i := range c.Tracks {
		payloads = append(payloads, c.Tracks[i].Payload.Append(nil))
	}
	u := c.Unpooled()
	gap, gaps, seq, utc, span, gop := c.Gap, append([]media.Gap{}, c.Gaps...), c.Seq, c.UTC, c.SpanNS(), c.StartsGOP
	c.Release()
	require.Zero(t, pool.Outstanding())
	require.NoError(t, u.Check())
	for i := range u.Tracks {
		require.Equal(t, payloads[i], u.Tracks[i].Payload.Append(nil))
	}
	require.Equal(t, gap, u.Gap)
	require.Equal(t, gaps, u.Gaps)
	require.Equal(t, []any{seq, utc, span, gop}, []any{u.Seq, u.UTC, u.SpanNS(), u.StartsGOP})
	require.Positive(t, u.MemoryBytes())
	for range 3 { // as often as anybody likes
		require.Same(t, u, u.Retain())
		u.Release()
		u.Release()
	}
	require.NoError(t, u.Check())
}

// Stages can split copies and view some of their tracks, as they do with chunks.
func TestAnUnpooledChunkIsSplitAndViewed(t *testing.T) {
	pool := pipelinetest.Pool(t)
	c := shot(t, pool)
	u := c.Unpooled()
	i := c.NextGOP(0)
	require.Positive(t, i)
	want, wantBehind := c.Split(i)
	before, behind := u.Split(i)
	for _, pair := range [][2]*media.Chunk{{want, before}, {wantBehind, behind}} {
		require.NoError(t, pair[1].Check())
		require.Equal(t, pair[0].AccessUnits(), pair[1].AccessUnits())
		require.Equal(t, pair[0].Lead().Payload.Append(nil), pair[1].Lead().Payload.Append(nil))
		pair[0].Release()
		pair[1].Release()
	}
	set, err := media.NewTrackSet(1, u.Set.Tracks[:1])
	require.NoError(t, err)
	v := pool.View(u, set, []int{0})
	require.Equal(t, u.Lead().Len(), v.AccessUnits())
	require.EqualValues(t, 1, pool.Outstanding(), "the view is the pool's")
	v.Release()
}

func TestForeignChunksAreChecked(t *testing.T) {
	pool := pipelinetest.Pool(t)
	c := shot(t, pool)
	defer c.Release()
	for want, spoil := range map[string]func(*media.Chunk){
		"":                                    func(*media.Chunk) {},
		"Tracks is parallel to Set.Tracks":    func(c *media.Chunk) { c.Tracks = c.Tracks[:1] },
		"its tracks are not those of its set": func(c *media.Chunk) { c.Set = nil },
		"track 1: DTS, Offset, Size and Flags have 19,":            func(c *media.Chunk) { c.Tracks[0].DTS = c.Tracks[0].DTS[:19] },
		"track 1: access unit 3: the decoding time 0 is not after": func(c *media.Chunk) { c.Tracks[0].DTS[2] = 0 },
		"track 2: Size adds up to":                                 func(c *media.Chunk) { c.Tracks[1].SizeBytes[0]++ },
		"track 1: End is -1, before":                               func(c *media.Chunk) { c.Tracks[0].EndTicks = -1 },
		"and Payload has 3":                                        func(c *media.Chunk) { c.Tracks[0].Payload = media.NewPayload([]byte{1, 2, 3}) },
	} {
		u := c.Unpooled()
		require.Len(t, u.Tracks[0].DTS, 20)
		spoil(u)
		if want == "" {
			require.NoError(t, u.Check())
			require.NoError(t, media.Part{Segment: &media.Segment{}, Chunk: u}.Check())
			continue
		}
		require.ErrorContains(t, u.Check(), want)
		require.ErrorContains(t, media.Part{Segment: &media.Segment{}, Chunk: u}.Check(), want)
	}
	require.Error(t, (*media.Chunk)(nil).Check())
	require.Error(t, media.Part{}.Check())
	require.Error(t, media.Recording{}.Check())
	require.NoError(t, (&media.Chunk{Mark: &media.Mark{Kind: media.MarkEnd}}).Check())
}

// A copy shares no memory with the element that goes on in the pipeline.
func TestUnpooledMarksAndRecordingsShareNothing(t *testing.T) {
	pool := pipelinetest.Pool(t)
	event := &media.Event{Name: "door", Data: []byte(`{"a":1}`)}
	mark := pool.NewMark(nil, 3, media.Mark{Kind: media.MarkEvent, Event: event, Raised: &media.Raised{Data: []byte(`{"a":1}`)}})
	u := mark.Unpooled()
	mark.Release()
	u.Mark.Event.Name, u.Mark.Event.Data[1] = "window", 'x'
	u.Mark.Raised.Data[1] = 'x'
	require.Equal(t, media.Event{Name: "door", Data: []byte(`{"a":1}`)}, *event)

	r := media.Recording{Tracks: []media.TrackInfo{{Codec: "h264"}}, Gaps: []media.Gap{{DurationNS: 1}}, Events: []media.Event{*event}}
	copied := r.Unpooled()
	require.Equal(t, r, copied)
	copied.Tracks[0].Codec, copied.Gaps[0].DurationNS, copied.Events[0].Data[1] = "h265", 2, 'x'
	require.Equal(t, "h264", r.Tracks[0].Codec)
	require.EqualValues(t, 1, r.Gaps[0].DurationNS)
	require.Equal(t, `{"a":1}`, string(event.Data))
}
