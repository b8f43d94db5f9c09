package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// tracksOfSeveral holds the tracks of the clip that several returns, as ffprobe selects them.
var tracksOfSeveral = []string{"v:0", "v:1", "a:0", "a:1"}

// several returns a clip with two tracks of pictures, whose key frames differ, and two of sound.
func several(t *testing.T) string {
	return clip(t, "several-6s.mp4",
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=6",
		"-f", "lavfi", "-i", "anoisesrc=sample_rate=48000:duration=6:seed=7", "-f", "lavfi", "-i", "anoisesrc=sample_rate=16000:duration=6:seed=8",
		"-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:v", "libx264", "-preset", "veryfast", "-g:v:0", "25", "-g:v:1", "35",
		"-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k")
}

// publishAll sends all tracks of a file.
func publishAll(t *testing.T, file, url string) *publisher {
	t.Helper()
	return publishBy(t, "-re", "-i", file, "-map", "0", "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", url)
}

// matchesSeveral requires that a file has all tracks of a source, with the times between them.
func matchesSeveral(t *testing.T, file, source string) {
	t.Helper()
	first := 0.
	for i, kind := range tracksOfSeveral {
		m := same(t, file, source, kind)
		require.Greater(t, m.count, 9*len(probe(t, source, kind).packets)/10, "%s: packets of %s", file, kind)
		if i == 0 {
			require.Zero(t, m.from)
			first = m.shift
		}
		require.InDelta(t, first, m.shift, 1, "%s: ms between v:0 and %s", file, kind)
	}
	decodes(t, file)
}

// Several tracks of pictures and of sound are recorded by each way into each form of files, and rewritten.
func TestSeveralTracksOfAKindAreRecordedByEachWay(t *testing.T) {
	t.Parallel()
	program, err := staticBinary()
	require.NoError(t, err)
	relay := newRelay(t)
	for _, fragment := range []bool{false, true} {
		t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) {
			t.Parallel()
			source, dir, path := several(t), t.TempDir(), fmt.Sprint("several/", fragment)
			r := serve(t, fmt.Sprintf("streams: {pull/a: {pull: '%s/%s'}}", relay.url, path), "--set", fmt.Sprintf("mp4/fragment=%v", fragment))
			r.expect("pull failed")
			r.start("push/a", "?wait=true")
			p := publishAll(t, source, r.rtsp+"/push/a")
			pulled := publishAll(t, source, relay.url+"/"+path)
			<-relay.at(path).announced
			r.start("pull/a", "")
			p.finish()
			pulled.finish()
			remuxed := filepath.Join(dir, "remuxed.mp4")
			tool(t, program, "remux", fmt.Sprintf("--fragment=%v", fragment), source, remuxed)
			for i, file := range []string{remuxed, r.path(r.awaitRecords("push/a", 1)[0].File), r.path(r.awaitRecords("pull/a", 1)[0].File)} {
				matchesSeveral(t, file, source)
				rewritten := filepath.Join(dir, fmt.Sprintf("rewritten-%d.mp4", i))
				tool(t, program, "remux", fmt.Sprintf("--fragment=%v", !fragment), file, rewritten)
				matchesSeveral(t, rewritten, source)
			}
			r.stop("pull/a")
		})
	}
}

// Files are cut at key frames of the first video. The files together have all pictures of each video, and a file that
// begins between key frames of the second is reported.
func TestFilesAreCutAtKeyFramesOfTheFirstVideo(t *testing.T) {
	t.Parallel()
	source := several(t)
	r := serve(t, "", "--set", "mp4/max_duration=2s")
	r.expect("a file begins between key frames of a further video track")
	r.start("live/a", "?wait=true")
	publishAll(t, source, r.rtsp+"/live/a").finish()
	records := r.awaitRecords("live/a", 3)
	for _, kind := range []string{"v:0", "v:1"} {
		want := probe(t, source, kind).packets
		hashes, at := map[string]int{}, 0
		for _, rec := range records {
			got := probe(t, r.path(rec.File), kind).packets
			require.True(t, kind == "v:1" || got[0].key)
			for _, p := range got {
				hashes[p.hash]++
			}
			at += len(got)
		}
		require.Equal(t, len(want), at, kind)
		for i, p := range want {
			require.Positive(t, hashes[p.hash], "%s: picture %d", kind, i)
		}
	}
	r.await("a file begins between key frames of a further video track")
}
