package mp4

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strconv"
	"testing"
	"time"

	gomp4 "github.com/abema/go-mp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// TestOtherReadersAgree reads both finished forms with readers that share no code with ffmpeg.
func TestOtherReadersAgree(t *testing.T) {
	src := record(t, avc(8))
	for _, fragment := range []bool{false, true} {
		cfg := Defaults()
		cfg.Fragment = fragment
		s := newSession(t, cfg, nil)
		file := s.path(s.record(t, src, media.NewCheckedPool(), nil))
		data, err := os.ReadFile(file)
		require.NoError(t, err)

		info, err := gomp4.Probe(bytes.NewReader(data))
		require.NoError(t, err)
		require.Len(t, info.Tracks, 2)
		require.True(t, info.FastStart)
		require.Equal(t, gomp4.CodecAVC1, info.Tracks[0].Codec)
		require.Equal(t, gomp4.CodecMP4A, info.Tracks[1].Codec)
		if fragment {
			require.Len(t, info.Segments, 8)
			var parts fmp4.Parts
			require.NoError(t, parts.Unmarshal(data[bytes.Index(data, []byte("moof"))-4:]))
		} else {
			require.Len(t, info.Tracks[0].Samples, 200)
			require.Equal(t, uint64(8*90000), info.Tracks[0].Duration)
			for _, track := range info.Tracks {
				sum := uint64(0)
				for _, sample := range track.Samples {
					sum += uint64(sample.TimeDelta)
				}
				require.Equal(t, track.Duration, sum)
			}
			var p pmp4.Presentation
			require.NoError(t, p.Unmarshal(bytes.NewReader(data)))
			require.Len(t, p.Tracks, 2)
			require.Len(t, p.Tracks[0].Samples, 200)
		}
		requireMediainfo(t, file, fragment)
		requireExiftool(t, file)
		requireKnownBoxes(t, data)
	}
}

func requireMediainfo(t *testing.T, file string, fragment bool) {
	var out struct {
		Media struct {
			Track []map[string]any `json:"track"`
		} `json:"media"`
	}
	require.NoError(t, json.Unmarshal(tool(t, "mediainfo", "--Output=JSON", file), &out))
	require.Len(t, out.Media.Track, 3)
	general, video := out.Media.Track[0], out.Media.Track[1]
	require.Equal(t, "MPEG-4", general["Format"])
	require.Equal(t, "AVC", video["Format"])
	duration, err := strconv.ParseFloat(general["Duration"].(string), 64)
	require.NoError(t, err)
	require.InDelta(t, 8.0, duration, 0.1)
	if !fragment {
		require.Equal(t, "Yes", general["IsStreamable"])
	}
	require.NotContains(t, general, "extra", "mediainfo found something to complain of")
}

// requireExiftool reads the duration of the movie with exiftool, which
// takes it from mvhd and reads neither mehd nor the fragments.
func requireExiftool(t *testing.T, file string) {
	var out []map[string]any
	require.NoError(t, json.Unmarshal(tool(t, "exiftool", "-json", "-n", "-Duration", file), &out))
	require.Len(t, out, 1)
	require.InDelta(t, 8.0, out[0]["Duration"], 0.1)
}

func TestRecoveryWritesTheDurationOfAFragmentedMovie(t *testing.T) {
	cfg := Defaults()
	cfg.Fragment = true
	s := newSession(t, cfg, nil)
	set, chunks := record(t, avc(8)).chunks(t, media.NewCheckedPool(), time.Second, nil)
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, chunks))
	grown, err := os.ReadFile(s.path(s.last()))
	require.NoError(t, err)
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	_, recovered := repaired(t, t.TempDir(), grown)
	requireExiftool(t, recovered)
}

// requireKnownBoxes walks every box that go-mp4 knows and decodes it.
func requireKnownBoxes(t *testing.T, data []byte) {
	_, err := gomp4.ReadBoxStructure(bytes.NewReader(data), func(h *gomp4.ReadHandle) (any, error) {
		if !h.BoxInfo.IsSupportedType() || h.BoxInfo.Type == gomp4.BoxTypeMdat() {
			return nil, nil
		}
		box, n, err := h.ReadPayload()
		require.NoError(t, err, h.BoxInfo.Type)
		if box, ok := box.(*gomp4.Mvhd); ok {
			created := time.Unix(0, isobmff.FromMovieTime(box.GetCreationTime()))
			require.WithinDuration(t, start, created, time.Second)
		}
		_ = n
		return h.Expand()
	})
	require.NoError(t, err)
}

// TestOrderOfWritesAndSyncs checks the order that makes a power cut harmless: all bytes behind the
// header are durable before the header refers to them, and the file before its name.
func TestOrderOfWritesAndSyncs(t *testing.T) {
	src := record(t, avc(8)) // its moov is larger than a page
	for name, c := range map[string]struct {
		fragment, tail bool
		want           []string
	}{
		"moov first": {want: []string{"write", "write", "sync", "write", "sync", "punch", "rename", "syncdir"}},
		"moov last":  {tail: true, want: []string{"writev", "write", "sync", "write", "sync", "rename", "syncdir"}},
		"fragmented": {fragment: true, want: []string{"write", "write", "write", "write", "write", "write", "sync", "write", "write", "sync", "punch", "rename", "syncdir"}},
	} {
		cfg, disk := Defaults(), &faultFS{}
		cfg.Fragment = c.fragment
		_, written, err := killed(t, src, media.NewCheckedPool(), t.TempDir(), cfg, c.tail, disk)
		require.NoError(t, err)
		at := len(disk.log) - len(c.want)
		require.Equal(t, c.want, disk.log[at:], name)
		// Before that: one write and one fdatasync a chunk, and a durable name.
		from := at - 2*written
		for i := range written {
			require.Equal(t, []string{"writev", "datasync"}, disk.log[from+2*i:from+2*i+2], name)
		}
		require.Equal(t, "syncdir", disk.log[from-1], name)
	}
}
