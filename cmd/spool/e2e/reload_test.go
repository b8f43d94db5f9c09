package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	footage "github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/publishload"
)

// configure replaces the configuration file as an editor does.
func (r *recorder) configure(text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "config.yaml")
	require.NoError(r.t, os.WriteFile(file+".new", []byte(text), 0o644))
	require.NoError(r.t, os.Rename(file+".new", file))
}

// touched holds the changes of pipelines or streams in the response to a reload.
type touched struct{ Added, Removed, Changed []string }

type reloaded struct {
	Status             string
	Pipelines, Streams touched
	Schedule           bool
	Restarted          int
	NeedRestart        []string `json:"need_restart"`
}

// manyPipelines declares a pipeline for each of n streams. The pipeline of number other has
// another setting.
func manyPipelines(n, other int) string {
	var b strings.Builder
	b.WriteString("pipelines:\n")
	for i := 1; i <= n; i++ {
		limit := 0
		if i == other {
			limit = 600
		}
		fmt.Fprintf(&b, "  p%d: {streams: [live/cam%d], record: always, stages: [source, gop_ring, segmenter: {max_duration: %d}, mp4, metadata]}\n", i, i, limit)
	}
	return b.String()
}

// Many streams are recorded while the configuration is reloaded, broken, repaired and reloaded.
// One pipeline changes, and the recordings of all other ones have every published packet in one
// file.
func TestReloadInterruptsNoOtherRecording(t *testing.T) {
	t.Parallel()
	streams, run := 12, serve
	if long {
		streams, run = 50, serveStatic
	}
	const changed, period, units = 7, 4 * 25, 12 * 25
	c, err := footage.Make(t.Context(), workshop, footage.Spec{Size: "320x180", Seconds: 4, Bitrate: 500_000})
	require.NoError(t, err)
	r := run(t, manyPipelines(streams, 0))
	r.expect("the configuration is refused")
	name := func(i int) string { return fmt.Sprintf("live/cam%d", i) }

	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ended := make(chan error, 1)
	go func() { ended <- (&publishload.Load{URL: r.rtsp + "/live/cam%d", N: streams, Clip: c}).Run(ctx) }()
	for i := 1; i <= streams; i++ {
		eventually(t, name(i)+" is published", func() bool { return r.stream(name(i)).State == "live" })
		r.awaitUnits(name(i), 50)
	}

	r.configure(manyPipelines(streams, changed))
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGHUP)) // races with the watch of the file: either may come first
	eventually(t, "the changed pipeline records anew", func() bool { return len(r.records(name(changed))) == 2 })
	r.await("configuration reloaded")
	r.configure("pipelines: {p1: {stages: [sorce]}}\n")
	code, body := r.ask("POST", "/mp4/reload")
	require.Equal(t, http.StatusUnprocessableEntity, code, "%s", body)
	require.Contains(t, string(body), `"at":"config.yaml:1:27"`)
	require.Contains(t, string(body), "did you mean source?")
	r.configure(manyPipelines(streams, changed))
	again := answer[reloaded](r, "POST", "/mp4/reload")
	require.Equal(t, "unchanged", again.Status)

	for i := 1; i <= streams; i++ {
		r.awaitUnits(name(i), units/2)
		if i != changed {
			r.awaitUnits(name(i), units)
		}
	}
	for i := 1; i <= streams; i++ {
		r.stop(name(i))
	}
	leave()
	require.NoError(t, <-ended)

	var reference []string
	for i := 1; i <= streams; i++ {
		recs := r.records(name(i))
		if i == changed {
			require.Len(t, recs, 2)
			require.Equal(t, "reload", recs[0].EndReason)
			require.False(t, recs[1].Start.After(recs[0].End), "the next file begins at the newest key frame: nothing is between")
			continue
		}
		require.Len(t, recs, 1, name(i))
		require.Nil(t, recs[0].Gap)
		require.Empty(t, r.status(name(i)).Drops)
		got := cycle(t, r.path(recs[0].File), period)
		if reference == nil {
			reference = got
		}
		require.Equal(t, reference, got, name(i))
	}
}

// cycle requires that a file holds a clip of period frames repeatedly, without a missing or
// repeated packet. It returns the clip's packets from its first one.
func cycle(t *testing.T, file string, period int) []string {
	t.Helper()
	var hashes []string
	k := probe(t, file, "v")
	for i, p := range k.packets {
		hashes = append(hashes, p.hash)
		if i >= period {
			require.Equal(t, hashes[i-period], p.hash, "%s: packet %d", file, i)
		}
	}
	require.Greater(t, len(hashes), 2*period, file)
	first := hashes[:period]
	begin := slices.Index(first, slices.Min(first)) // any frame of the clip will do
	return slices.Concat(first[begin:], first[:begin])
}

const pulledPattern = "testpattern://?size=160x120&fps=25&gop=25"

// The watch of the configuration file adds, removes and changes streams without a request.
func TestFileIsWatched(t *testing.T) {
	t.Parallel()
	always := "pipelines: {p: {record: always, stages: [source, gop_ring, segmenter, mp4, metadata]}}\n"
	r := serve(t, always+"streams: {live/a: {pull: '"+pulledPattern+"'}, live/b: {pull: '"+pulledPattern+"'}}\n")
	r.expect("media is missing before this file") // when a stream's URL changes
	r.awaitUnits("live/a", 25)
	r.awaitUnits("live/b", 25)
	r.configure(always + "streams: {live/a: {pull: '" + pulledPattern + "'}, live/c: {pull: '" + pulledPattern + "'}}\n")
	r.await("configuration reloaded", "because", "the file changed")
	r.awaitUnits("live/c", 25)
	eventually(t, "the stream that was taken out is offline", func() bool { return r.stream("live/b").State == "offline" })
	require.Len(t, r.awaitRecords("live/b", 1), 1)
	require.NotContains(t, answer[struct{ Recordings []string }](r, "GET", "/mp4/list").Recordings, "live/b", "nothing waits for it")
	require.Len(t, r.records("live/a"), 1, "the one that stayed is not touched")

	r.configure(always + "streams: {live/a: {pull: '" + pulledPattern + "&tone=300'}}\nhttp: {listen: 127.0.0.1:1}\nlog: {level: debug}\n")
	got := reloaded{}
	eventually(t, "the other URL is pulled", func() bool { return len(r.records("live/a")) == 2 })
	got = answer[reloaded](r, "POST", "/mp4/reload")
	require.Equal(t, "unchanged", got.Status)
	require.Equal(t, []string{"log/level"}, got.NeedRestart, "http/listen is a flag here, which wins")
}

// A configuration with which nothing could be recorded, an empty one and a missing one change
// nothing. Health reports the reason until a reload succeeds.
func TestARefusedReloadKeepsRecording(t *testing.T) {
	t.Parallel()
	const good = "pipelines: {p: {record: always, stages: [source, gop_ring, segmenter, mp4, metadata]}}\n" +
		"streams: {live/a: {pull: '" + pulledPattern + "'}}\n"
	r := serve(t, good)
	r.expect("the configuration is refused")
	r.expect("the configuration file cannot be read")
	r.awaitUnits("live/a", 25)
	file := filepath.Join(r.dir, "config.yaml")
	refused := func(why string) {
		t.Helper()
		code, body := r.ask("POST", "/mp4/reload")
		require.Equal(t, http.StatusUnprocessableEntity, code, "%s", body)
		require.Contains(t, string(body), why)
		p := r.problem("configuration_refused")
		require.Contains(t, p["cause"], "config.yaml")
		require.Contains(t, p["cause"], why)
		r.awaitUnits("live/a", r.status("live/a").AccessUnits+25)
		require.Len(t, r.records("live/a"), 1)
	}
	mended := func() {
		t.Helper()
		r.configure(good)
		eventually(t, "the file is read again by itself", func() bool { return r.problem("configuration_refused") == nil })
	}

	r.configure(good + "mp4: {group: no-such-group}\n")
	refused(`there is no group`)
	require.Contains(t, r.problem("configuration_refused")["cause"], "config.yaml:3:14: mp4/group")
	mended()
	r.configure(good + "retention: {min_free_bytes: 900TB}\n")
	refused("min_free_bytes 900 TB is more than the disk of ")
	require.Contains(t, r.problem("configuration_refused")["cause"], "config.yaml:3:29: retention/min_free_bytes")
	mended()
	require.NoError(t, os.Truncate(file, 0))
	r.await("the configuration is refused", "problem", "the file is empty, but had settings before")
	refused("the file is empty")
	require.NoError(t, os.WriteFile(file, []byte("# nothing\n\n"), 0o600))
	refused("the file is empty")
	mended()
	require.NoError(t, os.Rename(file, file+".away"))
	r.await("the configuration file cannot be read: the previous configuration runs on, and a restart would fail")
	require.Contains(t, r.problem("configuration_refused")["cause"], "the file no longer exists")
	require.NoError(t, os.Rename(file+".away", file))
	eventually(t, "the file is read again by itself", func() bool { return r.problem("configuration_refused") == nil })
	require.NoError(t, os.Remove(file))
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGHUP))
	r.await("the configuration is refused", "problem", "the file no longer exists")
	refused("the file no longer exists")
	mended()
	r.awaitUnits("live/a", r.status("live/a").AccessUnits+25)
	require.Len(t, r.records("live/a"), 1, "nothing of it ended the recording")
}
