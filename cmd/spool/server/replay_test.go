package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/testpattern"
)

// The pictures of a replayDay: GOPs of two seconds in files of ten, and a gap of seven seconds after the first gapAt pictures.
const (
	gopPictures = 2 * dayFPS
	gapAt       = 30 * dayFPS
	frameNS     = int64(time.Second) / dayFPS
)

// newReplayDay records thirty seconds, a gap and twenty-six seconds. The last file is finished.
func newReplayDay(t *testing.T) *day {
	t.Helper()
	r := start(t, t.TempDir(), `
mp4: {max_duration: 10, filename_pattern: "{stream}/{timestamp}_{ms}.mp4"}
streams: {live/day: {}}
pipelines: {default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
`, 0, true)
	d := &day{fixture: r, path: "live/day", o: testpattern.Default(), utc: time.Now().Add(-time.Hour).Truncate(time.Second).UnixNano()}
	d.o.FPS, d.o.GOP, d.o.Channels = testpattern.Rate{Num: dayFPS, Den: 1}, gopPictures, 1
	d.connect(192, 108)
	d.send(30 * time.Second)
	d.leave(7 * time.Second)
	d.connect(192, 108)
	d.send(16 * time.Second)
	d.describe(128, 96)
	d.send(10 * time.Second)
	d.leave(0)
	return d
}

// clock formats a moment for a Range header.
func clock(ns int64) string { return time.Unix(0, ns).UTC().Format("20060102T150405.000000000Z") }

// same fails unless pictures are the given ones, in order, with their wall clocks and marks.
func (d *day) same(want []shot, got []replayed, cseq int) {
	d.t.Helper()
	require.Equal(d.t, len(want), len(got))
	for i, u := range got {
		require.True(d.t, u.marked)
		require.Equal(d.t, want[i].hash, u.hash, "picture %d", i)
		require.InDelta(d.t, want[i].atNS, u.utcNS, 1e6, "picture %d", i)
		require.Equal(d.t, d.isKey(u.hash), strings.Contains(u.flags, "C"), "picture %d", i)
		require.Equal(d.t, byte(cseq), u.cseq)
	}
}

func (d *day) isKey(hash [32]byte) bool {
	_, is := d.keys[hash]
	return is
}

// flagged returns the numbers of the pictures with a flag.
func flagged(units []replayed, flag string) (numbers []int) {
	for i, u := range units {
		if strings.Contains(u.flags, flag) {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// reversed returns pictures as they come in reverse: GOP by GOP.
func reversed(shots []shot) (out []shot) {
	for end := len(shots); end > 0; {
		begin := (end - 1) / gopPictures * gopPictures
		out = append(out, shots[begin:end]...)
		end = begin
	}
	return out
}

// Recordings are replayed as the ONVIF Streaming Specification has it, section Playback. The numbers in comments are those of RFC 2326.
func TestRecordingsAreReplayed(t *testing.T) {
	t.Parallel()
	d := newReplayDay(t)
	all := d.shots[0]
	begin, end := all[0].atNS, all[len(all)-1].atNS+frameNS
	inGap := all[gapAt].atNS - int64(3*time.Second)

	whole := d.t
	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			d.t = t
			defer func() { d.t = whole }()
			f(t)
		})
	}
	run("forwards", func(t *testing.T) {
		k := d.replay("").setUp(0, 1)
		res := k.play("Range: clock="+clock(begin)+"-", "Rate-Control: no")
		k.ended(2)
		pictures := k.units[0]
		d.same(all, pictures, k.cseq)
		require.Equal(t, []int{0, gapAt}, flagged(pictures, "D"))
		require.Equal(t, []int{gapAt - 1, len(all) - 1}, flagged(pictures, "E"))
		require.Equal(t, []int{len(all) - 1}, flagged(pictures, "T"))
		require.Equal(t, "clock="+time.Unix(0, begin).UTC().Format("20060102T150405.000000Z")+"-", res.Header["Range"][0])
		require.Equal(t, "1", res.Header["Scale"][0])
		require.Contains(t, res.Header["RTP-Info"][0], fmt.Sprintf("rtptime=%d", pictures[0].stamp))
		for i, u := range pictures {
			require.InDelta(t, (all[i].atNS-begin)*9/100_000, u.stamp-pictures[0].stamp, 90, "the times are those of the recording")
		}
		sound := d.shots[1]
		require.InDelta(t, len(sound), len(k.units[1]), 12)
		at := slices.IndexFunc(sound, func(s shot) bool { return s.hash == k.units[1][0].hash })
		require.GreaterOrEqual(t, at, 0)
		require.Equal(t, []int{len(k.units[1]) - 1}, flagged(k.units[1], "T"))
	})
	run("in reverse", func(t *testing.T) {
		k := d.replay("").setUp(0)
		res := k.play("Range: clock="+clock(end)+"-", "Rate-Control: no", "Scale: -1.0")
		k.ended(1)
		got := k.units[0]
		want := append(reversed(all[gapAt:]), reversed(all[:gapAt])...)
		d.same(want, got, k.cseq)
		require.Equal(t, "-1", res.Header["Scale"][0])
		gaps := len(all) - gapAt
		require.Equal(t, []int{gaps - 1, len(all) - 1}, flagged(got, "E"), "the last picture of the GOP behind a gap")
		require.Equal(t, []int{len(all) - 1}, flagged(got, "T"))
		require.Equal(t, flagged(got, "C"), flagged(got, "D"), "each GOP jumps")
		for i, u := range got {
			require.InDelta(t, (want[i].atNS-want[0].atNS)*9/100_000, int32(u.stamp-got[0].stamp), 90, "as forwards")
		}
	})
	run("a range", func(t *testing.T) {
		k := d.replay("").setUp(0)
		k.play("Range: clock="+clock(all[27].atNS+1)+"-"+clock(all[55].atNS), "Rate-Control: no")
		k.ended(1)
		d.same(all[20:55], k.units[0], k.cseq)
		require.Equal(t, []int{34}, flagged(k.units[0], "T"))
		require.Empty(t, flagged(k.units[0], "E"), "footage follows")
		k.play("Range: clock="+clock(all[27].atNS)+"-"+clock(all[5].atNS), "Rate-Control: no", "Scale: -1")
		k.ended(1)
		want := append(slices.Clone(all[20:28]), all[10:20]...)
		d.same(append(want, all[:10]...), k.units[0], k.cseq)
	})
	run("from a gap", func(t *testing.T) {
		k := d.replay("").setUp(0)
		k.play("Range: clock="+clock(inGap)+"-"+clock(all[gapAt+5].atNS), "Rate-Control: no")
		k.ended(1)
		d.same(all[gapAt:gapAt+5], k.units[0], k.cseq)
		k.play("Range: clock="+clock(inGap)+"-"+clock(all[gapAt-3].atNS), "Rate-Control: no", "Scale: -1")
		k.ended(1)
		d.same(all[gapAt-10:gapAt], k.units[0], k.cseq)
	})
	run("key frames", func(t *testing.T) {
		var keys []shot
		for i := 0; i < len(all); i += gopPictures {
			keys = append(keys, all[i])
		}
		every := func(n int) (out []shot) {
			for i := 0; i < gapAt/gopPictures; i += n {
				out = append(out, keys[i])
			}
			return out
		}
		first := "Range: clock=" + clock(begin) + "-" + clock(inGap)
		k := d.replay("").setUp(0)
		k.play(first, "Rate-Control: no", "Frames: intra")
		k.ended(1)
		d.same(every(1), k.units[0], k.cseq)
		require.Equal(t, []int{14}, flagged(k.units[0], "E"))
		k.play("Rate-Control: no", "Frames: intra/3000", "Range: clock="+clock(begin)+"-"+clock(begin+int64(10*time.Second)))
		k.ended(1)
		d.same([]shot{keys[0], keys[2], keys[4]}, k.units[0], k.cseq)
		res := k.play(first, "Scale: 60")
		require.Equal(t, "60", res.Header["Scale"][0])
		k.ended(1)
		d.same(every(1), k.units[0], k.cseq)
		for i, u := range k.units[0] {
			require.InDelta(t, i*2*90_000/60, u.stamp-k.units[0][0].stamp, 1, "they are shown sixty times as fast")
		}
		k.play("Range: clock="+clock(inGap)+"-"+clock(begin), "Scale: -60")
		k.ended(1)
		backwards := every(1)
		slices.Reverse(backwards)
		d.same(backwards, k.units[0], k.cseq)
		for i, u := range k.units[0] {
			require.InDelta(t, i*2*90_000/60, u.stamp-k.units[0][0].stamp, 1)
		}
	})
	run("at a speed", func(t *testing.T) {
		k := d.replay("").setUp(0, 1)
		span := "Range: clock=" + clock(all[gapAt-5].atNS) + "-" + clock(all[gapAt+5].atNS)
		k.play(span, "Scale: 4")
		k.ended(2)
		d.same(all[gapAt-10:gapAt+5], k.units[0], k.cseq)
		require.Empty(t, k.units[1], "sound is at the speed of the recording alone")
		for i, u := range k.units[0] {
			require.InDelta(t, i*90_000/dayFPS/4, u.stamp-k.units[0][0].stamp, 2, "the gap is not waited for")
		}
		before := k.units[0][14].stamp
		k.play("Range: clock="+clock(all[19].atNS)+"-"+clock(begin), "Scale: -4")
		k.ended(2)
		d.same(reversed(all[:20]), k.units[0], k.cseq)
		for i, u := range k.units[0] {
			shown := 9 - i%10 + i/10*10
			require.InDelta(t, (shown+1)*90_000/dayFPS/4, u.stamp-before, 500, "each is shown when its time comes in reverse")
		}
	})
	run("from the begin", func(t *testing.T) {
		k := d.replay("?start="+stamp(all[40].atNS)+"&end="+stamp(all[45].atNS)).setUp(0, 1)
		res := k.asked("PLAY", k.url, "Range: npt=0.000-", "Scale: 4")
		k.ended(2)
		require.Equal(t, "npt=0-1", res.Header["Range"][0])
		require.Len(t, k.units[0], 5)
		require.Equal(t, all[40].hash, k.units[0][0].hash)
		require.False(t, k.units[0][0].marked, "the client does not require it")
		res = k.asked("PLAY", k.url)
		require.Equal(t, base.StatusOK, res.StatusCode, "a sign of life")
	})
	run("the description", func(t *testing.T) {
		k := d.replay("")
		text := string(k.asked("DESCRIBE", k.url, "Require: onvif-replay").Body)
		require.Contains(t, text, fmt.Sprintf("a=range:npt=0-%v\r\na=range:clock=", time.Duration(end-begin).Seconds()))
		require.Contains(t, text, "a=x-onvif-track:VIDEO001\r\n")
		require.Contains(t, text, "a=x-onvif-track:AUDIO001\r\n")
		require.Less(t, strings.Index(text, "m=video"), strings.Index(text, "VIDEO001"))
		require.Less(t, strings.Index(text, "VIDEO001"), strings.Index(text, "m=audio"))
	})
	run("it is listed", func(t *testing.T) {
		k := d.replay("").setUp(0)
		k.play()
		var list struct{ Connections []listedReader }
		require.Equal(t, http.StatusOK, d.ask("GET", "/mp4/connections?protocol=rtsp", &list))
		require.Contains(t, list.Connections, listedReader{"reading", "replay/live/day"})
		k.asked("TEARDOWN", k.url)
	})
	run("refusals", func(t *testing.T) { d.refusesToReplay(t) })
}

type listedReader struct {
	State string
	Path  string `json:"stream_path"`
}

func (d *day) refusesToReplay(t *testing.T) {
	set := d.replay("").setUp(0)
	for _, c := range []struct {
		more, method string
		headers      []string
		want         string
	}{
		{"x", "DESCRIBE", nil, "404 Stream Has No Recordings There"},
		{"/..", "DESCRIBE", nil, "400 Bad Stream Path"},
		{"?start=2001-01-01T00:00:00Z&end=2001-01-02T00:00:00Z", "DESCRIBE", nil, "404 Stream Has No Recordings There"},
		{"?start=yesterday", "DESCRIBE", nil, "400 Bad start Or end In The URL"},
		{"", "DESCRIBE", []string{"Require: onvif-replay, x"}, "551 Option Not Supported"},
		{"", "PLAY", []string{"Range: clock=20010101T000000Z-20010102T000000Z"}, "457 No Recording In This Range And Direction"},
		{"", "PLAY", []string{"Range: clock=21010101T000000Z-"}, "457 No Recording In This Range And Direction"},
		{"", "PLAY", []string{"Range: clock=20010102T000000Z-20010101T000000Z"}, "457 No Recording In This Range And Direction"},
		{"", "PLAY", []string{"Range: smpte=0-"}, "400 a range is clock=UTC-UTC or npt=SECONDS-SECONDS"},
		{"", "PLAY", []string{"Scale: 0"}, "400 Scale is a number other than 0"},
		{"", "PLAY", []string{"Frames: some"}, "400 Frames is all, predicted, intra or intra/MILLISECONDS"},
	} {
		k := set
		if c.method == "DESCRIBE" {
			k = d.replay(c.more)
		}
		res := k.ask(c.method, k.url, c.headers...)
		require.Equal(t, c.want, fmt.Sprintf("%d %s", res.StatusCode, res.StatusMessage), "%s %v", c.more, c.headers)
		if res.StatusCode == base.StatusOptionNotSupported {
			require.Equal(t, base.HeaderValue{"x"}, res.Header["Unsupported"])
		}
	}
}
