package media

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrackValidateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		track  Track
		change func(*Track)
		says   string
	}{
		"zero codec":        {video(), func(v *Track) { v.Codec = 0 }, "unknown codec 0"},
		"codec beyond":      {video(), func(v *Track) { v.Codec = 200 }, "unknown codec 200"},
		"no timescale":      {video(), func(v *Track) { v.Timescale = 0 }, "timescale is 0"},
		"no parameter sets": {video(), func(v *Track) { v.ParameterSets = nil }, "no parameter sets"},
		"no width":          {video(), func(v *Track) { v.Width = 0 }, "0x1080"},
		"negative height":   {video(), func(v *Track) { v.Height = -1 }, "1920x-1"},
		"too wide":          {video(), func(v *Track) { v.Width = 65536 }, "65536x1080"},
		"no sample rate":    {audio(), func(a *Track) { a.SampleRate = 0 }, "0 Hz"},
		"no channels":       {audio(), func(a *Track) { a.Channels = 0 }, "0 channels"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := c.track
			c.change(&bad)
			_, err := NewTrackSet(1, []Track{audio(), bad})
			require.ErrorContains(t, err, "track 2: ")
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err := NewTrackSet(1, nil)
	require.ErrorIs(t, err, ErrNoTracks)
}

func TestTrackSetDoesNotChangeWithItsInput(t *testing.T) {
	in := []Track{video(), audio()}
	set := setOf(t, in...)
	in[0].Width = 1
	in[0].ParameterSets[0][0] = 0
	in[1].ParameterSets[0] = nil
	require.True(t, set.Same(setOf(t, video(), audio())))
}

func TestTrackSetSame(t *testing.T) {
	set := setOf(t, video(), audio())
	other, err := NewTrackSet(9, []Track{video(), audio()})
	require.NoError(t, err)
	require.True(t, set.Same(other), "the generation does not matter")
	require.False(t, set.Same(nil))
	require.False(t, set.Same(setOf(t, video())))
	for name, change := range map[string]func(*Track){
		"codec":         func(v *Track) { v.Codec = otherPictures },
		"timescale":     func(v *Track) { v.Timescale = 1000 },
		"parameter set": func(v *Track) { v.ParameterSets = [][]byte{{0x67}, {0x69}} },
		"one more":      func(v *Track) { v.ParameterSets = append(v.ParameterSets, []byte{1}) },
		"width":         func(v *Track) { v.Width = 1280 },
		"height":        func(v *Track) { v.Height = 720 },
		"language":      func(v *Track) { v.Language = "deu" },
		"duration":      func(v *Track) { v.FrameDurationTicks = 3600 },
	} {
		v := video()
		change(&v)
		require.False(t, set.Same(setOf(t, v, audio())), name)
	}
}

func TestTrackSetLead(t *testing.T) {
	require.Equal(t, 0, setOf(t, video(), audio()).Lead())
	require.Equal(t, 1, setOf(t, audio(), video(), video()).Lead(), "pictures lead, wherever they are")
	require.Equal(t, 0, setOf(t, audio(), audio()).Lead())
}

func TestInfoShowsEveryTrack(t *testing.T) {
	require.Equal(t, []TrackInfo{
		{Kind: "video", Codec: "pictures", Width: 1920, Height: 1080},
		{Kind: "audio", Codec: "sound", SampleRate: 48000, Channels: 2},
	}, setOf(t, video(), audio()).Info())
}
