package e2e

import (
	"context"
	endian "encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

// libraryPublisher sends over RTSP in real time by gortsplib, for codecs that ffmpeg 5.1 cannot send.
type libraryPublisher struct {
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

// libraryTrack is the track that a libraryPublisher sends.
type libraryTrack struct {
	kind    description.MediaType
	format  format.Format
	packets [][]*rtp.Packet // of each access unit
	ticks   uint32          // between two access units
	network *roughNetwork   // the publisher sends by UDP over it; nil: by TCP
}

func (track libraryTrack) publish(t *testing.T, url string) sender {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p := &libraryPublisher{t: t, stop: stop, done: make(chan error, 1)}
	go func() { p.done <- track.send(ctx, url); close(p.done) }()
	t.Cleanup(p.kill)
	return p
}

func (track libraryTrack) send(ctx context.Context, url string) error {
	m := &description.Media{Type: track.kind, Formats: []format.Format{track.format}}
	client := newRTSPClient()
	if track.network != nil {
		udp := gortsplib.ProtocolUDP
		client.Protocol, client.ListenPacket = &udp, track.network.listen
	}
	if err := client.StartRecording(url, &description.Session{Medias: []*description.Media{m}}); err != nil {
		return err
	}
	defer client.Close()
	pace := time.NewTicker(time.Second * time.Duration(track.ticks) / time.Duration(track.format.ClockRate()))
	defer pace.Stop()
	for i, unit := range track.packets {
		for _, p := range unit {
			p.Timestamp = uint32(i) * track.ticks
			if err := client.write(m, p, time.Now()); err != nil {
				return err
			}
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return nil
		}
	}
	if track.network == nil { // a rough one loses packets itself
		client.finish()
	}
	return nil
}

func (p *libraryPublisher) kill() {
	p.stop()
	<-p.done
}

func (p *libraryPublisher) finish() {
	p.t.Helper()
	select {
	case err := <-p.done:
		require.NoError(p.t, err)
	case <-time.After(patience):
		require.Fail(p.t, "the publisher does not end")
	}
}

func publishAV1(t *testing.T, file, url string) sender {
	t.Helper()
	f := &format.AV1{PayloadTyp: 96}
	coder, err := f.CreateEncoder()
	require.NoError(t, err)
	track := libraryTrack{kind: description.MediaTypeVideo, format: f, ticks: frameTicks}
	for _, unit := range temporalUnits(t, file) {
		packets, err := coder.Encode(unit)
		require.NoError(t, err)
		track.packets = append(track.packets, packets)
	}
	return track.publish(t, url)
}

// temporalUnits returns the OBUs of each temporal unit of a file of 25 pictures a second.
func temporalUnits(t *testing.T, file string) (units [][][]byte) {
	t.Helper()
	ivf := filepath.Join(t.TempDir(), "source.ivf")
	tool(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-c", "copy", "-f", "ivf", ivf)
	b, err := os.ReadFile(ivf)
	require.NoError(t, err)
	for b = b[32:]; len(b) > 0; { // after the header of the file
		const head = 12 // size and time of a unit
		size := int(endian.LittleEndian.Uint32(b))
		var list av1.Bitstream
		require.NoError(t, list.Unmarshal(b[head:head+size]))
		units, b = append(units, list), b[head+size:]
	}
	return units
}

func publishAC3(t *testing.T, file, url string) sender {
	t.Helper()
	f := &format.AC3{PayloadTyp: 96, SampleRate: rateOfSound(t, file), ChannelCount: 6}
	coder, err := f.CreateEncoder()
	require.NoError(t, err)
	track := libraryTrack{kind: description.MediaTypeAudio, format: f, ticks: 1536}
	for _, frame := range soundOf(t, file) {
		packets, err := coder.Encode([][]byte{frame})
		require.NoError(t, err)
		track.packets = append(track.packets, packets)
	}
	return track.publish(t, url)
}

// publishOpus sends Opus of six channels as multiopus.
func publishOpus(t *testing.T, file, url string) sender {
	t.Helper()
	f := &format.Opus{PayloadTyp: 96, ChannelCount: 6}
	coder, err := f.CreateEncoder()
	require.NoError(t, err)
	track := libraryTrack{kind: description.MediaTypeAudio, format: f, ticks: 960}
	for _, packet := range soundOf(t, file) {
		p, err := coder.Encode(packet)
		require.NoError(t, err)
		track.packets = append(track.packets, []*rtp.Packet{p})
	}
	return track.publish(t, url)
}

// publishEAC3 packs the access units by RFC 4598, 4, which gortsplib cannot.
func publishEAC3(t *testing.T, file, url string) sender {
	t.Helper()
	f := &format.Generic{PayloadTyp: 96, RTPMa: fmt.Sprintf("eac3/%d/6", rateOfSound(t, file))}
	require.NoError(t, f.Init())
	track, seq := libraryTrack{kind: description.MediaTypeAudio, format: f, ticks: 1536}, uint16(0)
	for _, unit := range soundOf(t, file) {
		const mtu = 1400
		var packets []*rtp.Packet
		header := []byte{0, 1} // one access unit
		if len(unit) > mtu {
			header = []byte{1, byte((len(unit) + mtu - 1) / mtu)} // fragments of one
		}
		for len(unit) > 0 {
			n := min(len(unit), mtu)
			packets = append(packets, &rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Marker: n == len(unit)},
				Payload: append(header[:2:2], unit[:n]...),
			})
			unit, seq = unit[n:], seq+1
		}
		track.packets = append(track.packets, packets)
	}
	return track.publish(t, url)
}

// publishADTS sends AAC as some cameras do: an ADTS header (ISO/IEC 14496-3, 1.A.2) before each frame.
func publishADTS(t *testing.T, file, url string) sender {
	t.Helper()
	return publishHeaded(t, file, url, map[string]string{"config": "1190"})
}

// publishHeaded sends AAC with ADTS headers. The session description has the parameters of RFC 3640 and those given.
func publishHeaded(t *testing.T, file, url string, parameters map[string]string) sender {
	t.Helper()
	said := map[string]string{"mode": "AAC-hbr", "sizelength": "13", "indexlength": "3", "indexdeltalength": "3"}
	maps.Copy(said, parameters)
	f := &format.Generic{PayloadTyp: 96, RTPMa: "mpeg4-generic/48000/2", FMT: said}
	require.NoError(t, f.Init())
	track := libraryTrack{kind: description.MediaTypeAudio, format: f, ticks: 1024}
	for i, frame := range soundOf(t, file) {
		n := 7 + len(frame)
		head := []byte{0, 16, byte(n >> 5), byte(n << 3)}                                          // of one access unit (RFC 3640, 3.2.1)
		head = append(head, 0xff, 0xf1, 0x4c, byte(0x80|n>>11), byte(n>>3), byte(n<<5|0x1f), 0xfc) // LC, 48 kHz, stereo
		track.packets = append(track.packets, []*rtp.Packet{{
			Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(i), Marker: true},
			Payload: append(head, frame...),
		}})
	}
	return track.publish(t, url)
}

// soundOf returns the frames of sound of an MP4 file.
func soundOf(t *testing.T, file string) (frames [][]byte) {
	t.Helper()
	for _, s := range samplesOfTrack(t, file, "a") {
		frames = append(frames, s.data)
	}
	return frames
}

// rateOfSound returns the sample rate of the sound of a file, Hz.
func rateOfSound(t *testing.T, file string) (rate int) {
	t.Helper()
	text := tool(t, "ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=sample_rate", "-of", "compact=p=0:nk=1", file)
	_, err := fmt.Sscan(text, &rate)
	require.NoError(t, err, text)
	return rate
}
