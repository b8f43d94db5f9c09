package api

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// A record lists its gaps and its wall clock, and omits either where it has none.
func TestARecordListsItsGapsAndItsWallClock(t *testing.T) {
	const start = int64(1_700_000_000_500_000_000)
	rec := media.Record{Recording: media.Recording{ID: media.ID{1}, StartUTC: start, State: media.StateFinished}}
	bare, err := json.Marshal(detail(&rec))
	require.NoError(t, err)
	require.NotContains(t, string(bare), "gaps")
	require.NotContains(t, string(bare), "anchors")
	rec.Gaps = []media.Gap{
		{Cause: media.GapRTPLoss, StartUTC: start + 1, DurationNS: 250e6, Track: 1, AccessUnits: 6, Places: 2},
		{Cause: media.GapDamaged, StartUTC: start + 2e9, DurationNS: 1e9, Bytes: 700, Chunks: 1, Places: 1},
	}
	rec.Anchors = media.Anchors{{UTC: start}, {MediaNS: 1500e6, UTC: start + 1750e6}}
	d := detail(&rec)
	b, err := json.Marshal(struct {
		Gaps    []gapWithin    `json:"gaps"`
		Anchors []anchorDetail `json:"anchors"`
	}{d.Gaps, d.Anchors})
	require.NoError(t, err)
	require.JSONEq(t, `{
		"gaps": [
			{"cause": "rtp_loss", "start_time": "2023-11-14T22:13:20.500000001Z", "seconds": 0.25, "track": 1, "access_units": 6, "places": 2},
			{"cause": "damaged", "start_time": "2023-11-14T22:13:22.500000000Z", "seconds": 1, "bytes": 700, "chunks": 1, "places": 1}
		],
		"anchors": [
			{"media": 0, "time": "2023-11-14T22:13:20.500000000Z"},
			{"media": 1.5, "time": "2023-11-14T22:13:22.250000000Z"}
		]
	}`, string(b))
}

// A record lists the places of its footage, each with the known facts about it.
func TestARecordListsItsLocations(t *testing.T) {
	rec := media.Record{Recording: media.Recording{ID: media.ID{1}, State: media.StateFinished}, Locations: []media.Location{
		{Node: "nvr1", Directory: "d1", Path: "live/a/1.mp4", SizeBytes: 7, State: media.StateLost},
		{Bucket: "archive", Path: "2026/1.mp4", SizeBytes: 7, Checksum: "sha256:00", State: media.StateFinished},
	}}
	b, err := json.Marshal(detail(&rec).Locations)
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"node": "nvr1", "directory": "d1", "path": "live/a/1.mp4", "size": 7, "state": "lost"},
		{"bucket": "archive", "path": "2026/1.mp4", "size": 7, "checksum": "sha256:00", "state": "finished"}
	]`, string(b))
}

// A remote recording has no URL; the answer names its place instead.
func TestARemoteRecordingHasNoURLHere(t *testing.T) {
	rec := media.Record{Recording: media.Recording{ID: media.ID{1}, Path: "live/a/1.mp4", State: media.StateFinished}}
	require.NotEmpty(t, detail(&rec).URL)
	rec.State = media.StateRemote
	rec.Locations = []media.Location{{Bucket: "archive", Path: "k", State: media.StateFinished}}
	d := detail(&rec)
	require.Empty(t, d.URL)
	require.Len(t, d.Locations, 1)
}
