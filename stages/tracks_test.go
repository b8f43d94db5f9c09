package stages

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// settingsFor returns the settings of a stage that needs only the pool.
func settingsFor(t testing.TB, pool *media.Pool, stage string) pipeline.Settings {
	t.Helper()
	env := pipelinetest.Env()
	pipeline.Provide(env.Services, pool)
	return pipeline.NewSettings(env, "p", "live/x", stage)
}

func through(t testing.TB, s pipeline.Transform[*media.Chunk, *media.Chunk], chunks ...*media.Chunk) (out []*media.Chunk) {
	t.Helper()
	emit := func(c *media.Chunk) error { out = append(out, c); return nil }
	for _, c := range chunks {
		require.NoError(t, s.Process(t.Context(), c, emit))
	}
	require.NoError(t, s.Flush(t.Context(), emit))
	t.Cleanup(func() { releaseChunks(out) })
	return out
}

func releaseChunks(chunks []*media.Chunk) {
	for _, c := range chunks {
		c.Release()
	}
}

func tracksStage(t testing.TB, pool *media.Pool, cfg TracksConfig) pipeline.Transform[*media.Chunk, *media.Chunk] {
	t.Helper()
	s, err := newTracks(settingsFor(t, pool, "tracks"), cfg)
	require.NoError(t, err)
	return s
}

func TestTracksKeepsAndDropsByTheTracksProperties(t *testing.T) {
	pool := pipelinetest.Pool(t)
	german, english := pipelinetest.AAC(), pipelinetest.AAC()
	german.Language, english.Language = "deu", "eng"
	all := []media.Track{pipelinetest.AVC(640, 360), german, english, pipelinetest.AAC()}
	set, err := media.NewTrackSet(7, all)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		cfg  TracksConfig
		want []int
	}{
		"nothing said":            {TracksConfig{}, []int{0, 1, 2, 3}},
		"pictures only":           {TracksConfig{Keep: []TrackMatch{{Kind: "video"}}}, []int{0}},
		"no sound":                {TracksConfig{Drop: []TrackMatch{{Kind: "audio"}}}, []int{0}},
		"one language of many":    {TracksConfig{Keep: []TrackMatch{{Kind: "video"}, {Language: "eng"}}}, []int{0, 2}},
		"a track that names none": {TracksConfig{Drop: []TrackMatch{{Kind: "audio", Language: "und"}}}, []int{0, 1, 2}},
		"drop counts after keep":  {TracksConfig{Keep: []TrackMatch{{Codec: "aac"}}, Drop: []TrackMatch{{Language: "deu"}}}, []int{2, 3}},
		"the second track":        {TracksConfig{Keep: []TrackMatch{{Index: 2}}}, []int{1}},
		"pictures of a size":      {TracksConfig{Keep: []TrackMatch{{Size: "640x360"}}}, []int{0}},
		"sound of a rate":         {TracksConfig{Drop: []TrackMatch{{Rate: 48000}}}, []int{0}},
		"sound of channels":       {TracksConfig{Drop: []TrackMatch{{Channels: 2, Language: "eng"}}}, []int{0, 1, 3}},
		"a MIME string":           {TracksConfig{Keep: []TrackMatch{{MIME: "MP4A.40.2"}}}, []int{1, 2, 3}},
		"begin of a MIME string":  {TracksConfig{Keep: []TrackMatch{{MIME: "avc1"}}}, []int{0}},
		"part of a MIME string":   {TracksConfig{Keep: []TrackMatch{{MIME: "mp4a.40.2"}, {MIME: "av"}}, Drop: []TrackMatch{{MIME: "mp4a.4"}}}, []int{1, 2, 3}},
		"another size":            {TracksConfig{Keep: []TrackMatch{{Size: "360x640"}}}, nil},
		"nothing is left":         {TracksConfig{Keep: []TrackMatch{{Codec: "h265"}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := tracksStage(t, pool, c.cfg).(*tracks)
			require.NoError(t, s.choose(set))
			require.Equal(t, c.want, s.kept)
			var r pipeline.Report
			s.Report(&r)
			if c.want == nil {
				require.Nil(t, s.set)
				require.Len(t, r.Warnings, 1)
				return
			}
			require.Empty(t, r.Warnings)
			require.EqualValues(t, 7, s.set.Generation)
			for i, from := range c.want {
				require.Equal(t, set.Tracks[from], s.set.Tracks[i])
			}
		})
	}
}

func TestTracksPassesEveryAccessUnitOfAKeptTrack(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	shot := append(cam.Shoot(t, 100), cam.Cut()...)
	var pictures, sound, bytes int
	for _, c := range shot {
		pictures += c.Tracks[0].Len()
		sound += c.Tracks[1].Len()
		bytes += c.Tracks[1].Payload.Len()
		c.Retain() // for the second pass
	}
	first := through(t, tracksStage(t, pool, TracksConfig{Keep: []TrackMatch{{Kind: "video"}}}), shot...)
	require.Equal(t, pictures, units(first))
	second := through(t, tracksStage(t, pool, TracksConfig{Drop: []TrackMatch{{Kind: "video"}}}), shot...)
	require.Equal(t, sound, units(second))
	got := 0
	for i, c := range second {
		got += c.Bytes()
		require.Equal(t, first[i].Seq, c.Seq)
		require.Len(t, c.Tracks, 1)
	}
	require.Equal(t, bytes, got)
}

func TestTracksPassesWholeChunksUnchanged(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	shot := cam.Shoot(t, 26)
	mark := pool.NewMark(cam.Set(), 9, media.Mark{Kind: media.MarkEnd, End: endcause.Event})
	out := through(t, tracksStage(t, pool, TracksConfig{}), shot[0], mark)
	require.Same(t, shot[0], out[0])
	require.Same(t, mark, out[1])
}

// If only the sound of a stream changes, the file goes on where the sound is dropped, and a new file begins where it is
// kept.
func TestTracksFollowsAChangeOfTracks(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	shot := append(cam.Shoot(t, 25), cam.Cut()...)
	mono := pipelinetest.AAC()
	mono.Channels = 1
	cam.Tracks(t, pipelinetest.AVC(640, 360), mono)
	cam.GOP = 1 // the next picture is a key frame
	shot = append(shot, append(cam.Shoot(t, 5), cam.Cut()...)...)
	out := through(t, tracksStage(t, pool, TracksConfig{Keep: []TrackMatch{{Kind: "video"}}}), shot...)
	first, last := out[0].Set, out[len(out)-1].Set
	require.NotSame(t, first, last)
	require.True(t, first.Same(last))
	require.Less(t, first.Generation, last.Generation)
}

func TestTracksReleasesAStreamWithoutKeptTracks(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	out := through(t, tracksStage(t, pool, TracksConfig{Keep: []TrackMatch{{Codec: "h265"}}}), cam.Shoot(t, 100)...)
	require.Empty(t, out)
}

func TestTracksReleasesWhenTheNextStageFails(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	s := tracksStage(t, pool, TracksConfig{Keep: []TrackMatch{{Kind: "video"}}})
	boom := errors.New("boom")
	for _, c := range cam.Shoot(t, 60) {
		require.ErrorIs(t, s.Process(context.Background(), c, func(c *media.Chunk) error { c.Release(); return boom }), boom)
	}
}

func TestTracksRefusesInvalidRules(t *testing.T) {
	for text, want := range map[string]string{
		"{keep: [{}]}":                                  "matches every track",
		"{drop: [{codec: vp8}]}":                        `unknown codec "vp8"`,
		"{drop: [{codec: aac, kind: video}]}":           "matches no track",
		"{keep: [{kind: subtitle}]}":                    "subtitle",
		"{keep: [{kind: video}], drp: [{kind: audio}]}": "did you mean",
	} {
		n, err := config.Parse("t.yaml", []byte(text))
		require.NoError(t, err)
		require.ErrorContains(t, n.Decode(&TracksConfig{}).Err(), want, text)
	}
}

// Rules that leave no track of any stream are refused when they are compiled; rules whose result depends on the stream
// are checked when the stream is there.
func TestTracksThatLeaveNothingAreRefused(t *testing.T) {
	each := map[media.Kind]string{} // a rule for each codec of a kind
	for _, c := range codec.All() {
		each[c.Kind] += "{codec: " + c.Name + "}, "
	}
	for settings, nothing := range map[string]bool{
		"{drop: [{kind: video}, {kind: audio}, {kind: metadata}]}":           true,
		"{drop: [{kind: video}, {kind: audio}]}":                             false,
		"{drop: [" + each[media.Video] + "{kind: audio}, {kind: metadata}]}": true,
		"{keep: [{kind: audio}], drop: [" + each[media.Audio] + "]}":         true,
		"{keep: [{language: eng}], drop: [{kind: video}, {language: eng}]}":  true,
		"{keep: [{codec: aac, language: eng}], drop: [{kind: audio}]}":       true,
		"{drop: [{kind: video}, {kind: audio, language: eng}]}":              false,
		"{drop: [{codec: h264}, {kind: audio}]}":                             false,
		"{keep: [{kind: metadata}], drop: [{codec: klv}, {codec: onvif}]}":   true,
		"{keep: [{language: eng}], drop: [{language: und}]}":                 false,
		"{keep: [{kind: audio}], drop: [{codec: aac}]}":                      false,
		"{keep: [{kind: video}]}":                                            false,
		"{}":                                                                 false,
	} {
		n, err := config.Parse("tracks.yaml", []byte("[source: {}, tracks: "+settings+", \"null\"]"))
		require.NoError(t, err)
		_, problems := pipeline.Compile("p", n)
		if !nothing {
			require.Empty(t, problems, settings)
			continue
		}
		require.Len(t, problems, 1, settings)
		require.Regexp(t, `^tracks\.yaml:1:\d+: .*no track of any stream is left.*\(.+\)$`, problems[0].String())
	}
}
