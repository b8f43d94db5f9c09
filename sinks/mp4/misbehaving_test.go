package mp4

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// feeder sends a stream with clocks that a test can distort.
type feeder struct {
	t         *testing.T
	p         *hub.Publisher
	n, sounds int64
	shift     int64         // ticks of 90 kHz, added to the DTS
	utc       time.Duration // added to the wall clock
	size      int           // bytes of a frame
	taken     [2]int        // access units that were accepted, by track
}

// video sends n frames of 40 ms, with a key frame each second. skew has ticks that are added to the
// DTS of single frames.
func (f *feeder) video(n int, skew ...int64) {
	for i := range n {
		dts := f.n*3600 + f.shift
		if len(skew) > i {
			dts += skew[i]
		}
		f.write(0, dts, f.n*40_000_000, f.n%25 == 0, max(f.size, 1000))
		f.n++
	}
}

// sound sends n frames of AAC at the current time of the video.
func (f *feeder) sound(track, n int) {
	for range n {
		f.write(track, f.sounds*1024, media.ToNanos(f.sounds*1024, 48000), true, 200)
		f.sounds++
	}
}

func (f *feeder) write(track int, dts, ns int64, sync bool, size int) {
	au := &media.AU{DTS: dts, PTS: dts, UTC: pipelinetest.StartUTC + ns + int64(f.utc), SteppedNS: int64(f.utc), MonoNS: ns, Sync: sync}
	if size > 0 {
		au.Payload = [][]byte{make([]byte, size)}
	}
	if f.p.Write(track, au) == nil {
		f.taken[track]++
	}
}

// both sends frames and their audio.
func (f *feeder) both(n int) {
	for range n {
		f.video(1)
		for f.sounds*1024*25 < f.n*48000 {
			f.sound(1, 1)
		}
	}
}

// TestMisbehavingStreams sends faulty streams through hub, ring, segmenter and muxer. The kept media
// must be valid, the rest must be counted by cause, and every time in a file must be plausible.
func TestMisbehavingStreams(t *testing.T) {
	t.Parallel()
	video, audio := pipelinetest.AVC(640, 360), pipelinetest.AAC()
	other := pipelinetest.AVC(320, 180)
	for _, c := range []struct {
		name   string
		tracks []media.Track
		send   func(f *feeder)
		losses map[string]uint64
		gaps   []media.Cause // of the files, in order
	}{
		{"dts goes back", nil, func(f *feeder) { f.video(30); f.video(3, -9000, -9000, -9000); f.video(30) },
			map[string]uint64{"time_not_advancing": 2}, []media.Cause{""}}, // the third is later than the last kept one
		{"equal dts", nil, func(f *feeder) { f.video(30); f.video(1, -3600); f.video(30) },
			map[string]uint64{"time_not_advancing": 1}, []media.Cause{""}},
		{"33 bits wrap", nil, func(f *feeder) { f.shift = 1<<33 - 40*3600; f.video(40); f.shift -= 1 << 33; f.video(60) },
			nil, []media.Cause{"", media.GapTimestampJump}},
		{"32 bits wrap", nil, func(f *feeder) { f.shift = 1<<32 - 40*3600; f.video(40); f.shift -= 1 << 32; f.video(60) },
			nil, []media.Cause{"", media.GapTimestampJump}},
		{"an hour ahead", nil, func(f *feeder) { f.video(40); f.shift += 3600 * 90000; f.video(60) },
			nil, []media.Cause{"", media.GapTimestampJump}},
		{"an hour back", nil, func(f *feeder) { f.video(40); f.shift -= 3600 * 90000; f.video(60) },
			nil, []media.Cause{"", media.GapTimestampJump}},
		{"no audio for minutes", []media.Track{video, audio}, func(f *feeder) { f.both(50); f.video(25 * 180); f.sounds = f.n * 48000 / 25 / 1024; f.both(50) },
			nil, []media.Cause{""}},
		{"audio only", []media.Track{audio}, func(f *feeder) { f.sound(0, 500) }, nil, []media.Cause{""}},
		{"audio much later", []media.Track{video, audio}, func(f *feeder) { f.video(25 * 90); f.sounds = f.n * 48000 / 25 / 1024; f.both(50) },
			nil, []media.Cause{""}},
		{"20 MB pictures", nil, func(f *feeder) { f.size = 20 << 20; f.video(6) }, nil, []media.Cause{""}},
		{"empty ones", nil, func(f *feeder) { f.video(30); f.write(0, f.n*3600, f.n*40_000_000, false, 0); f.n++; f.video(30) },
			map[string]uint64{"empty": 1}, []media.Cause{""}},
		{"parameter sets at every key frame", nil, func(f *feeder) {
			for range 4 {
				require.NoError(f.t, f.p.SetTracks([]media.Track{video}))
				f.video(25)
			}
		}, nil, []media.Cause{""}},
		{"other parameter sets at every key frame", nil, func(f *feeder) {
			for i := range 4 {
				require.NoError(f.t, f.p.SetTracks([]media.Track{[]media.Track{video, other}[i%2]}))
				f.video(25)
			}
		}, nil, []media.Cause{"", "", "", ""}},
		{"wall clock an hour ahead", nil, func(f *feeder) { f.video(40); f.utc = time.Hour; f.video(60) }, nil, []media.Cause{"", media.GapClockStep}},
		{"wall clock an hour back", nil, func(f *feeder) { f.video(40); f.utc = -time.Hour; f.video(60) }, nil, []media.Cause{"", media.GapClockStep}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newOverload(t, 1, 1<<30)
			f := &feeder{t: t, p: l.pubs[0]}
			if c.tracks != nil {
				require.NoError(t, f.p.SetTracks(c.tracks))
			}
			c.send(f)
			l.leave(t)
			losses := map[string]uint64{}
			for _, loss := range l.losses {
				losses[loss.Cause] = loss.Count
			}
			if c.losses == nil {
				c.losses = map[string]uint64{}
			}
			require.Equal(t, c.losses, losses)
			recs := l.kept.recs[stream(0)]
			var gaps []media.Cause
			packets := 0
			for i, r := range recs {
				gaps = append(gaps, r.Gap.Cause)
				require.Equal(t, r.StartUTC+r.DurationNS, r.EndUTC, "it ends its duration after its start")
				if i > 0 && r.Gap.Cause == media.GapClockStep {
					require.EqualValues(t, f.utc, r.Gap.StepNS)
					require.InDelta(t, recs[i-1].EndUTC+r.Gap.DurationNS+r.Gap.StepNS, r.StartUTC, 1e8)
				}
				packets += sane(t, filepath.Join(l.dir, r.Path), r, f)
			}
			require.Equal(t, c.gaps, gaps)
			require.Equal(t, f.taken[0]+f.taken[1], packets, "each access unit that was taken is in a file")
		})
	}
}

// sane checks that times increase and that the duration is possible for the media, and counts the
// packets.
func sane(t *testing.T, file string, r media.Recording, f *feeder) (packets int) {
	t.Helper()
	sent := time.Duration(max(f.n*40_000_000, media.ToNanos(f.sounds*1024, 48000))) + time.Second
	require.LessOrEqual(t, time.Duration(r.DurationNS), sent)
	p := probeBoxes(t, file)
	for i := range p.Streams {
		list := p.of(i)
		packets += len(list)
		for k := 1; k < len(list); k++ {
			require.Greater(t, list[k].DTS, list[k-1].DTS, "packet %d of stream %d", k, i)
		}
	}
	return packets
}

// leave ends the first publisher and waits for its files.
func (l *overload) leave(t *testing.T) {
	t.Helper()
	for _, i := range l.hub.List() {
		l.losses = append(l.losses, i.Losses...)
	}
	l.pubs[0].Close(endcause.Stop)
	require.Eventually(t, func() bool { _, ended := l.recorder.Last(stream(0)); return ended }, time.Minute, time.Millisecond)
	last, _ := l.recorder.Last(stream(0))
	require.Empty(t, last.LastError)
	require.Empty(t, last.Report.Drops)
	require.NoError(t, l.recorder.Shutdown(t.Context()))
	l.hub.Close()
	require.NoError(t, l.tasks.Stop(t.Context()))
	require.Zero(t, l.pool.Outstanding())
}
