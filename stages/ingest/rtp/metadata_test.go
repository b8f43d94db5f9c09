package rtp

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

var (
	documentONVIF = []byte(`<?xml version="1.0"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema">` + strings.Repeat("<tt:Event/>", 40) + `</tt:MetadataStream>`)
	itemKLV       = append([]byte{0x06, 0x0e, 0x2b, 0x34, 2, 0x0b, 1, 1, 0x0e, 1, 3, 1, 1, 0, 0, 0, 0x82, 1, 0x2c}, bytes.Repeat([]byte{0}, 300)...)
)

// inParts divides an access unit into payloads of n bytes.
func inParts(unit []byte, n int) (parts []pictureParts) {
	for len(unit) > n {
		parts = append(parts, pictureParts{payload: unit[:n]})
		unit = unit[n:]
	}
	return append(parts, pictureParts{payload: unit, end: true})
}

func TestMetadataIsJoinedFromPackets(t *testing.T) {
	for name, unit := range map[string][]byte{"vnd.onvif.metadata": documentONVIF, "smpte336m": itemKLV} {
		b := newBench(t)
		b.pictures(name, append(append(inParts(unit, 1000), inParts(unit, 100)...), inParts(unit, 17)...)...)
		require.Empty(t, b.Publisher.Losses, name)
		require.Len(t, b.Publisher.Units, 3, name)
		for i, u := range b.Publisher.Units {
			require.Equal(t, [][]byte{unit}, u.NALs, name)
			require.True(t, u.AU.Sync)
			require.EqualValues(t, i*ticksOf, u.AU.PTS-b.Publisher.Units[0].AU.PTS)
			require.Equal(t, u.AU.DTS, u.AU.PTS)
		}
		require.Equal(t, media.Metadata, b.Publisher.Sets[0][0].Kind())
	}
}

// An access unit of which a packet is lost is left out and counted. The units around it stay.
func TestBrokenMetadataIsLeftOut(t *testing.T) {
	for name, lost := range map[string][]int{"the beginning": {0}, "the middle": {1}, "the end": {3}, "two parts": {1, 2}} {
		broken := inParts(documentONVIF[:400], 100)
		for _, i := range lost {
			broken[i].lost = true
		}
		b := newBench(t)
		b.pictures("vnd.onvif.metadata", append(append(inParts(documentONVIF, 100), broken...), inParts(documentONVIF, 100)...)...)
		require.Len(t, b.Publisher.Units, 2, name)
		require.Equal(t, [][]byte{documentONVIF}, b.Publisher.Units[1].NALs, name)
		require.NotZero(t, b.Publisher.Units[1].AU.Lost, name)
		require.NotEmpty(t, b.Publisher.Losses, name)
	}
}

// Pictures are published with the track of metadata before any metadata comes, and do not wait for it. Metadata takes
// its place by arrival as soon as it comes, and its silence is no problem.
func TestPicturesDoNotWaitForMetadata(t *testing.T) {
	b := newBench(t)
	video := b.Of(codec.H264)
	c, err := (&Format{Name: "vnd.onvif.metadata", Clock: VideoClockHz}).Config(Options{})
	require.NoError(t, err)
	metadata, err := Add(b.Feed, c)
	require.NoError(t, err)
	b.SendPictures(video, 100, 0, 50, nil)
	require.Len(t, b.Publisher.Sets, 1)
	require.Len(t, b.Publisher.Sets[0], 2)
	require.Greater(t, len(b.Publisher.Units), 40)
	b.Now = b.Now.Add(time.Hour)
	b.SendPictures(video, 150, 50*3600+3600*90000, 50, nil)
	require.Empty(t, b.Publisher.Problems)
	h := rtp.Header{SequenceNumber: 7, Timestamp: 12345, Marker: true}
	require.NoError(t, metadata.Packet(&rtp.Packet{Header: h, Payload: documentONVIF}, b.Now))
	video.Close()
	metadata.Close()
	b.Feed.Close()
	require.Equal(t, b.Publisher.Sets[0], b.Publisher.Sets[len(b.Publisher.Sets)-1], "its first unit begins no file")
	var at, last int64
	for _, u := range b.Publisher.Units {
		if bytes.Equal(u.NALs[0], documentONVIF) {
			at = u.AU.PTS
		} else {
			last = u.AU.PTS
		}
	}
	require.InDelta(t, last, at, 9000)
}

// Metadata neither ends the dates of the sender's reports nor has others, also when the clock of the pictures runs at a wrong
// rate, for which each track gets a wall clock of its own.
func TestMetadataIsDatedAsThePicturesAre(t *testing.T) {
	b := newBench(t)
	b.Feed.Time(hub.Timing{WallClock: hub.WallClockSender})
	video := b.Of(codec.H264)
	c, err := (&Format{Name: "vnd.onvif.metadata", Clock: VideoClockHz}).Config(Options{})
	require.NoError(t, err)
	metadata, err := Add(b.Feed, c)
	require.NoError(t, err)
	b.Now = b.Now.Add(time.Hour) // after the beginning of the process
	began, seq := b.Now, uint16(0)
	const behind, picture, fast = 10 * time.Second, 40 * time.Millisecond, 1015 // of 1000
	for n := range 700 {
		b.Now = began.Add(time.Duration(n) * 25 * picture)
		ticks := uint32(n) * 25 * 3600 / 1000 * fast
		video.SenderReport(unixToNTP(b.Now.Add(picture-behind)), ticks)
		for i := range 25 {
			b.Now = b.Now.Add(picture)
			nal := []byte{0x65, 0x88, byte(i), 1}
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(n*25 + i), Timestamp: ticks + uint32(i)*3600/1000*fast, Marker: true}, Payload: nal}
			require.NoError(t, video.Packet(p, b.Now))
		}
		seq++
		h := rtp.Header{SequenceNumber: seq, Timestamp: uint32(n) * 99000, Marker: true} // its clock is fast, too
		require.NoError(t, metadata.Packet(&rtp.Packet{Header: h, Payload: documentONVIF}, b.Now))
	}
	b.Feed.Close()
	require.Contains(t, b.Log.String(), "date the recordings")
	for i, u := range b.Publisher.Units {
		require.InDelta(t, -behind.Seconds(), time.Duration(u.AU.SteppedNS).Seconds(), 1, "unit %d", i)
		most := 2 * time.Second
		if bytes.Equal(u.NALs[0], documentONVIF) {
			most = 80 * time.Second // a tenth of all
		}
		require.InDelta(t, began.UnixNano()+u.AU.MonoNS-ingest.Mono(began), u.AU.UTC+int64(behind), float64(most), "unit %d", i)
	}
}

func unixToNTP(at time.Time) uint64 {
	return uint64(at.Unix()+2208988800)<<32 | uint64(at.Nanosecond())<<32/1e9
}

// FuzzMetadata: no payloads break a track of metadata, and what it records begins as metadata does.
func FuzzMetadata(f *testing.F) {
	f.Add(documentONVIF, true, uint8(50))
	f.Add(itemKLV, false, uint8(100))
	f.Fuzz(func(t *testing.T, data []byte, xml bool, size uint8) {
		b, name, begins := newBench(t), "smpte336m", codec.BeginsKLV
		if xml {
			name, begins = "vnd.onvif.metadata", codec.BeginsXML
		}
		parts := inParts(data, int(size)+1)
		for i := range parts {
			if n := len(parts[i].payload); n > 0 {
				parts[i].lost = parts[i].payload[n-1]&7 == 7
				parts[i].end = parts[i].end || parts[i].payload[0]&31 == 31
			}
		}
		b.pictures(name, parts...)
		total := 0
		for _, u := range b.Publisher.Units {
			require.Len(t, u.NALs, 1)
			require.True(t, begins(u.NALs[0]))
			total += len(u.NALs[0])
		}
		require.LessOrEqual(t, total, len(data))
	})
}

// Sender reports give metadata its exact place, however late it arrives.
func TestMetadataIsPlacedByReports(t *testing.T) {
	b := newBench(t)
	video := b.Of(codec.H264)
	c, err := (&Format{Name: "smpte336m", Clock: VideoClockHz}).Config(Options{})
	require.NoError(t, err)
	metadata, err := Add(b.Feed, c)
	require.NoError(t, err)
	const ntp = 0xe0000000 << 32
	video.RTCP(&rtcp.SenderReport{NTPTime: ntp, RTPTime: 0})
	metadata.RTCP(&rtcp.SenderReport{NTPTime: ntp, RTPTime: 90000})
	b.SendPictures(video, 100, 0, 50, nil)
	h := rtp.Header{SequenceNumber: 7, Timestamp: 90000 + 45*ticksOf + 1, Marker: true}
	require.NoError(t, metadata.Packet(&rtp.Packet{Header: h, Payload: itemKLV}, b.Now))
	video.Close()
	metadata.Close()
	b.Feed.Close()
	last := b.Publisher.Units[len(b.Publisher.Units)-1]
	for _, u := range b.Publisher.Units {
		if bytes.Equal(u.NALs[0], itemKLV) {
			last = u
		}
	}
	require.EqualValues(t, 45*ticksOf+1, last.AU.PTS-b.Publisher.Units[0].AU.PTS)
}
