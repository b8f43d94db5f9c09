package e2e

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// quirk describes how a stream with one of rtsptest's quirks is pulled, and the expected
// recording. The zero value is a camera that is recorded without a fault.
type quirk struct {
	of       string        // the quirk's name, if the stream has another one
	settings string        // settings of the stream beside pull
	secure   bool          // pulled by rtsps
	units    int           // recorded before the stop; default: three seconds
	tracks   string        // tracks of the recording: video and audio
	off      time.Duration // maximal deviation of an access unit's time
	lossy    bool          // access units are lost on the network
	drops    string        // causes of loss that the camera provokes
	warns    bool          // the log warns of the stream
	check    func(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string)
}

const (
	perSecond = 25             // access units of a clip per second
	whileKept = 10 * perSecond // longer than the timeout of a session without keep-alive
	whileRun  = 24 * perSecond // longer than the measurement of a clock takes
)

// filmed returns the clips of rtsptest, made once.
var filmed = sync.OnceValues(func() (rtsptest.Clips, error) { return rtsptest.Shoot(context.Background(), workshop) })

// TestQuirks pulls a camera of each quirk at the same time. Each recording has the access units
// that the camera sent, at their times.
func TestQuirks(t *testing.T) {
	t.Parallel()
	clips, err := filmed()
	require.NoError(t, err)
	cam, err := rtsptest.Start(clips, 1)
	require.NoError(t, err)
	t.Cleanup(cam.Close)
	config := "ingest: {reconnect_grace: 0}\nstreams:\n" // each connection has a file of its own
	for name, q := range quirks {
		url := cam.URL(cmp.Or(q.of, name))
		if q.secure {
			url = cam.SecureURL(cmp.Or(q.of, name))
		}
		settings := strings.ReplaceAll(q.settings, "FINGERPRINT", cam.Fingerprint())
		config += fmt.Sprintf("  cam/%s: {pull: %q%s}\n", name, url, settings)
	}
	r := serveStatic(t, config, "--set", "mp4/sync=none")
	// A busy machine keeps a camera from sending for seconds. Each quirk checks the problems of its stream itself.
	r.expect("nothing of the track comes any more", "the stream is silent", "the sender's clock runs at a wrong rate")
	for name, q := range quirks {
		if q.of = cmp.Or(q.of, name); q.check == nil {
			q.check = quirk.recorded
		}
		quirks[name] = q
		if q.warns {
			r.expect("cam/"+name+" ", "cam/"+name+"]")
		}
		answer[map[string]string](r, "POST", "/mp4/start/cam/"+name+"?wait=true")
	}
	t.Run("each", func(t *testing.T) {
		for name, q := range quirks {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				q.check(q, t, r.of(t), cam, "cam/"+name)
			})
		}
	})
}

// of returns the recorder for a subtest.
func (r *recorder) of(t *testing.T) *recorder {
	c := *r
	c.t = t
	return &c
}

// recorded requires one connection and one file with all access units since the connection
// began, each at its time.
func (q quirk) recorded(t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
	m := q.whole(t, r, c, stream)
	require.Len(t, m, 1, "files")
	require.Len(t, c.Sessions(q.of), 1, "connections")
	for codec, m := range m[0] {
		require.LessOrEqual(t, m.Worst, max(q.off, 2*time.Millisecond), "%s off its time", codec)
		require.True(t, codec == rtsptest.AAC || m.From == 0, "the first picture that was sent")
	}
}

// whole stops the recording when it is long enough, and requires all access units from the first
// to the last one of its files. It returns their positions among the sent ones.
func (q quirk) whole(t *testing.T, r *recorder, c *rtsptest.Camera, stream string) (out []map[string]rtsptest.Match) {
	enough := func() bool { return r.status(stream).AccessUnits >= uint64(cmp.Or(q.units, 3*perSecond)) }
	require.Eventually(t, enough, 3*patience, 200*time.Millisecond, "access units")
	for _, d := range r.stream(stream).Drops {
		require.Contains(t, q.drops, d.Cause, "%d", d.AccessUnits)
	}
	if !q.warns {
		require.Empty(t, answer[wrong](r, "GET", "/mp4/status/"+stream).Problems)
	}
	r.stop(stream)
	recs := r.awaitRecords(stream, 1)
	next := map[string]int{}
	for i, rec := range recs {
		require.Equal(t, "finished", rec.State)
		require.Nil(t, rec.Gap)
		got, in := r.tracks(rec.File, q.tracks), map[string]rtsptest.Match{}
		for k := range got.Tracks {
			codec, played := got.Tracks[k].Codec, c.Clip(q.of).Track(got.Tracks[k].Codec)
			require.NotNil(t, played, codec)
			m, err := played.Match(&got.Tracks[k])
			require.NoError(t, err)
			require.True(t, q.lossy || len(m.Missing) == 0, "%s left out: %v", codec, m.Missing)
			require.True(t, i == 0 || m.From == next[codec]%len(played.Units), "%s left out between files", codec)
			next[codec], in[codec] = m.From+m.Count, m
		}
		out = append(out, in)
	}
	return out
}

// tracks reads a recording and requires its tracks.
func (r *recorder) tracks(file, want string) *rtsptest.Clip {
	r.t.Helper()
	got, err := rtsptest.ReadFile(r.path(file))
	require.NoError(r.t, err)
	have := ""
	for _, k := range got.Tracks {
		if k.Codec == rtsptest.AAC {
			have += "a"
		} else {
			have += "v"
		}
	}
	if want == "" {
		want = "va"
	}
	require.Equal(r.t, want, have, "tracks of %s", file)
	return got
}

// rare requires several frames in one file, over one connection.
func rare(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
	m := q.whole(t, r, c, stream)
	require.Len(t, m, 1, "files")
	require.Len(t, c.Sessions(q.of), 1, "connections")
	require.GreaterOrEqual(t, m[0][rtsptest.H264].Lasts, rtsptest.RarePeriod-2*time.Millisecond)
	require.LessOrEqual(t, m[0][rtsptest.H264].Worst, 2*time.Millisecond)
}

// lossy requires all access units that arrived completely, and that the other ones are counted.
func lossy(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
	q.lossy = true
	m := q.whole(t, r, c, stream)
	require.Len(t, m, 1)
	v := m[0][rtsptest.H264]
	require.NotEmpty(t, v.Missing)
	for _, n := range v.Missing {
		require.True(t, rtsptest.Lost(0, n), "picture %d", n)
	}
	require.Empty(t, m[0][rtsptest.AAC].Missing)
}

// wrongClock requires every access unit in one file, and that the status reports the rate of a
// codec's clock in percent. The file is as long as the sender's timestamps say or, with
// wall_clock: arrival, as the transmission took.
func wrongClock(codec string, percent float64, byArrival bool) func(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
	return func(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
		eventually(t, "the clock is measured", func() bool {
			for _, p := range answer[wrong](r, "GET", "/mp4/status/"+stream).Problems {
				var of string
				var runs float64
				if p.Problem != "clock_rate" {
					continue
				}
				_, err := fmt.Sscanf(p.Cause, "%s the sender's clock runs at %f %%", &of, &runs)
				require.NoError(t, err, p.Cause)
				if of == codec+":" && runs > percent-3 && runs < percent+3 {
					return true
				}
			}
			return false
		})
		r.await("", "stream", stream, "level", "WARN")
		m := q.whole(t, r, c, stream)
		require.Len(t, m, 1, "files")
		require.Len(t, c.Sessions(q.of), 1, "connections")
		v := m[0][codec]
		factor := percent / 100
		if byArrival {
			factor = 1
		}
		require.InEpsilon(t, factor*v.Sent.Seconds(), v.Lasts.Seconds(), 0.06)
	}
}

// outliers requires every frame near its time, and that the frames with outlying timestamps are
// counted.
func outliers(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
	m := q.whole(t, r, c, stream)
	require.Len(t, m, 1, "files")
	require.Len(t, c.Sessions(q.of), 1, "connections")
	require.LessOrEqual(t, m[0][rtsptest.H264].Worst, q.off)
	require.LessOrEqual(t, m[0][rtsptest.AAC].Worst, 2*time.Millisecond)
	count := func(pictures int) (n int) {
		for i := range pictures {
			if rtsptest.Outlier(i) {
				n++
			}
		}
		return n
	}
	said := answer[wrong](r, "GET", "/mp4/status/"+stream).Repairs
	require.Len(t, said, 1)
	require.Equal(t, "timestamp_outlier", said[0].Cause)
	require.GreaterOrEqual(t, said[0].Count, count(m[0][rtsptest.H264].Count))
	require.LessOrEqual(t, said[0].Count, count(len(c.Sessions(q.of)[0].Senders()[0].Sent())+1))
}

// wrongPin requires that nothing is recorded, and that the error names the camera's fingerprint.
func wrongPin(_ quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
	require.Contains(t, r.await("pull failed", "stream", stream).text("error"), "its SHA-256 is "+c.Fingerprint()+";")
	require.Empty(t, r.records(stream))
	require.Empty(t, c.Sessions("good~wrong-pin"))
}

// again requires in the first file all access units until the camera closed the connection, and
// then another connection.
func again(units int) func(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
	return func(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
		eventually(t, "another connection", func() bool { return len(c.Sessions(q.of)) > 1 })
		rec := r.awaitRecordEnded(stream)
		require.Equal(t, "finished source_lost", rec.State+" "+rec.EndReason)
		got, n := r.tracks(rec.File, q.tracks), 0
		for k := range got.Tracks {
			m, err := c.Clip(q.of).Track(got.Tracks[k].Codec).Match(&got.Tracks[k])
			require.NoError(t, err)
			require.Empty(t, m.Missing)
			n += m.Count
		}
		require.Equal(t, units, n)
	}
}

// awaitRecordEnded returns the first recording, once it has ended.
func (r *recorder) awaitRecordEnded(stream string) (rec record) {
	r.t.Helper()
	eventually(r.t, "a recording that has ended", func() bool {
		recs := r.records(stream)
		if len(recs) > 0 {
			rec = recs[0]
		}
		return rec.State == "finished"
	})
	return rec
}

// led requires the recording of another path.
func led(to string) func(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
	return func(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
		q.of = to
		require.Len(t, q.whole(t, r, c, stream), 1)
	}
}

// refused requires an error in the list of streams, and that each attempt follows at most three
// redirects.
func refused(path string, hops int) func(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
	return func(q quirk, t *testing.T, r *recorder, c *rtsptest.Camera, stream string) {
		r.await("pull failed", "stream", stream)
		visits := c.Visitors(path)
		info := r.stream(stream)
		require.LessOrEqual(t, visits, (info.PullFailures+1)*hops)
		require.Equal(t, "pull_failed", info.Problems[0].Problem)
		require.Empty(t, r.records(stream))
		require.Zero(t, c.Strays(), "connections to another host")
	}
}
