package mpegts

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// chunkOf returns a chunk of pictures and sound, with decoding times from a second on. The presentation times of the pictures
// are the decoding times plus the offsets, in ticks of 1/1000 s.
func chunkOf(t testing.TB, pool *media.Pool, set *media.TrackSet, second int64, offsets ...int32) *media.Chunk {
	t.Helper()
	au := append([]byte{0, 0, 0, 100, 0x65}, make([]byte, 99)...)
	c := pool.NewChunk(set, 1, []int{len(au) * len(offsets), 10 * len(offsets)})
	c.UTC = second * 1e9
	for i, o := range offsets {
		col := &c.Tracks[0]
		col.DTS, col.OffsetTicks = append(col.DTS, second*1000+int64(i)*40), append(col.OffsetTicks, o)
		col.SizeBytes, col.Flags = append(col.SizeBytes, uint32(len(au))), append(col.Flags, 0)
		col = &c.Tracks[1]
		col.DTS, col.OffsetTicks = append(col.DTS, second*48000+int64(i)*1024), append(col.OffsetTicks, 0)
		col.SizeBytes, col.Flags = append(col.SizeBytes, 10), append(col.Flags, media.FlagSync)
	}
	at := 0
	for _, b := range c.Tracks[0].Payload.Blocks() {
		for i := range b {
			b[i] = au[at%len(au)]
			at++
		}
	}
	pool.Seal(c)
	return c
}

func setOf(t testing.TB, generation uint64) *media.TrackSet {
	t.Helper()
	video := pipelinetest.AVC(320, 240)
	video.Timescale = 1000
	set, err := media.NewTrackSet(generation, []media.Track{video, pipelinetest.AAC()})
	require.NoError(t, err)
	return set
}

// times are the times of the PES packets of a stream, by PID.
func times(t *testing.T, b []byte) map[int][][2]int64 {
	t.Helper()
	at := func(b []byte) int64 {
		return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
	}
	all := map[int][][2]int64{}
	for ; len(b) > 0; b = b[188:] {
		pid, p := int(b[1]&0x1f)<<8|int(b[2]), b[4:188]
		if b[1]&0x40 == 0 || pid < 0x100 || pid >= 0x1000 {
			continue
		}
		if b[3]&0x20 != 0 {
			p = p[1+int(p[0]):]
		}
		pts := at(p[9:])
		dts := pts
		if p[7]>>6 == 3 {
			dts = at(p[14:])
		}
		all[pid] = append(all[pid], [2]int64{dts, pts})
	}
	return all
}

// written runs the sink over chunks, and returns its file and its report.
func written(t *testing.T, chunks ...*media.Chunk) ([]byte, pipeline.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.ts")
	s := &sink{cfg: Config{Path: path}}
	require.NoError(t, s.Open(t.Context()))
	for _, c := range chunks {
		require.NoError(t, s.Consume(t.Context(), c))
	}
	require.NoError(t, s.Flush(t.Context()))
	require.NoError(t, s.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var r pipeline.Report
	s.Report(&r)
	return b, r
}

// A transport stream has no picture that is presented before it is decoded, and its tracks stay in sync.
func TestTimesOfPicturesThatAreEarlyInTheFile(t *testing.T) {
	pool, set := pipelinetest.Pool(t), setOf(t, 1)
	b, r := written(t, chunkOf(t, pool, set, 100, 0, 80, -40, 0), chunkOf(t, pool, set, 101, 0, -60, 0))
	require.EqualValues(t, 14, r.AccessUnits)
	require.Equal(t, pipeline.Finish{File: "a.ts", FileBytes: int64(len(b))}, r.Finish)
	all := times(t, b)
	video, sound := all[0x100], all[0x101]
	require.Len(t, video, 7)
	const zero = mpegts.Begin + 3600 // presentation of second 100
	for i, want := range []int64{0, 120, 40, 120, 1000, 980, 1080} {
		require.Equal(t, zero+want*90, video[i][1], "picture %d", i)
		require.LessOrEqual(t, video[i][0], video[i][1], "picture %d", i)
		if i > 0 {
			require.Greater(t, video[i][0], video[i-1][0], "picture %d", i)
		}
	}
	require.EqualValues(t, mpegts.Begin, video[0][0])
	require.EqualValues(t, zero, sound[0][1])
	require.EqualValues(t, zero+1024*90000/48000, sound[1][1])
}

// Another track set continues the stream at its place on the wall clock.
func TestAnotherTrackSet(t *testing.T) {
	pool := pipelinetest.Pool(t)
	second := chunkOf(t, pool, setOf(t, 2), 500, 0, 0)
	second.UTC = 103 * 1e9
	b, _ := written(t, chunkOf(t, pool, setOf(t, 1), 100, 0, 0), second)
	video := times(t, b)[0x100]
	require.Len(t, video, 4)
	require.EqualValues(t, 3*mpegts.Clock, video[2][0]-video[0][0])
}

func TestTheFileIsNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.ts")
	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	s := &sink{cfg: Config{Path: path}}
	require.ErrorIs(t, s.Open(t.Context()), os.ErrExist)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "precious", string(b))
	_, err = newSink(pipeline.Settings{}, Config{})
	require.ErrorContains(t, err, "path is empty")
}

// Tracks that MPEG-TS cannot carry are named.
func TestTracksThatAreNotCarried(t *testing.T) {
	pool := pipelinetest.Pool(t)
	sound := media.Track{Codec: codec.LPCM, Timescale: 48000, SampleRate: 48000, Channels: 2, ParameterSets: [][]byte{{1}}}
	set, err := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(320, 240), sound})
	require.NoError(t, err)
	s := &sink{cfg: Config{Path: filepath.Join(t.TempDir(), "a.ts")}}
	require.NoError(t, s.Open(t.Context()))
	require.ErrorContains(t, s.Consume(t.Context(), chunkOf(t, pool, set, 1, 0)), "a.ts: track 2 is audio lpcm: MPEG-TS has no form for it; ")
	require.NoError(t, s.Close())
}

// The units of a chunk cost no allocation, whether they lie in one block of memory or in several.
func TestChunksAreWrittenWithoutAllocation(t *testing.T) {
	pool, set := pipelinetest.Pool(t), setOf(t, 1)
	c := chunkOf(t, pool, set, 100, make([]int32, 2000)...)
	defer c.Release()
	require.Greater(t, len(c.Tracks[0].Payload.Blocks()), 1)
	w := writer{mux: mpegts.NewMuxer(io.Discard)}
	require.NoError(t, w.write(c))
	var failed error
	require.Zero(t, testing.AllocsPerRun(3, func() {
		if err := w.write(c); err != nil {
			failed = err
		}
	}))
	require.NoError(t, failed)
}

// The bytes of a unit in two blocks arrive in order.
func TestAUnitInTwoBlocks(t *testing.T) {
	pool, set := pipelinetest.Pool(t), setOf(t, 1)
	c := chunkOf(t, pool, set, 100, make([]int32, 2000)...)
	payload := c.Tracks[0].Payload.Append(nil)
	blocks := c.Tracks[0].Payload.Blocks()
	end := len(blocks[0])
	require.NotZero(t, end%104)
	unit := payload[end/104*104:][:104]
	b, _ := written(t, c)
	require.Equal(t, 2000, bytes.Count(join(b, 0x100), unit[4:]))
}

// join returns the payloads of a PID, without the headers of packets.
func join(b []byte, pid int) (out []byte) {
	for ; len(b) > 0; b = b[188:] {
		p := b[4:188]
		if b[3]&0x20 != 0 {
			p = p[1+int(p[0]):]
		}
		if int(b[1]&0x1f)<<8|int(b[2]) == pid && b[3]&0x10 != 0 {
			out = append(out, p...)
		}
	}
	return out
}
