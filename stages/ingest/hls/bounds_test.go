package hls

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// The cost of the place where a reader begins is proportional to the length of the playlist.
func TestTheCostOfAStartIsProportional(t *testing.T) {
	cost := func(n int) time.Duration {
		_, m, err := parsePlaylist([]byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n"+strings.Repeat("#EXTINF:0,\nx\n", n)), scope{})
		require.NoError(t, err)
		best := time.Hour
		for range 10 {
			from := time.Now()
			require.Zero(t, m.start().number)
			best = min(best, time.Since(from))
		}
		return best
	}
	require.Less(t, cost(8000), 100*cost(500), "16 times the segments; 256 times if the cost were that of the square")
}

// playerOf returns a player that has read units, a rendition each.
func playerOf(o Options, all ...[]*unit) *Player {
	p := &Player{Options: o, ctx: context.Background(), line: newLine(o), apart: -1}
	for i, units := range all {
		p.follow(nil).list = &list{}
		p.renditions[i].units = units
	}
	return p
}

// Sound of an earlier period that ends before the first picture is left out, and what was lost before it is counted.
func TestSoundOfAnEarlierPeriodIsLeftOut(t *testing.T) {
	of := &tracks{list: []media.Track{{Timescale: 1}}}
	p := playerOf(Options{Clock: &stillClock{}, Log: slog.New(slog.DiscardHandler)},
		[]*unit{{of: of, dts: 110, period: 1 << 16}},
		[]*unit{{of: of, dts: 0, durationTicks: 100, period: 0, losses: 3}, {of: of, dts: 100, period: 1}})
	for i := 2; i > 0; i-- {
		require.Len(t, p.renditions[1].units, i)
		p.renditions[1].ended = i == 1
		more, err := p.Step()
		require.True(t, more)
		require.NoError(t, err)
	}
	require.Empty(t, p.renditions[1].units)
	require.Equal(t, map[string]uint64{media.DropHLSLoss: 3}, p.line.counted.lost)
	p.renditions[0].units[0].losses = 4
	p.Close(errors.New("lost"))
	require.Equal(t, map[string]uint64{media.DropHLSLoss: 7}, p.line.counted.lost, "of units that are not published, too")
}

func box(kind string, parts ...[]byte) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, 0), kind...)
	for _, p := range parts {
		b = append(b, p...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

func u32(v ...uint32) (b []byte) {
	for _, x := range v {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	return b
}

// scale is a sink that counts bytes and losses.
type scale struct {
	bin
	bytes, losses int
}

func (s *scale) push(u *unit) {
	for _, d := range u.data {
		s.bytes += len(d)
	}
	s.bin.push(u)
}

func (s *scale) Lost(cause string, n uint64) {
	if cause == media.DropHLSLoss {
		s.losses += int(n)
	}
}

// fragmentsOf returns a reader of fragments with the initialisation section of the corpus, and the ID of its first track.
func fragmentsOf(t *testing.T, to sink, log *slog.Logger) (*fragments, uint32) {
	t.Helper()
	init, err := os.ReadFile("testdata/init.mp4")
	require.NoError(t, err)
	f := &fragments{to: to, log: log}
	require.NoError(t, f.init(init))
	return f, slices.Min(slices.Collect(maps.Keys(f.byID)))
}

// readAll reads a segment to its end or to an error.
func readAll(f form, segment []byte) error {
	err := f.begin(&piece{}, false)
	for r := bufio.NewReader(bytes.NewReader(segment)); err == nil; {
		err = f.read(r)
	}
	return err
}

// The samples of a fragment may share bytes, but not without bound.
func TestSamplesShareFewBytes(t *testing.T) {
	const mdat = 1 << 10
	for samples, bad := range map[int]bool{mostShared: false, mostShared + 1: true} {
		s := &scale{}
		f, id := fragmentsOf(t, s, slog.New(slog.DiscardHandler))
		moof := func(offset uint32) []byte {
			var runs []byte
			for range samples {
				runs = append(runs, box("trun", u32(0x201, 1, offset, mdat))...)
			}
			return box("moof", box("traf", box("tfhd", u32(0x020000, id)), box("tfdt", u32(0, 0)), runs))
		}
		segment := append(moof(uint32(len(moof(0))+8)), box("mdat", make([]byte, mdat))...)
		if err := readAll(f, segment); bad {
			require.ErrorIs(t, err, errShared)
			require.Zero(t, s.bytes)
		} else {
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, samples*mdat, s.bytes)
		}
	}
}

// Tracks that cannot be read are bounded, and are some lines of the log only.
func TestTracksThatAreLeftOutAreLoggedSparingly(t *testing.T) {
	var log bytes.Buffer
	f, _ := fragmentsOf(t, &bin{}, slog.New(slog.NewTextHandler(&log, nil)))
	init, err := os.ReadFile("testdata/init.mp4")
	require.NoError(t, err)
	at := bytes.Index(init, []byte("moov")) - 4
	tracks := init[at+8 : at+int(binary.BigEndian.Uint32(init[at:]))]
	moov := func(more int) []byte { return box("moov", tracks, bytes.Repeat(box("trak"), more)) }
	require.ErrorIs(t, readAll(f, bytes.Repeat(moov(maxTraks-len(f.tracks.list)), 20)), io.EOF)
	require.Equal(t, 5, strings.Count(log.String(), "tracks are left out"), "the 1st, 2nd, 4th, 8th, 16th time")
	require.Equal(t, 5, strings.Count(log.String(), "\n"))
	require.ErrorContains(t, readAll(f, moov(maxTraks)), "more than 64 tracks")
}

// What is missing moves the line by a bounded time, however long the playlist says that it is.
func TestTheDurationOfLossesIsBounded(t *testing.T) {
	for _, first := range []uint64{1, 100, 200000, 1 << 20, 1 << 60} {
		r := &rendition{Player: &Player{Options: Options{Clock: &stillClock{}, Log: slog.New(slog.DiscardHandler)}}}
		_, m, err := parsePlaylist(fmt.Appendf(nil, "#EXTM3U\n#EXT-X-TARGETDURATION:86400\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXTINF:1,\nx\n", first), scope{})
		require.NoError(t, err)
		require.Equal(t, maxTarget, m.target)
		r.list = m
		_, err = r.find()
		require.NoError(t, err)
		require.Equal(t, min(time.Duration(min(first, 1000))*maxTarget, mostLost), r.lossFor)
		r.lose(1, maxDuration)
		require.Equal(t, mostLost, r.lossFor)
	}
}

// A moof without its mdat, and an mdat without a moof, are counted as losses.
func TestHalvesOfFragmentsAreCounted(t *testing.T) {
	segment, err := os.ReadFile("testdata/segment.m4s")
	require.NoError(t, err)
	var moof, mdat []byte
	for at := 0; at < len(segment); {
		size := int(binary.BigEndian.Uint32(segment[at:]))
		switch b := segment[at : at+size]; string(b[4:8]) {
		case "moof":
			moof = b
		case "mdat":
			mdat = b
		}
		at += size
	}
	for name, c := range map[string]struct {
		boxes  [][]byte
		losses int
	}{
		"whole":         {[][]byte{moof, mdat}, 0},
		"empty mdat":    {[][]byte{moof, mdat, box("mdat")}, 0},
		"two moofs":     {[][]byte{moof, moof, mdat}, 1},
		"two mdats":     {[][]byte{moof, mdat, mdat}, 1},
		"no mdat":       {[][]byte{moof, mdat, moof}, 1},
		"nothing alike": {[][]byte{mdat, moof}, 2},
	} {
		s := &scale{}
		f, _ := fragmentsOf(t, s, slog.New(slog.DiscardHandler))
		if err := readAll(f, slices.Concat(c.boxes...)); name != "two moofs" { // whose data is at another place
			require.ErrorIs(t, err, io.EOF, name)
		}
		require.Equal(t, c.losses, s.losses, name)
	}
}

// A step in the times that no playlist justifies begins a period instead of a wait: also after losses, and after a unit whose
// duration is wrong.
func TestNoWaitIsLongerThanThePlaylistJustifies(t *testing.T) {
	clock := &stillClock{}
	r := &rendition{Player: &Player{Options: Options{Clock: clock, Log: slog.New(slog.DiscardHandler)}}, list: &list{target: maxTarget}}
	of := &tracks{list: []media.Track{{Timescale: 1}}}
	r.push(&unit{of: of})
	hour := int64(time.Hour / time.Second)
	for at, jumps := range []uint64{0, 1} {
		r.lose(1000, maxDuration)
		r.mark = true
		r.push(&unit{of: of, dts: r.newest/int64(time.Second) + hour + int64(at)})
		require.Equal(t, jumps, r.jumps)
		require.Equal(t, int64(mostLost), r.units[len(r.units)-1].lossNS)
	}
	k := &lane{}
	k.newest(0, int64(mostLost))
	require.Equal(t, int64(mostLost), k.endNS)
	k.newest(int64(mostLost), int64(mostLost)+1)
	require.Equal(t, 2*int64(mostLost), k.endNS, "the step before")
}
