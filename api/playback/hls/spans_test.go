package hls

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// packet is an encoded picture or piece of sound, as ffprobe reads it.
type packet struct {
	Kind  string `json:"codec_type"`
	PTS   string `json:"pts_time"`
	Flags string `json:"flags"`
	Hash  string `json:"data_hash"`
}

func (p packet) ns(t testing.TB) int64 {
	t.Helper()
	f, err := strconv.ParseFloat(p.PTS, 64)
	require.NoError(t, err)
	return int64(f * 1e9)
}

// packets returns the packets of one kind in a file or playlist.
func packets(t testing.TB, address, kind string) (out []packet) {
	t.Helper()
	var got struct{ Packets []packet }
	text := tool(t, "ffprobe", "-v", "error", "-select_streams", kind, "-show_packets", "-show_data_hash", "md5",
		"-show_entries", "packet=codec_type,pts_time,flags,data_hash", "-of", "json", address)
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	return got.Packets
}

func hashes(list []packet) (out []string) {
	for _, p := range list {
		out = append(out, p.Hash)
	}
	return out
}

// runIn returns where the list part is in the list whole, as one run.
func runIn(t testing.TB, whole, part []string) int {
	t.Helper()
	require.NotEmpty(t, part)
	for i := range whole {
		if i+len(part) <= len(whole) && slices.Equal(whole[i:i+len(part)], part) {
			return i
		}
	}
	require.Fail(t, "the packets are no run of those of the file", "%d of %d", len(part), len(whole))
	return 0
}

// The packets of a span are a run of the file's: from the key frame that the first frame needs, up
// to the end of the chunk with the last frame.
func TestASpanHasItsFramesAndFewOthers(t *testing.T) {
	t.Parallel()
	const chunkNS = int64(1e9) + 1e8
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, fragment := range []bool{false, true} {
		const gop, seconds = 60, 30
		file := film(t, look{size: "320x180", seconds: seconds, gop: gop, fragment: fragment})
		video, audio := packets(t, file, "v"), packets(t, file, "a")
		s := newShelf(t)
		s.add(file, 0)
		for range 12 {
			p := Span{FromNS: rnd.Int64N(seconds * 1e9)}
			p.ToNS = p.FromNS + 1 + rnd.Int64N(seconds*1e9-p.FromNS)
			s.change(func(l *Playlist) { l.Parts[0].Span = p })
			if !slices.ContainsFunc(video, func(k packet) bool { return k.ns(t) >= p.FromNS && k.ns(t) < p.ToNS }) {
				continue
			}
			for kind, all := range map[string][]packet{"v": video, "a": audio} {
				got := packets(t, s.url, kind)
				at := runIn(t, hashes(all), hashes(got))
				for i, k := range all {
					if wanted := k.ns(t) >= p.FromNS && k.ns(t) < p.ToNS; wanted {
						require.True(t, i >= at && i < at+len(got), "%s: packet %d at %s is missing in %d to %d", kind, i, k.PTS, p.FromNS, p.ToNS)
					}
				}
				first, last := all[at].ns(t), all[at+len(got)-1].ns(t)
				require.Less(t, p.FromNS-first, int64(gop*4e7+2e8), "%s: too much before the span", kind)
				require.Less(t, last-p.ToNS, chunkNS+2e8, "%s: too much behind the span", kind)
				if kind == "v" {
					require.Contains(t, all[at].Flags, "K")
				}
			}
			checked(t, s)
		}
	}
}
