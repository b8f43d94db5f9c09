package rtp_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/jpeg"
	"github.com/gospool/spool/pipeline/codec/obu"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest/feedtest"
	ingestrtp "github.com/gospool/spool/stages/ingest/rtp"
)

// sent is a track with units. The first one is a key frame.
type sent struct {
	track media.Track
	units [][]byte
	want  [][]byte // what a receiver gets; nil: the units
}

// described returns a track of a codec that a key frame describes.
func described(t testing.TB, of media.Codec, frame []byte) media.Track {
	t.Helper()
	track := media.Track{Codec: of, Timescale: 90000}
	require.NoError(t, codec.Of(of).FromFrame(frame, &track))
	return track
}

// from returns a track of sound or metadata with parameter sets.
func from(t testing.TB, of media.Codec, timescale uint32, sets ...[]byte) media.Track {
	t.Helper()
	track, err := codec.Describe(of, timescale, sets)
	require.NoError(t, err)
	return track
}

// long returns bytes that begin with head.
func long(head []byte, n int) []byte {
	return append(append([]byte(nil), head...), bytes.Repeat([]byte{0x5a, 0xa5, 1}, n/3+1)[:n-len(head)]...)
}

// unitsOfAV1 returns a temporal unit of OBUs without sizes.
func unitsOfAV1(list ...[]byte) (unit []byte) {
	for _, b := range list {
		unit = obu.Unit{Header: b[:1], Payload: b[1:]}.Append(unit)
	}
	return unit
}

// headersVOP are the headers of MPEG-4 pictures of 320x180.
var headersVOP = []byte("\x00\x00\x01\xb0\xf1\x00\x00\x01\xb5\xa9\x13\x00\x00\x01\x00\x00\x00\x01\x20\x08\xd4\xf8\x18\x25\x08\x00\xcd\x0a\x04\x16\x94\x10\x3f")

// eachCodec returns, by name, units of each codec but those of NAL units, in one packet and in several.
func eachCodec(t testing.TB) map[string]sent {
	keyVP9, interVP9 := []byte{0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x36, 0x00, 1}, []byte{0x86, 0, 1}
	sequence, key, inter := []byte{0x08, 0x00, 0x00, 0x00, 0x04, 0x3c, 0xfe, 0xcc, 0xda, 0xf9, 0x00, 0x40}, long([]byte{0x30, 0x10}, 5000), long([]byte{0x30, 0x30}, 100)
	withSet, extended := unitsOfAV1(sequence, key), obu.Unit{Header: []byte{0x34, 0x20}, Payload: inter[1:]}.Append(nil)
	vop := func(kind byte, n int) []byte { return long([]byte{0, 0, 1, 0xb6, kind << 6, 0x90}, n) }
	tables := jpeg.AppendTables(nil, 60)
	picture := func(n int, h jpeg.Header) []byte {
		h.Width, h.Height, h.Quantization[0] = 320, 176, tables[:64]
		if h.Quantization[1] == nil {
			h.Quantization[1] = tables[64:]
		}
		return append(long(h.Append(nil), len(h.Append(nil))+n), jpeg.EndOfImage...)
	}
	half, restarts := picture(9000, jpeg.Header{HalfHeight: true}), picture(40, jpeg.Header{RestartInterval: 12})
	wide := picture(3000, jpeg.Header{Quantization: [2][]byte{1: bytes.Repeat([]byte{0, 7}, 64)}})
	ac3, eac3 := long([]byte("\x0b\x77\x25\x62\x14\x40\x43\xe1\x06\xf4\x63\x70\xc0\xc0\xc2\x18"), 768), long([]byte("\x0b\x77\x02\xff\x3f\x87\xc0\x00\x20\xd8\x00\x00\x02\x00\x00\x00"), 1536)
	largeAC3 := long([]byte("\x0b\x77\x00\x00\x22\x40\x43\xe1\x06\xf4\x63\x70\xc0\xc0\xc2\x18"), 2304)
	mapping := codec.OpusConfig{Channels: 6, Mapping: []byte{4, 2, 0, 4, 1, 2, 3, 5}}
	document := func(n int) []byte { return long([]byte("<MetadataStream>"), n) }
	item := func(n int) []byte { return long([]byte{0x06, 0x0e, 0x2b, 0x34, 1, 1}, n) }
	return map[string]sent{
		"vp9": {track: described(t, codec.VP9, keyVP9), units: [][]byte{long(keyVP9, 4000), long(interVP9, 1387), long(interVP9, 1388), interVP9}},
		"av1": {track: described(t, codec.AV1, withSet), units: [][]byte{withSet, unitsOfAV1(inter), extended, unitsOfAV1(inter, key[:1387], key[:1388], inter[:1])}},
		"av1 of a file": {
			track: described(t, codec.AV1, withSet), units: [][]byte{append([]byte{0x12, 0}, unitsOfAV1(key)...), append([]byte{0x12, 0}, unitsOfAV1(inter)...)},
			want: [][]byte{withSet, unitsOfAV1(inter)},
		},
		"mpeg4": {track: described(t, codec.MPEG4, append(headersVOP[:len(headersVOP):len(headersVOP)], vop(0, 9)...)),
			units: [][]byte{append(headersVOP[:len(headersVOP):len(headersVOP)], vop(0, 4000)...), vop(1, 1388), vop(1, 20)}},
		"mjpeg":       {track: described(t, codec.MJPEG, half), units: [][]byte{half, restarts, wide}},
		"xhe-aac":     {track: from(t, codec.USAC, 48000, []byte{0xf9, 0x46, 0x43, 0x62, 0x05, 0x0b, 0x20}), units: [][]byte{long([]byte{0x80}, 300), long([]byte{0}, 4000)}},
		"opus":        {track: from(t, codec.Opus, 48000, codec.OpusConfig{Channels: 2}.Set()), units: [][]byte{long([]byte{0xfc}, 300), long([]byte{0xfc}, 20)}},
		"opus, 5.1":   {track: from(t, codec.Opus, 48000, mapping.Set()), units: [][]byte{long([]byte{0xfc}, 1300), long([]byte{0xfc}, 900)}},
		"ac-3":        {track: from(t, codec.AC3, 48000, []byte{0x10, 0x11, 0x40}), units: [][]byte{ac3, ac3}},
		"ac-3, large": {track: from(t, codec.AC3, 48000, []byte{0x10, 0x11, 0x40}), units: [][]byte{largeAC3, largeAC3}},
		"e-ac-3":      {track: from(t, codec.EAC3, 48000, []byte{0x0c, 0x00, 0x20, 0x0f, 0x00}), units: [][]byte{eac3, eac3}},
		"onvif":       {track: from(t, codec.ONVIF, 90000), units: [][]byte{document(1000), document(1388), document(1389), document(9000)}},
		"klv":         {track: from(t, codec.KLV, 1000), units: [][]byte{item(100), item(5000)}},
	}
}

// receiver returns a track that receives what the description says, as a server and a client of RTSP do.
func (w *wire) receiver(kind string) (*feedtest.Bench[*ingestrtp.Track], *ingestrtp.Track) {
	w.t.Helper()
	f := ingestrtp.Format{PayloadType: w.format.PayloadType()}
	f.ReadMap(w.format.RTPMap())
	for key, value := range w.format.FMTP() {
		f.ReadParameters(key + "=" + value)
	}
	f.Complete(kind)
	c, err := f.Config(ingestrtp.Options{})
	require.NoError(w.t, err)
	b := feedtest.New(w.t, nil, func(f *ingest.Feed, c ingest.TrackConfig) (*ingestrtp.Track, error) {
		return ingestrtp.Add(f, ingestrtp.Config{Track: c})
	})
	track, err := ingestrtp.Add(b.Feed, c)
	require.NoError(w.t, err)
	return b, track
}

// Each codec is received as it was sent, by the package that receives from cameras.
func TestEachCodecIsReceivedAsItWasSent(t *testing.T) {
	for name, c := range eachCodec(t) {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, c.track)
			kind := "video"
			if c.track.Kind() == media.Audio {
				kind = "audio"
			}
			b, track := w.receiver(kind)
			for i, unit := range c.units {
				packets, _ := w.send(int64(i)*int64(c.track.Timescale)/25, 1e18, i == 0, unit)
				for n, p := range packets {
					require.Equal(t, n == len(packets)-1 && !w.inOne(), p.Marker)
					require.NoError(t, track.Packet(p, b.Now))
				}
				b.Now = b.Now.Add(40 * time.Millisecond)
			}
			track.Close()
			b.Feed.Close()
			require.Empty(t, b.Publisher.Losses, b.Log.String())
			want := c.want
			if want == nil {
				want = c.units
			}
			require.Len(t, b.Publisher.Units, len(want))
			for i, u := range b.Publisher.Units {
				require.Equal(t, c.track.Codec, u.Codec)
				require.True(t, bytes.Equal(want[i], bytes.Join(u.NALs, nil)), "unit %d: %.60x", i, u.NALs)
			}
			got := b.Publisher.Sets[0][0]
			require.Equal(t, []int{c.track.Width, c.track.Height, c.track.SampleRate, c.track.Channels}, []int{got.Width, got.Height, got.SampleRate, got.Channels})
			require.Zero(t, w.sender.LeftOut())
		})
	}
}

// The fields that a receiver needs are those of the standards.
func TestHeadersOfPayloads(t *testing.T) {
	all := eachCodec(t)
	for name, want := range map[string][]string{
		"vp9": {"08", "00", "04"}, "av1": {"1808", "5030", "d0..", "d0..", "90.."}, "mjpeg": {"00000000" + "01ff2816" + "00000080", "000004e0", "00000a44", "00000fa8", "0000150c", "00001a70", "00001fd4"},
		"av1 of a file": {"1808", "5030", "d0..", "d0..", "90.."},
		"ac-3":          {"0001"}, "ac-3, large": {"0202", "0302"}, "e-ac-3": {"0102", "0102"}, "xhe-aac": {"00100960"},
	} {
		w := newWire(t, all[name].track)
		packets, _ := w.send(0, 1e18, true, all[name].units[0])
		require.Len(t, packets, len(want), name)
		for i, p := range packets {
			require.Regexp(t, "^"+want[i], fmt.Sprintf("%x", p.Payload), "%s: packet %d", name, i)
		}
	}
	payload := func(of string, sync bool, unit []byte) string {
		w := newWire(t, all[of].track)
		w.send(0, 1e18, true, all[of].units[0])
		packets, _ := w.send(3600, 1e18, sync, unit)
		return string(packets[0].Payload)
	}
	require.Equal(t, "\x4c\x01", payload("vp9", false, []byte{1}))
	require.Equal(t, "\x01\x02", payload("ac-3", true, make([]byte, 2048))[:2], "more than 5/8 of the frame")
	table := jpeg.AppendTables(nil, 60)[:64]
	one := jpeg.Header{Width: 320, Height: 176, Quantization: [2][]byte{table}}
	require.Equal(t, "\x00\x00\x00\x80"+string(table)+string(table)+"\x01", payload("mjpeg", true, append(one.Append(nil), 1))[8:], "one table for all")
}

func TestDescriptions(t *testing.T) {
	all := eachCodec(t)
	for name, want := range map[string]string{
		"vp9": "VP9/90000 map[]", "av1": "AV1/90000 map[level-idx:0 profile:0 tier:0]", "mjpeg": "JPEG/90000 map[]",
		"mpeg4":     fmt.Sprintf("MP4V-ES/90000 map[config:%X profile-level-id:241]", headersVOP),
		"opus, 5.1": "multiopus/48000/6 map[channel_mapping:0,4,1,2,3,5 coupled_streams:2 num_streams:4]",
		"ac-3":      "AC3/48000/2 map[]", "e-ac-3": "eac3/48000/6 map[]", "onvif": "vnd.onvif.metadata/90000 map[]", "klv": "SMPTE336M/90000 map[]",
	} {
		w := newWire(t, all[name].track)
		require.Equal(t, want, fmt.Sprint(w.format.RTPMap(), " ", w.format.FMTP()), name)
	}
	profile2 := described(t, codec.VP9, []byte{0x92, 0x49, 0x83, 0x42, 0x00, 0x3b, 0xf8, 0x21, 0xb8, 0x00})
	require.Equal(t, map[string]string{"profile-id": "2"}, newWire(t, profile2).format.FMTP())
}

// A unit that the payload format cannot carry is left out, counted, and leaves a hole in the sequence numbers.
func TestUnitsThatRTPCannotCarryAreLeftOut(t *testing.T) {
	all := eachCodec(t)
	whole := all["mjpeg"].units[0]
	progressive, large := bytes.Clone(whole), bytes.Clone(whole)
	frame := bytes.Index(whole, []byte{0xff, 0xc0})
	progressive[frame+1], large[frame+7] = 0xc2, 0x09
	for name, c := range map[string]struct {
		of   string
		unit []byte
	}{
		"a progressive picture": {"mjpeg", progressive}, "a picture of 2368 pixels": {"mjpeg", large}, "no data": {"mjpeg", whole[:len(whole)-9002]},
		"more than 255 fragments": {"e-ac-3", make([]byte, 400_000)}, "a frame of more than 13 bits": {"xhe-aac", make([]byte, 8192)},
		"more than one packet": {"opus", make([]byte, 65496)},
	} {
		w := newWire(t, all[c.of].track)
		packets, _ := w.send(0, 1e18, true, c.unit)
		require.Empty(t, packets, name)
		require.EqualValues(t, 1, w.sender.LeftOut(), name)
		require.Zero(t, w.sender.LeftOut(), name)
		w.next++
		packets, _ = w.send(3600, 1e18, true, all[c.of].units[0])
		require.NotEmpty(t, packets, name)
	}
}

// No codec costs an allocation for a unit, whether its payload lies in one slice or in several.
func TestAUnitIsPacketisedWithoutAllocation(t *testing.T) {
	for name, c := range eachCodec(t) {
		for _, unit := range c.units {
			w := newWire(t, c.track)
			require.NoError(t, w.builder.Append(0, &media.AU{UTC: 1e18, Sync: true, Payload: [][]byte{unit[:len(unit)/2], unit[len(unit)/2:]}}))
			u, err := w.reader.Poll()
			require.NoError(t, err)
			require.Zero(t, testing.AllocsPerRun(100, func() {
				w.frames.Reset()
				w.sender.Unit(&w.frames, u)
			}), name)
		}
	}
}

// Any bytes of a unit become packets that are short enough, or none.
func FuzzUnit(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 0x65, 1}, true)
	f.Add([]byte{0, 0, 0, 9, 0x65}, true)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x65, 1, 0, 0, 0, 0, 0, 0, 0}, false)
	all := eachCodec(f)
	tracks := []media.Track{pipelinetest.AVC(640, 360), hevc(), pipelinetest.AAC()}
	for _, c := range all {
		tracks = append(tracks, c.track)
		for _, unit := range c.units {
			f.Add(unit, true)
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte, sync bool) {
		if len(payload) == 0 {
			return
		}
		for _, track := range tracks {
			w := newWire(t, track)
			w.framed = true
			w.send(0, 1e18, true, []byte{0, 0, 0, 1, 9})
			w.next += uint16(w.sender.LeftOut())
			packets, _ := w.send(3600, 1e18, sync, payload)
			octets := 0
			for _, p := range packets {
				octets += len(p.Payload)
			}
			require.LessOrEqual(t, octets, 2*len(payload)+1000)
			w.receive(packets)
		}
	})
}

// receive passes packets to a receiver: it may refuse them.
func (w *wire) receive(packets []*pion.Packet) {
	b, track := w.receiver("video")
	for _, p := range packets {
		require.NoError(w.t, track.Packet(p, b.Now))
	}
	track.Close()
	b.Feed.Close()
}
