package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/testpattern"
)

// TestSpansAsTransportStreams fetches spans as MPEG-TS: in one file, over a reconnect, over a change of the resolution, and up to the growing
// file.
func TestSpansAsTransportStreams(t *testing.T) {
	d, begin := shortDay(t)
	for _, span := range [][2]time.Duration{
		{0, 5 * time.Second}, {31300 * time.Millisecond, 33 * time.Second}, {85 * time.Second, 100 * time.Second},
		{120 * time.Second, 135 * time.Second}, {0, 6 * time.Minute},
	} {
		for _, gaps := range []string{"cut", gapsKept} {
			from, to := begin+int64(span[0]), begin+int64(span[1])
			url := fmt.Sprintf("/mp4/play/%s?start=%s&end=%s&gaps=%s", d.path, stamp(from), stamp(to), gaps)
			ts := d.fetch(url + "&format=ts")
			require.Equal(t, "video/mp2t", ts.header.Get("Content-Type"))
			require.Empty(t, ts.header.Get("Spool-Left-Out"))
			decodes(t, ts.body)
			want, got := pictures(t, d.fetch(url).body), pictures(t, ts.body)
			require.GreaterOrEqual(t, len(got), len(want))
			require.Equal(t, want, got[len(got)-len(want):], url)
			d.transported(ts.body, from, to, gaps == gapsKept)
		}
	}
}

// transported checks the packets of a transport stream: their clock and counters, and the pictures with their times.
func (d *day) transported(b []byte, from, to int64, keep bool) {
	d.t.Helper()
	clocked(d.t, b)
	demuxer := astits.NewDemuxer(context.Background(), bytes.NewReader(b))
	var got []shot
	units := 0
	for {
		data, err := demuxer.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			break
		}
		require.NoError(d.t, err)
		if data.PES == nil {
			continue
		}
		if data.PID != 0x100 {
			require.True(d.t, bytes.HasPrefix(data.PES.Data, []byte{0xff, 0xf1}), "ADTS")
			units++
			continue
		}
		h := sha256.New()
		nals := bytes.Split(data.PES.Data, []byte{0, 0, 0, 1})
		require.Empty(d.t, nals[0])
		require.Equal(d.t, []byte{0x09, 0xf0}, nals[1], "the access unit begins with a delimiter")
		sets := 0
		for _, nal := range nals[2:] {
			if kind := nal[0] & 0x1f; kind == 7 || kind == 8 {
				sets++
				continue
			}
			h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(nal))))
			h.Write(nal)
		}
		random := data.FirstPacket.AdaptationField != nil && data.FirstPacket.AdaptationField.RandomAccessIndicator
		require.Equal(d.t, random, sets >= 2, "the parameter sets are before key frames")
		got = append(got, shot{data.PES.Header.OptionalHeader.PTS.Base * 100_000 / 9, [32]byte(h.Sum(nil))})
	}
	want := d.expected(testpattern.VideoTrack, from, to)
	require.GreaterOrEqual(d.t, len(got), len(want))
	require.Less(d.t, len(got)-len(want), d.o.GOP, "the stream begins with the last key frame")
	got = got[len(got)-len(want):]
	require.Equal(d.t, hashes(want), hashes(got))
	for i := 1; i < len(want); i++ {
		if step, sent := got[i].atNS-got[i-1].atNS, want[i].atNS-want[i-1].atNS; keep || sent < int64(time.Second) {
			require.InDelta(d.t, sent, step, 1e6, "picture %d", i)
		}
	}
	require.InDelta(d.t, len(d.expected(testpattern.AudioTrack, from, to)), units, 60)
}

// clocked checks the counters and the clock of all packets.
func clocked(t *testing.T, b []byte) {
	t.Helper()
	require.Zero(t, len(b)%188)
	require.NotEmpty(t, b)
	counters, last := map[uint16]byte{}, int64(-1)
	for at := 0; at < len(b); at += 188 {
		p := b[at:][:188]
		require.EqualValues(t, 0x47, p[0])
		pid, payload, field := binary.BigEndian.Uint16(p[1:])&0x1fff, p[3]&0x10 != 0, p[3]&0x20 != 0
		want, known := counters[pid], false
		if _, known = counters[pid]; known && payload {
			want = (want + 1) & 15
		}
		if known || !payload {
			require.Equal(t, want, p[3]&15, "packet %d of PID %d", at/188, pid)
		}
		counters[pid] = p[3] & 15
		if !field || p[4] == 0 || p[5]&0x10 == 0 {
			continue
		}
		pcr := int64(binary.BigEndian.Uint32(p[6:]))<<1 | int64(p[10]>>7)
		if leapt := p[5]&0x80 != 0; last >= 0 && !leapt {
			require.Greater(t, pcr, last)
			require.LessOrEqual(t, pcr-last, int64(9000), "the clock comes every 100 ms")
		}
		last = pcr
	}
	require.Positive(t, last)
}

// TestATransportStreamOfATrackThatIsNotThere has nothing to send.
func TestATransportStreamOfATrackThatIsNotThere(t *testing.T) {
	d, begin := shortDay(t)
	var answer struct{ Error string }
	code := d.ask("GET", fmt.Sprintf("/mp4/play/%s?start=%s&duration=5&format=ts&track=metadata", d.path, stamp(begin)), &answer)
	require.Equal(t, http.StatusNotFound, code, answer.Error)
	require.Contains(t, answer.Error, "in the tracks that are asked for")
}
