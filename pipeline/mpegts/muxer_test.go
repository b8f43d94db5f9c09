package mpegts_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
)

// form returns the form of a codec.
func form(t testing.TB, id media.Codec, sets ...[]byte) *mpegts.Form {
	t.Helper()
	f, err := mpegts.FormOf(&media.Track{Codec: id, ParameterSets: sets, Channels: 2})
	require.NoError(t, err)
	return f
}

// The parameter sets of the tests, and an access unit of H.264.
var (
	sps     = []byte{0x67, 0x64, 0, 0x0d}
	pps     = []byte{0x68, 0xeb}
	asc     = []byte{0x11, 0x90}
	picture = append([]byte{0, 0, 0, 4, 0x67, 0x64, 0, 0x0d, 0, 0, 0, 2, 0x09, 0x10, 0, 0, 3, 0xe8, 0x65}, make([]byte, 999)...)
)

func tracks(t testing.TB) []mpegts.Track {
	return []mpegts.Track{
		{Form: form(t, codec.H264, sps, pps), Kind: media.Video},
		{Form: form(t, codec.AAC, asc), Kind: media.Audio, Language: "deu"},
		{Form: form(t, codec.KLV), Kind: media.Metadata},
	}
}

// tsPacket is a packet as a receiver sees it.
type tsPacket struct {
	pid           int
	begins        bool
	discontinuity bool
	random        bool
	pcr           int64 // -1: none
	payload       []byte
}

// read reads the packets of a stream. It checks the counters.
func read(t *testing.T, b []byte) (list []tsPacket) {
	t.Helper()
	require.Zero(t, len(b)%188)
	counters := map[int]byte{}
	for ; len(b) > 0; b = b[188:] {
		p := b[:188]
		require.EqualValues(t, 0x47, p[0])
		one := tsPacket{pid: int(binary.BigEndian.Uint16(p[1:]) & 0x1fff), begins: p[1]&0x40 != 0, pcr: -1}
		at := 4
		if p[3]&0x20 != 0 {
			at += 1 + int(p[4])
			if p[4] > 0 {
				one.discontinuity, one.random = p[5]&0x80 != 0, p[5]&0x40 != 0
				if p[5]&0x10 != 0 {
					one.pcr = int64(binary.BigEndian.Uint32(p[6:]))<<1 | int64(p[10]>>7)
				}
			}
		}
		require.LessOrEqual(t, at, 188)
		counter, known := counters[one.pid]
		if p[3]&0x10 != 0 {
			one.payload = p[at:]
			require.NotEmpty(t, one.payload)
			counter = (counter + 1) & 15
		}
		if known && !one.discontinuity {
			require.Equal(t, counter, p[3]&15, "packet %d of %#x", len(list), one.pid)
		}
		counters[one.pid] = p[3] & 15
		list = append(list, one)
	}
	return list
}

// pesTimes returns the times of the PES packet at the beginning of b.
func pesTimes(b []byte) (pts, dts int64) {
	at := func(b []byte) int64 {
		return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
	}
	pts = at(b[9:])
	if dts = pts; b[7]>>6 == 3 {
		dts = at(b[14:])
	}
	return pts, dts
}

// write writes seconds of pictures, sound and metadata from a time on.
func write(t testing.TB, m *mpegts.Muxer, from int64, seconds int) {
	t.Helper()
	for i := range int64(seconds * 25) {
		dts := from + i*3600
		require.NoError(t, m.Write(0, &mpegts.Unit{DTS: dts, PTS: dts + 7200, Sync: i%50 == 0, Data: picture}))
		require.NoError(t, m.Write(1, &mpegts.Unit{DTS: dts, PTS: dts, Sync: true, Data: make([]byte, 100+i)}))
		if i%25 == 0 {
			require.NoError(t, m.Write(2, &mpegts.Unit{DTS: dts, PTS: dts, Sync: true, Data: make([]byte, 200)}))
		}
	}
}

// Tables and clock references are frequent enough for receivers, and no unit comes after its decoding time. The times go on
// where they begin again at 0 after 33 bits.
func TestClockAndTablesAreFrequent(t *testing.T) {
	var out bytes.Buffer
	m := mpegts.NewMuxer(&out)
	require.NoError(t, m.SetTracks(tracks(t)))
	const from = 1<<33 - 3*mpegts.Clock
	write(t, m, from, 6)
	write(t, m, from+11*mpegts.Clock, 1) // after a pause
	require.NoError(t, m.Flush())
	require.EqualValues(t, out.Len(), m.Bytes())
	unwrap := func(ticks int64) int64 { return from + (ticks-from+mpegts.Clock)&(1<<33-1) - mpegts.Clock }
	pcr, tables, units := int64(-1), int64(-1), 0
	for i, p := range read(t, out.Bytes()) {
		if p.pcr >= 0 {
			at := unwrap(p.pcr)
			if pcr >= 0 {
				require.Greater(t, at, pcr)
				require.LessOrEqual(t, at-pcr, int64(9000), "packet %d", i)
			}
			pcr = at
			require.LessOrEqual(t, at-tables, int64(2*9000), "packet %d: time since the tables", i)
		}
		switch {
		case p.pid == 0:
			require.True(t, p.begins)
			tables = max(pcr, from-mpegts.Delay-1)
		case p.begins && p.pid >= 0x100 && p.pid < 0x1000:
			pts, dts := pesTimes(p.payload)
			units++
			require.GreaterOrEqual(t, unwrap(dts), pcr)
			require.GreaterOrEqual(t, unwrap(pts), unwrap(dts))
			if d := unwrap(dts) - from; p.pid == 0x100 && d < 6*mpegts.Clock {
				require.Equal(t, d%(50*3600) == 0, p.random)
			}
		}
	}
	require.Equal(t, 7*25*2+7, units)
}

// A key frame has a delimiter and the parameter sets, once; the unit's own ones are left out.
func TestAKeyFrameHasItsParameterSets(t *testing.T) {
	var out bytes.Buffer
	m := mpegts.NewMuxer(&out)
	require.NoError(t, m.SetTracks(tracks(t)[:1]))
	for i := range int64(2) {
		require.NoError(t, m.Write(0, &mpegts.Unit{DTS: 90000 + i, PTS: 90000 + i, Sync: i == 0, Data: picture}))
	}
	require.NoError(t, m.Flush())
	code := []byte{0, 0, 0, 1}
	slice := append(bytes.Clone(code), picture[18:]...)
	key := bytes.Join([][]byte{nil, {9, 0xf0}, sps, pps}, code)
	var units [][]byte
	for _, p := range read(t, out.Bytes()) {
		if p.pid == 0x100 && p.begins {
			units = append(units, nil)
		}
		if p.pid == 0x100 {
			units[len(units)-1] = append(units[len(units)-1], p.payload...)
		}
	}
	require.Equal(t, append(key, slice...), units[0][14:])
	require.Equal(t, bytes.Join([][]byte{nil, {9, 0xf0}, picture[18:]}, code), units[1][14:])
}

// A leap of time and a change of the tracks are discontinuities. Another list of tracks makes a PMT with another version.
func TestDiscontinuities(t *testing.T) {
	var out bytes.Buffer
	m := mpegts.NewMuxer(&out)
	require.NoError(t, m.SetTracks(tracks(t)[:1]))
	write := func(dts int64) { require.NoError(t, m.Write(0, &mpegts.Unit{DTS: dts, PTS: dts, Data: picture})) }
	write(mpegts.Begin)
	write(mpegts.Begin + 20*mpegts.Clock)
	require.NoError(t, m.SetTracks(tracks(t)))
	write(mpegts.Begin + 20*mpegts.Clock + 3600)
	m.SetForm(0, form(t, codec.H264, pps, sps))
	write(mpegts.Begin + 20*mpegts.Clock + 7200)
	require.NoError(t, m.Flush())
	marked, versions := 0, []byte{}
	for _, p := range read(t, out.Bytes()) {
		if p.discontinuity {
			marked++
		}
		if p.pid == 0x1000 && p.begins {
			require.Zero(t, mpegts.CRC32(p.payload[1:1+3+int(p.payload[3])]))
			versions = append(versions, p.payload[6]>>1&0x1f)
		}
	}
	require.Equal(t, 3, marked, "the leap, the list and the description")
	require.EqualValues(t, 0, versions[0])
	require.EqualValues(t, 1, versions[len(versions)-1], "the same codec needs no other PMT")
}

// What does not fit the format is an error, and so is a writer that fails.
func TestUnitsThatCannotBeWritten(t *testing.T) {
	m := mpegts.NewMuxer(io.Discard)
	require.ErrorContains(t, m.SetTracks(nil), "0 tracks")
	require.ErrorContains(t, m.SetTracks(make([]mpegts.Track, mpegts.MaxTracks+1)), "33 tracks")
	require.NoError(t, m.SetTracks(tracks(t)))
	u := mpegts.Unit{DTS: 90000, PTS: 90000, Data: []byte{0, 0, 0, 9, 1}}
	require.ErrorContains(t, m.Write(0, &u), "wrong length")
	u.Data = make([]byte, 1<<16)
	require.ErrorContains(t, m.Write(1, &u), "ADTS")
	require.ErrorIs(t, m.Write(2, &u), media.ErrTooLarge)
	_, err := mpegts.FormOf(&media.Track{Codec: codec.FLAC})
	require.ErrorIs(t, err, mpegts.ErrNotCarried)
	full := errors.New("the disk is full")
	m = mpegts.NewMuxer(failing{full})
	require.NoError(t, m.SetTracks(tracks(t)))
	big := append([]byte{0, 1, 0, 0, 0x65}, make([]byte, 1<<16-1)...)
	require.ErrorIs(t, m.Write(0, &mpegts.Unit{DTS: 90000, PTS: 90000, Data: big}), full)
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// As many tracks as are permitted have a PMT of several packets.
func TestManyTracks(t *testing.T) {
	var out bytes.Buffer
	m := mpegts.NewMuxer(&out)
	many := make([]mpegts.Track, mpegts.MaxTracks)
	for i := range many {
		many[i] = mpegts.Track{Form: form(t, codec.Opus, append(make([]byte, 18), 0)), Kind: media.Audio, Language: "eng"}
	}
	require.NoError(t, m.SetTracks(many))
	require.NoError(t, m.Write(31, &mpegts.Unit{DTS: 90000, PTS: 90000, Data: []byte{1}}))
	require.NoError(t, m.Flush())
	var pmt []byte
	for _, p := range read(t, out.Bytes()) {
		if p.pid == 0x1000 {
			pmt = append(pmt, p.payload...)
		}
	}
	pmt = pmt[1:]
	length := int(binary.BigEndian.Uint16(pmt[1:])&0xfff) + 3
	require.Less(t, length, 1024)
	require.Zero(t, mpegts.CRC32(pmt[:length]))
}

func TestUnitsAreWrittenWithoutAllocation(t *testing.T) {
	m := mpegts.NewMuxer(io.Discard)
	require.NoError(t, m.SetTracks(tracks(t)))
	at, sound := int64(mpegts.Begin), make([]byte, 400)
	u := mpegts.Unit{}
	once := func() {
		for range 100 {
			at += 3600
			u = mpegts.Unit{DTS: at, PTS: at + 3600, Sync: true, Data: picture}
			if m.Write(0, &u) != nil {
				t.Fail()
			}
			u.Data = sound
			if m.Write(1, &u) != nil {
				t.Fail()
			}
		}
	}
	for range 10 {
		once()
	}
	require.Zero(t, testing.AllocsPerRun(20, once))
}

// FuzzMuxer writes access units of any bytes. What is written is a stream of whole packets.
func FuzzMuxer(f *testing.F) {
	f.Add(picture, int64(90000), int64(90000), true)
	f.Add([]byte{0, 0, 0, 1}, int64(0), int64(1<<40), false)
	f.Fuzz(func(t *testing.T, data []byte, dts, pts int64, sync bool) {
		var out bytes.Buffer
		m := mpegts.NewMuxer(&out)
		require.NoError(t, m.SetTracks(tracks(t)))
		for track := range 3 {
			_ = m.Write(track, &mpegts.Unit{DTS: dts & (1<<50 - 1), PTS: pts & (1<<50 - 1), Sync: sync, Data: data})
		}
		require.NoError(t, m.Flush())
		read(t, out.Bytes())
	})
}
