package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"
)

// These functions examine a file with other programs: ffmpeg, ffprobe, go-mp4.

// decodes decodes a whole file with ffmpeg; a warning is a failure. The pictures keep their times, because two that are
// less than a frame apart would otherwise get the same one.
func decodes(t *testing.T, file string) {
	t.Helper()
	tool(t, "ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", file, "-enc_time_base", "-1", "-f", "null", "-")
}

// countPictures decodes the video of each file without an error, and returns its number of pictures. One ffmpeg decodes
// all, since its start takes longer than a short file.
func countPictures(t *testing.T, files []string) []int {
	t.Helper()
	dir, args := t.TempDir(), []string{"-nostdin", "-v", "warning", "-xerror"}
	for _, file := range files {
		args = append(args, "-threads", "1", "-i", file)
	}
	list := func(i int) string { return filepath.Join(dir, strconv.Itoa(i)) }
	for i := range files {
		args = append(args, "-map", fmt.Sprintf("%d:v", i), "-fps_mode", "passthrough", "-f", "framecrc", list(i))
	}
	tool(t, "ffmpeg", args...)
	counts := make([]int, len(files))
	for i := range files {
		text, err := os.ReadFile(list(i))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				counts[i]++
			}
		}
	}
	return counts
}

// packet is a packet of a file, as ffprobe reads it. Times are in ticks.
type packet struct {
	dts, pts int64
	key      bool
	hash     string // of the payload
}

// track holds the packets of one track, in decoding order.
type track struct {
	scale   int64 // ticks per second
	packets []packet
}

// millis converts ticks to milliseconds.
func (k track) millis(ticks int64) float64 { return float64(ticks) * 1000 / float64(k.scale) }

// shown returns for how many seconds the track is shown, with frame milliseconds for each frame.
// With B-frames a kill may leave holes before the last one.
func (k track) shown(frame float64) float64 {
	first, last := k.packets[0].pts, k.packets[0].pts
	for _, p := range k.packets {
		first, last = min(first, p.pts), max(last, p.pts)
	}
	return (k.millis(last-first) + frame) / 1000
}

// probe reads the first track of a kind: v or a.
func probe(t *testing.T, file, kind string) track {
	t.Helper()
	if filepath.Dir(file) != workshop {
		return probed(t, file, kind)
	}
	known, _ := clipTracks.LoadOrStore(kind+file, &clipTrack{}) // no test changes a clip
	c := known.(*clipTrack)
	c.Lock()
	defer c.Unlock()
	if c.packets == nil {
		c.track = probed(t, file, kind)
	}
	return c.track
}

// clipTracks holds what ffprobe has read of the clips: a *clipTrack for each kind and path.
var clipTracks sync.Map

type clipTrack struct {
	sync.Mutex
	track
}

func probed(t *testing.T, file, kind string) (k track) {
	t.Helper()
	if !strings.Contains(kind, ":") {
		kind += ":0" // the first track of the kind
	}
	out := tool(t, "ffprobe", "-v", "error", "-select_streams", kind, "-show_packets", "-show_data_hash", "md5",
		"-show_entries", "packet=pts,dts,flags,data_hash:stream=time_base", "-of", "json", file)
	var doc struct {
		Packets []struct {
			PTS, DTS int64
			Flags    string
			Hash     string `json:"data_hash"`
		}
		Streams []struct {
			TimeBase string `json:"time_base"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &doc))
	require.NotEmpty(t, doc.Streams, "%s has no %s", file, kind)
	scale, err := strconv.ParseInt(strings.TrimPrefix(doc.Streams[0].TimeBase, "1/"), 10, 64)
	require.NoError(t, err)
	k.scale = scale
	for _, p := range doc.Packets {
		k.packets = append(k.packets, packet{p.DTS, p.PTS, strings.Contains(p.Flags, "K"), p.Hash})
	}
	return k
}

// form is the output of ffprobe about a whole file.
type form struct {
	Format struct {
		Duration float64 `json:"duration,string"`
		Streams  int     `json:"nb_streams"`
	}
	Streams []struct {
		Type      string `json:"codec_type"`
		Codec     string `json:"codec_name"`
		Tag       string `json:"codec_tag_string"`
		Width     int
		Height    int
		FrameRate string `json:"avg_frame_rate"`
		Frames    int    `json:"nb_frames,string"`
	}
}

func describe(t *testing.T, file string) (f form) {
	t.Helper()
	out := tool(t, "ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", file)
	require.NoError(t, json.Unmarshal([]byte(out), &f))
	return f
}

// boxes returns the types of a file's top-level boxes, read by go-mp4, which must also
// understand every box in moov.
func boxes(t *testing.T, file string) (top []string) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	_, err = mp4.ReadBoxStructure(f, func(h *mp4.ReadHandle) (any, error) {
		if len(h.Path) == 1 {
			top = append(top, h.BoxInfo.Type.String())
		}
		if !h.BoxInfo.IsSupportedType() || h.BoxInfo.Type == mp4.BoxTypeMdat() || h.BoxInfo.Type == mp4.BoxTypeFree() {
			return nil, nil
		}
		if _, _, err := h.ReadPayload(); err != nil {
			return nil, err
		}
		return h.Expand()
	})
	require.NoError(t, err, file)
	return top
}

// ordinary requires moov before a single mdat, and no boxes of a fragmented file.
func ordinary(t *testing.T, file string) {
	t.Helper()
	top := boxes(t, file)
	require.Equal(t, "ftyp", top[0], top)
	moov, mdat := slices.Index(top, "moov"), slices.Index(top, "mdat")
	require.Positive(t, moov, top)
	require.Greater(t, mdat, moov, top)
	require.NotContains(t, top, "moof")
}

// fragmented requires moov, an index, and fragments.
func fragmented(t *testing.T, file string) {
	t.Helper()
	top := boxes(t, file)
	require.Equal(t, "ftyp", top[0], top)
	require.Contains(t, top, "moov")
	require.Contains(t, top, "sidx")
	require.Contains(t, top, "moof")
}

// frames counts the frames of files.
func frames(t *testing.T, files ...string) (n int) {
	t.Helper()
	for _, f := range files {
		n += len(probe(t, f, "v").packets)
	}
	return n
}
