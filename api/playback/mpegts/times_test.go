package mpegts

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
)

// of returns the form of a codec whose samples may have any bytes.
func of(t *testing.T, id media.Codec, sets ...[]byte) *mpegts.Form {
	t.Helper()
	f, err := mpegts.FormOf(&media.Track{Codec: id, ParameterSets: sets})
	require.NoError(t, err)
	return f
}

func visual(t *testing.T) *mpegts.Form { return of(t, codec.MPEG4, []byte{0, 0, 1, 0xb0, 1}) }

// demuxed returns the PES packets and the PMTs of a stream.
func demuxed(t *testing.T, b []byte) (pes []*astits.DemuxerData, pmts []*astits.PMTData) {
	t.Helper()
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(b))
	for {
		data, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return pes, pmts
		}
		require.NoError(t, err)
		switch {
		case data.PES != nil:
			pes = append(pes, data)
		case data.PMT != nil:
			pmts = append(pmts, data.PMT)
		}
	}
}

// TestTimesBeginAgainAfter33Bits writes a unit every twenty seconds of 30 hours.
func TestTimesBeginAgainAfter33Bits(t *testing.T) {
	var samples []movie.Sample
	for n := range int64(30 * 180) {
		samples = append(samples, movie.Sample{Entry: 1, DTS: n * 20_000, PTS: n * 20_000, Sync: true, SizeBytes: 10})
	}
	tracks := []track{{movie.Track{Kind: media.Audio, Timescale: 1000}, []*mpegts.Form{of(t, codec.AC3)}}}
	pes, _ := demuxed(t, written1(t, tracks, bytes.NewReader(make([]byte, 10)), samples))
	require.Len(t, pes, len(samples))
	for i, one := range pes {
		require.EqualValues(t, (int64(i)*20*mpegts.Clock+mpegts.Begin)%(1<<33), one.PES.Header.OptionalHeader.PTS.Base)
	}
}

// TestNegativeOffsets writes samples that are presented before their decode time in the file.
func TestNegativeOffsets(t *testing.T) {
	samples := []movie.Sample{
		{Entry: 1, DTS: 0, PTS: 0, Sync: true, SizeBytes: 1}, {Entry: 1, DTS: 40, PTS: 120, SizeBytes: 1},
		{Entry: 1, DTS: 80, PTS: 40, SizeBytes: 1}, {Entry: 1, DTS: 120, PTS: 80, SizeBytes: 1},
	}
	tracks := []track{{movie.Track{Kind: media.Video, Timescale: 1000, LeastOffsetTicks: -40}, []*mpegts.Form{visual(t)}}}
	pes, _ := demuxed(t, written1(t, tracks, bytes.NewReader([]byte{1}), samples))
	require.Len(t, pes, 4)
	last := int64(0)
	for i, one := range pes {
		h := one.PES.Header.OptionalHeader
		dts := h.PTS.Base
		if h.DTS != nil {
			dts = h.DTS.Base
		}
		require.Equal(t, samples[i].PTS*90, h.PTS.Base-pes[0].PES.Header.OptionalHeader.PTS.Base)
		require.LessOrEqual(t, dts, h.PTS.Base)
		require.Greater(t, dts, last)
		last = dts
	}
}

// TestAChangeOfTheCodec marks the change, and describes the new codec by a PMT of another
// version. A description that MPEG-TS cannot hold is left out.
func TestAChangeOfTheCodec(t *testing.T) {
	samples := []movie.Sample{
		{Entry: 1, DTS: 0, PTS: 0, Sync: true, SizeBytes: 5}, {Entry: 2, DTS: 40, PTS: 40, Sync: true, SizeBytes: 5},
		{Entry: 3, DTS: 80, PTS: 80, Sync: true, SizeBytes: 5},
	}
	tracks := []track{{movie.Track{Kind: media.Video, Timescale: 1000}, []*mpegts.Form{visual(t), nil, of(t, codec.H264)}}}
	pes, pmts := demuxed(t, written1(t, tracks, bytes.NewReader([]byte{0, 0, 0, 1, 0x65}), samples))
	require.Len(t, pes, 2)
	require.False(t, pes[0].FirstPacket.AdaptationField.DiscontinuityIndicator)
	require.True(t, pes[1].FirstPacket.AdaptationField.DiscontinuityIndicator)
	require.Equal(t, astits.StreamTypeMPEG4Video, pmts[0].ElementaryStreams[0].StreamType)
	require.Equal(t, astits.StreamTypeH264Video, pmts[len(pmts)-1].ElementaryStreams[0].StreamType)
}

// TestAClientThatLeavesEndsTheStream ends a stream with the error of its writer.
func TestAClientThatLeavesEndsTheStream(t *testing.T) {
	left := errors.New("the client has left")
	w, err := newWriter([]track{{movie.Track{Kind: media.Video, Timescale: 1000}, []*mpegts.Form{visual(t)}}}, failing{left})
	require.NoError(t, err)
	file := bytes.NewReader(make([]byte, 1<<20))
	for i := int64(0); err == nil; i++ {
		require.Less(t, i, int64(3))
		err = w.add(&movie.Sample{Entry: 1, DTS: i, PTS: i, Sync: true, SizeBytes: 1 << 20}, file)
	}
	require.ErrorIs(t, err, left)
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }
