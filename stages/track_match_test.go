package stages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrackMatchesThatCannotWorkAreRefused(t *testing.T) {
	for _, tc := range []struct {
		match TrackMatch
		says  string
	}{
		{TrackMatch{}, "matches every track"},
		{TrackMatch{Index: -1}, "from 1 to 64"},
		{TrackMatch{Index: 65}, "from 1 to 64"},
		{TrackMatch{Size: "1920"}, "WIDTHxHEIGHT"},
		{TrackMatch{Size: "0x100"}, "WIDTHxHEIGHT"},
		{TrackMatch{Size: "1920x1080x2"}, "WIDTHxHEIGHT"},
		{TrackMatch{Rate: -1}, "no sample rate"},
		{TrackMatch{Channels: -2}, "no number of channels"},
		{TrackMatch{MIME: "avc1."}, "ends with a dot"},
		{TrackMatch{Codec: "nope"}, "unknown codec"},
		{TrackMatch{Kind: "video", Codec: "aac"}, "aac is not video"},
		{TrackMatch{Kind: "audio", Size: "640x360"}, "sound has no size"},
		{TrackMatch{Rate: 8000, Size: "640x360"}, "sound has no size"},
		{TrackMatch{Codec: "h264", Rate: 48000}, "pictures have no sample rate"},
		{TrackMatch{Kind: "video", Channels: 2}, "pictures have no channels"},
		{TrackMatch{Kind: "metadata", Size: "640x360"}, "metadata has no size"},
		{TrackMatch{Codec: "klv", Channels: 2}, "metadata has neither"},
	} {
		require.ErrorContains(t, tc.match.Validate(), tc.says, "%+v", tc.match)
	}
	for _, m := range []TrackMatch{{Index: 1}, {Size: "640x360", Codec: "h264"}, {Rate: 8000, Channels: 1, Kind: "audio"}, {MIME: "mp4a.40.2"}} {
		require.NoError(t, m.Validate())
	}
}

func TestTracksThatSelectNothingAreRefused(t *testing.T) {
	sized, second := TrackMatch{Size: "640x360"}, TrackMatch{Index: 2}
	video, audio, metadata := TrackMatch{Kind: "video"}, TrackMatch{Kind: "audio"}, TrackMatch{Kind: "metadata"}
	for _, c := range []TracksConfig{
		{Drop: []TrackMatch{video, audio, metadata}},
		{Keep: []TrackMatch{sized}, Drop: []TrackMatch{video}},
		{Keep: []TrackMatch{second}, Drop: []TrackMatch{second}},
		{Keep: []TrackMatch{{Rate: 8000}}, Drop: []TrackMatch{audio}},
		{Keep: []TrackMatch{{MIME: "mp4a.40.2"}}, Drop: []TrackMatch{{MIME: "mp4a"}}},
	} {
		require.Len(t, c.Check(), 1, "%+v", c)
	}
	for _, c := range []TracksConfig{
		{},
		{Drop: []TrackMatch{video}},
		{Keep: []TrackMatch{second}, Drop: []TrackMatch{{Index: 1}}},
		{Keep: []TrackMatch{video}, Drop: []TrackMatch{sized}},
		{Drop: []TrackMatch{{Language: "eng"}, {Language: "und"}}},
		{Keep: []TrackMatch{{MIME: "mp4a"}}, Drop: []TrackMatch{{MIME: "mp4a.40.5"}}},
	} {
		require.Empty(t, c.Check(), "%+v", c)
	}
}
