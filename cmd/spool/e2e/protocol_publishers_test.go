package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	rtmpcodecs "github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/flac"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// sample is an access unit of a source.
type sample struct {
	dts, pts time.Duration
	data     []byte
}

// samplesOfTrack returns the access units of a track of an MP4 file as they stand there.
func samplesOfTrack(t *testing.T, file, kind string) (out []sample) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	k := probe(t, file, kind)
	places := tool(t, "ffprobe", "-v", "error", "-select_streams", kind+":0", "-show_entries", "packet=size,pos", "-of", "compact=p=0:nk=1", file)
	for i, place := range strings.Fields(places) {
		var at, size int
		_, err := fmt.Sscanf(place, "%d|%d", &size, &at)
		require.NoError(t, err, place)
		ticks := func(n int64) time.Duration { return time.Duration(n * int64(time.Second) / k.scale) }
		out = append(out, sample{ticks(k.packets[i].dts), ticks(k.packets[i].pts), content[at : at+size]})
	}
	return out
}

// picturesOf returns the track of pictures, H.264 or H.265, of an MP4 file.
func picturesOf(t *testing.T, file string) rtsptest.Track {
	t.Helper()
	content, err := rtsptest.ReadFile(file)
	require.NoError(t, err)
	return content.Tracks[0]
}

// paced sends samples in real time, on a goroutine of its own.
type paced struct {
	libraryPublisher
	units int    // that are sent
	leave func() // says goodbye, which may overtake the last datagrams; nil: the publisher leaves by itself
}

// publishPaced calls send for each sample when it is due.
func publishPaced(t *testing.T, samples []sample, send func(i int) error) *paced {
	ctx, stop := context.WithCancel(t.Context())
	p := &paced{libraryPublisher: libraryPublisher{t: t, stop: stop, done: make(chan error, 1)}, units: len(samples)}
	go func() {
		defer close(p.done)
		began := time.Now()
		for i, s := range samples {
			select {
			case <-time.After(time.Until(began.Add(s.dts - samples[0].dts))):
			case <-ctx.Done():
				return
			}
			if err := send(i); err != nil {
				p.done <- err
				return
			}
		}
	}()
	t.Cleanup(p.kill)
	return p
}

// publishEnhanced sends the track of a codec by Enhanced RTMP, by gortmplib.
func publishEnhanced(t *testing.T, c coded, source, to string) sender {
	t.Helper()
	samples := samplesOfTrack(t, source, c.kind)
	track, write := &gortmplib.Track{}, func(*gortmplib.Writer, sample) error { return nil }
	switch c.name {
	case "h265":
		pictures, next := picturesOf(t, source), 0
		track.Codec = &rtmpcodecs.H265{VPS: pictures.Sets[0], SPS: pictures.Sets[1], PPS: pictures.Sets[2]}
		write = func(w *gortmplib.Writer, s sample) error {
			next++
			return w.WriteH265(track, s.pts, s.dts, pictures.Units[next-1].NALs)
		}
	case "vp9":
		track.Codec = &rtmpcodecs.VP9{}
		write = func(w *gortmplib.Writer, s sample) error { return w.WriteVP9(track, s.pts, s.data) }
	case "av1":
		track.Codec = &rtmpcodecs.AV1{}
		units, next := temporalUnits(t, source), 0
		write = func(w *gortmplib.Writer, s sample) error { next++; return w.WriteAV1(track, s.pts, units[next-1]) }
	case "opus":
		track.Codec = &rtmpcodecs.Opus{IDHeader: &opus.IDHeader{Version: 1, ChannelCount: 2}}
		write = func(w *gortmplib.Writer, s sample) error { return w.WriteOpus(track, s.pts, s.data) }
	case "flac":
		track.Codec = &rtmpcodecs.FLAC{StreamInfo: &flac.StreamInfo{MinBlockSize: 4608, MaxBlockSize: 4608, SampleRate: 48000, ChannelCount: 2, BitDepth: 24}}
		write = func(w *gortmplib.Writer, s sample) error { return w.WriteFLAC(track, s.pts, s.data) }
	case "ac-3":
		track.Codec = &rtmpcodecs.AC3{SampleRate: 48000, ChannelCount: 2}
		write = func(w *gortmplib.Writer, s sample) error { return w.WriteAC3(track, s.pts, s.data) }
	default:
		require.Fail(t, "gortmplib cannot send it", c.name)
	}
	server, path, _ := strings.Cut(strings.TrimPrefix(to, "rtmp://"), "/")
	u, err := url.Parse("rtmp://" + server + "/" + strings.Replace(path, "/", "#", 1)) // gortmplib takes the key behind a hash
	require.NoError(t, err)
	client := &gortmplib.Client{URL: u, Publish: true}
	require.NoError(t, client.Initialize(t.Context()))
	t.Cleanup(client.Close)
	w := &gortmplib.Writer{Conn: client, Tracks: []*gortmplib.Track{track}}
	require.NoError(t, w.Initialize())
	lead := 100*time.Millisecond - min(0, samples[0].dts) // times of RTMP are not negative
	return publishPaced(t, samples, func(i int) error {
		s := samples[i]
		s.dts, s.pts = s.dts+lead, s.pts+lead
		if err := write(w, s); err != nil || i+1 < len(samples) {
			return err
		}
		client.Close()
		return nil
	})
}

// publishWHIP sends the track of a codec by WHIP, by pion.
func publishWHIP(t *testing.T, c coded, source, to string) sender {
	t.Helper()
	samples := samplesOfTrack(t, source, c.kind)
	w := &whipTrack{}
	capability := pion.RTPCodecCapability{ClockRate: 90000}
	one := func(b []byte) ([]*rtp.Packet, error) {
		return []*rtp.Packet{{Header: rtp.Header{Version: 2, Marker: true}, Payload: b}}, nil
	}
	encode := func(i int) ([]*rtp.Packet, error) { return one(samples[i].data) }
	switch c.name {
	case "h264":
		capability.MimeType, capability.SDPFmtpLine = pion.MimeTypeH264, "packetization-mode=1;profile-level-id=42e01f"
		coder, err := (&format.H264{PayloadTyp: 96, PacketizationMode: 1}).CreateEncoder()
		require.NoError(t, err)
		encode = withSets(t, c, source, coder.Encode)
	case "h265":
		capability.MimeType = pion.MimeTypeH265
		coder, err := (&format.H265{PayloadTyp: 96}).CreateEncoder()
		require.NoError(t, err)
		encode = withSets(t, c, source, coder.Encode)
	case "vp9":
		capability.MimeType, capability.SDPFmtpLine = pion.MimeTypeVP9, "profile-id=0"
		coder, err := (&format.VP9{PayloadTyp: 96}).CreateEncoder()
		require.NoError(t, err)
		encode = func(i int) ([]*rtp.Packet, error) { return coder.Encode(samples[i].data) }
	case "av1":
		capability.MimeType = pion.MimeTypeAV1
		coder, err := (&format.AV1{PayloadTyp: 96}).CreateEncoder()
		require.NoError(t, err)
		units := temporalUnits(t, source)
		encode = func(i int) ([]*rtp.Packet, error) { return coder.Encode(units[i]) }
	case "opus":
		capability.MimeType, capability.ClockRate, capability.Channels, capability.SDPFmtpLine = pion.MimeTypeOpus, 48000, 2, "minptime=10;useinbandfec=1"
	case "mulaw":
		capability.MimeType, capability.ClockRate = pion.MimeTypePCMU, 8000
	default:
		require.Fail(t, "WebRTC does not have it", c.name)
	}
	var err error
	w.local, err = pion.NewTrackLocalStaticRTP(capability, c.kind, "camera")
	require.NoError(t, err)
	w.only = &pion.RTPCodecParameters{RTPCodecCapability: capability, PayloadType: 96}
	if capability.MimeType == pion.MimeTypePCMU {
		w.only.PayloadType = 0
	}
	w.connect(t, to, []pion.NetworkType{pion.NetworkTypeUDP4}, nil)
	seq := uint16(0)
	p := publishPaced(t, samples, func(i int) error {
		packets, err := encode(i)
		if err != nil {
			return err
		}
		for _, p := range packets {
			p.SequenceNumber = seq
			seq++
			p.Timestamp = uint32((samples[i].pts - samples[0].pts) * time.Duration(capability.ClockRate) / time.Second)
			if err := w.local.WriteRTP(p); err != nil {
				return err
			}
		}
		return nil
	})
	p.leave = func() { w.leave(t) }
	return p
}

// withSets returns the packets of a picture: of a key frame with the parameter sets.
func withSets(t *testing.T, c coded, source string, encode func([][]byte) ([]*rtp.Packet, error)) func(i int) ([]*rtp.Packet, error) {
	pictures, k := picturesOf(t, source), probe(t, source, c.kind)
	return func(i int) ([]*rtp.Packet, error) {
		nals := pictures.Units[i].NALs
		if k.packets[i].key {
			nals = slices.Concat(pictures.Sets, nals)
		}
		return encode(nals)
	}
}
