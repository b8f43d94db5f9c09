package mp4

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

const gapSecond = int64(time.Second)

// troubled returns ten seconds of video and audio. The third second lost some frames, and the wall
// clock moved by half a second after the sixth.
func troubled(t *testing.T, pool *media.Pool) (*media.TrackSet, []*media.Chunk, []media.Gap) {
	t.Helper()
	set, chunks := synthetic{fps: 25, gop: 25, picture: 300, sound: true, flush: time.Second, chunks: 10, constantFrame: true}.make(t, pool)
	gaps := []media.Gap{
		{Cause: media.GapRTPLoss, StartUTC: chunks[3].UTC + 200e6, DurationNS: 120e6, Track: 1, AccessUnits: 3, Bytes: 7, Places: 2},
		{Cause: media.GapStall, StartUTC: chunks[5].UTC - 5e9, DurationNS: 5e9, Track: 2, Places: 1},
	}
	chunks[3].Gaps, chunks[5].Gaps = gaps[:1:1], gaps[1:]
	for _, c := range chunks[6:] {
		c.UTC += gapSecond / 2
	}
	return set, chunks, gaps
}

// TestAFileTellsItsGapsAndItsWallClock checks both in the announcement, in the entry, and after
// recovery.
func TestAFileTellsItsGapsAndItsWallClock(t *testing.T) {
	for _, fragment := range []bool{false, true} {
		for _, kill := range []bool{false, true} {
			pool, cfg := media.NewCheckedPool(), Defaults()
			cfg.Fragment = fragment
			s := newSession(t, cfg, nil)
			set, chunks, want := troubled(t, pool)
			seg := segment(set, 1)
			seg.StartUTC = chunks[0].UTC
			start, stepped := chunks[5].UTC, chunks[6].UTC
			require.NoError(t, s.Open(context.Background()))
			require.NoError(t, s.put(seg, chunks))
			r := s.last()
			require.Empty(t, r.Gaps)
			if kill {
				s.drop()
				repaired, err := Repair(filepath.Join(s.dir, r.Path))
				require.NoError(t, err)
				r = repaired.Recording
				require.Equal(t, media.StateRecovered, r.State)
			} else {
				require.NoError(t, s.end(seg, endcause.Stop))
				r = s.last()
			}
			require.Equal(t, want, r.Gaps, "fragment %v, kill %v", fragment, kill)
			require.Len(t, r.Anchors, 4, "begin, both sides of the step, end")
			require.Zero(t, r.Anchors[0].MediaNS)
			require.Equal(t, r.DurationNS, r.Anchors[3].MediaNS)
			require.InDelta(t, seg.StartUTC, r.Anchors.At(0), 1)
			require.InDelta(t, start, r.Anchors.At(5*gapSecond), 1)
			require.InDelta(t, stepped, r.Anchors.At(6*gapSecond), 1)
			require.InDelta(t, stepped+3*gapSecond, r.Anchors.At(9*gapSecond), 1)

			read, err := ReadEntry(filepath.Join(s.dir, r.Path))
			require.NoError(t, err)
			require.Equal(t, r.Gaps, read.Gaps)
			require.Equal(t, r.Anchors, read.Anchors)
			require.NoError(t, s.Close())
			require.Zero(t, pool.Outstanding(), pool.Leaks())
		}
	}
}

func TestRecoveryReportsRemovedChunksAsGaps(t *testing.T) {
	for _, fragment := range []bool{false, true} {
		k := grow(t, record(t, avc(8)), fragment)
		data := bytes.Clone(k.data)
		data[(k.ends[2]+k.ends[3])/2] ^= 1
		r, file := repaired(t, t.TempDir(), data)
		require.NoError(t, r.Err)
		require.Len(t, r.Recording.Gaps, 1)
		g := r.Recording.Gaps[0]
		require.Equal(t, media.GapDamaged, g.Cause)
		require.Equal(t, k.ends[3]-k.ends[2], g.Bytes)
		require.Equal(t, 1, g.Chunks)
		require.InDelta(t, r.Lost, g.DurationNS, 1e8)
		require.InDelta(t, r.Recording.StartUTC+2*gapSecond, g.StartUTC, 1e8)
		read, err := ReadEntry(file)
		require.NoError(t, err)
		require.Equal(t, r.Recording.Gaps, read.Gaps)
	}
}

// TestATrackThatIsNotThereAtTheEndIsAGap checks audio that ends before the video or starts late.
func TestATrackThatIsNotThereAtTheEndIsAGap(t *testing.T) {
	src := record(t, avc(8))
	late := func(u unit) bool { return u.track == 0 || u.seconds(src) > 3 }
	early := func(u unit) bool { return u.track == 0 || u.seconds(src) < 5 }
	for name, c := range map[string]struct {
		only     func(unit) bool
		from, to float64
	}{"late": {late, 0, 3}, "early": {early, 5, 8}} {
		pool := media.NewCheckedPool()
		s := newSession(t, Defaults(), nil)
		set, chunks := src.chunks(t, pool, time.Second, c.only)
		seg := segment(set, 1)
		require.NoError(t, s.Open(context.Background()))
		require.NoError(t, s.put(seg, chunks))
		require.NoError(t, s.end(seg, endcause.Stop))
		r := s.last()
		require.Len(t, r.Gaps, 1, name)
		g := r.Gaps[0]
		require.Equal(t, media.GapStall, g.Cause)
		require.Equal(t, 2, g.Track)
		require.InDelta(t, c.from, float64(g.StartUTC-r.Anchors.At(0))/1e9, 0.2, name)
		require.InDelta(t, c.to, float64(g.EndUTC()-r.Anchors.At(0))/1e9, 0.2, name)
		require.NoError(t, s.Close())
		require.Zero(t, pool.Outstanding())
	}
}

// seconds returns the decode time of a unit from the begin of its source.
func (u unit) seconds(s *source) float64 {
	return float64(u.au.DTS) / float64(s.tracks[u.track].Timescale)
}

func TestAFullListFitsTheRoomOfAGrowingFile(t *testing.T) {
	e := entry{identity: identityJSON{StartUTC: start.UnixNano()}}
	for i := range int64(200) {
		e.gaps = media.JoinGap(e.gaps, media.Gap{
			Cause: media.GapTooManyFiles, StartUTC: e.identity.StartUTC + i*3600e9 + 1, DurationNS: 1999999999, Track: 12,
			AccessUnits: 1 << 30, Bytes: 1 << 60, Chunks: 1 << 30,
		})
	}
	var k media.Anchoring
	for i := range int64(5000) {
		k.See(i*gapSecond, e.identity.StartUTC+i*gapSecond+i*i*7919%1999999999, 0)
	}
	e.anchors = k.Anchors(5000*gapSecond, 0)
	for _, limit := range []int{gapsRoomBytes, maxGapsBytes, 240, 40} {
		b := e.encodeGaps(limit)
		require.LessOrEqual(t, len(b), limit)
		gaps, anchors := decodeGaps(b, e.identity.StartUTC)
		if limit < 240 {
			require.Empty(t, b, "not even one of each")
			continue
		}
		places := 0
		for _, g := range gaps {
			places += g.Places
		}
		require.Equal(t, 200, places, "none is left out of the count")
		require.GreaterOrEqual(t, len(anchors), 2)
	}
	gaps, _ := decodeGaps(e.encodeGaps(gapsRoomBytes), e.identity.StartUTC)
	require.Greater(t, len(gaps), 10)
}

// TestDamagedGapsAreNone checks that gaps and anchors with a wrong checksum, or with invalid values,
// are ignored.
func TestDamagedGapsAreNone(t *testing.T) {
	pool := media.NewCheckedPool()
	s := newSession(t, Defaults(), nil)
	set, chunks, _ := troubled(t, pool)
	name := s.path(s.write(t, pool, segment(set, 1), chunks))
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	at := bytes.Index(data, []byte(`{"gaps":[{"cause":"rtp_loss","at":3`))
	require.Positive(t, at)
	data[at+20] ^= 1
	require.NoError(t, os.WriteFile(name, data, 0o600))
	r, err := ReadEntry(name)
	require.NoError(t, err)
	require.Empty(t, r.Gaps)
	require.Empty(t, r.Anchors)
	require.Equal(t, s.last().ID, r.ID)
	_, anchors := decodeGaps([]byte(`{"anchors":[[5,0],[4,0]]}`), 0)
	require.Empty(t, anchors)
}

// TestAHoleBeforeACutIsToldOnceThoughTheDiskFails checks a disk that fails while the file is
// finished or the next one is begun: either the file or the gap before the next one reports the
// missing media, also if more is lost between them and if recovery finishes the file.
func TestAHoleBeforeACutIsToldOnceThoughTheDiskFails(t *testing.T) {
	const hole, frame = 2 * gapSecond, gapSecond / 10
	for _, fragment := range []bool{false, true} {
		for name, c := range map[string]struct {
			ending, beginning bool // which of the two fails
			lost              int  // number of chunks, in GOPs of three
			file              int64
		}{
			"works":                  {false, false, 0, 0},
			"not begun":              {false, true, 0, 0},
			"not begun for long":     {false, true, 3, 0},
			"not finished":           {true, false, 0, hole},
			"not finished, for long": {true, true, 3, hole},
		} {
			t.Run(fmt.Sprint(name, fragment), func(t *testing.T) {
				cfg := Defaults()
				cfg.Fragment = fragment
				d := newSickDisk(t, cfg)
				set, chunks := synthetic{fps: 10, gop: 30, picture: 300, flush: time.Second, chunks: 12}.make(t, d.pool)
				for _, c := range chunks[2:] { // the chunks after the missing media
					c.UTC += hole
				}
				chunks[2].Gaps = []media.Gap{{Cause: media.GapRTPLoss, StartUTC: chunks[2].UTC - hole, DurationNS: hole, Track: 1, Places: 1, Next: true}}
				require.NoError(t, d.Open(t.Context()))
				one, two := segment(set, 1), segment(set, 2)
				one.StartUTC, two.StartUTC = chunks[0].UTC, chunks[3].UTC
				two.Gap = media.Gap{Cause: media.GapRTPLoss, DurationNS: hole + frame}
				d.send(t, one, true, chunks[:3]...)
				fail := func(yes bool) {
					if d.err = nil; yes {
						d.err = unix.EIO
					}
				}
				fail(c.ending)
				require.NoError(t, d.Process(t.Context(), media.Part{Segment: one, End: endcause.Gap, Gap: true}, d.emit))
				path := d.last().Path
				d.clock.now = d.clock.now.Add(time.Second)
				fail(c.beginning)
				ahead := c.lost + 1 // the chunks up to and including the next key frame
				d.send(t, two, true, chunks[3:3+ahead]...)
				fail(false)
				d.send(t, two, false, chunks[3+ahead:]...)
				require.NoError(t, d.end(two, endcause.Stop))
				require.NoError(t, d.Close())
				require.Zero(t, d.pool.Outstanding(), d.pool.Leaks())

				if c.ending {
					require.Equal(t, c.file, sumOf(d.told[1].Gaps), "as recovery will find it")
					r, err := Repair(filepath.Join(d.dir, path))
					require.NoError(t, err)
					path = r.Recording.Path
				}
				first, err := ReadEntry(filepath.Join(d.dir, path))
				require.NoError(t, err)
				require.Equal(t, c.file, sumOf(first.Gaps))
				want := hole - c.file + int64(c.lost)*gapSecond
				if c.lost == 0 { // it counts from frame to frame
					want += frame
				}
				require.Equal(t, want, d.last().Gap.DurationNS)
			})
		}
	}
}

// sumOf returns the sum of the missing media of a list of gaps.
func sumOf(list []media.Gap) (ns int64) {
	for _, g := range list {
		ns += g.Missing()
	}
	return ns
}
