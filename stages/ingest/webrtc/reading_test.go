package webrtc

import (
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/g711"
	"github.com/pion/rtp/codecs"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

const (
	video = pion.RTPCodecTypeVideo
	audio = pion.RTPCodecTypeAudio
)

// packetsOf returns a channel of the payloads that the client receives of a kind.
func (c *client) packetsOf(kind pion.RTPCodecType) <-chan []byte {
	out := make(chan []byte, 1000)
	c.pc.OnTrack(func(t *pion.TrackRemote, _ *pion.RTPReceiver) {
		if t.Kind() != kind {
			return
		}
		for {
			p, _, err := t.ReadRTP()
			if err != nil {
				return
			}
			out <- p.Payload
		}
	})
	return out
}

// A client gets the pictures as they came, with the parameter sets before a key frame, and no sound that it cannot play.
func TestAClientPlays(t *testing.T) {
	f := newFixture(t)
	avc := pipelinetest.AVC(640, 360)
	shooting := f.camera(avc, pipelinetest.AAC())
	for range 5 {
		shooting.picture(0)
	}
	c := f.client()
	c.receives(video, audio)
	payloads := c.packetsOf(video)
	res := c.offer("/whep/" + path)
	require.Equal(t, http.StatusCreated, res.StatusCode, res.text)
	require.Equal(t, "no sound: AAC", res.Header.Get("Left-Out"))
	require.Contains(t, res.text, "a=x-left-out:no sound: AAC\r\n")
	require.Equal(t, sdpType, res.Header.Get("Content-Type"))
	require.Equal(t, fragmentType, res.Header.Get("Accept-Patch"))
	c.until(pion.PeerConnectionStateConnected)
	list := f.server.Connections()
	require.Len(t, list, 1)
	require.Equal(t, media.ConnectionReading, list[0].State)
	require.Equal(t, path, list[0].Path)

	var depacketizer codecs.H264Packet
	var nals [][]byte
	for len(nals) < 12 { // 5 pictures of the GOP, 5 further ones, and the parameter sets
		if len(nals) == 7 {
			for range 5 {
				shooting.picture(0)
			}
		}
		data, err := depacketizer.Unmarshal(<-payloads)
		require.NoError(t, err)
		if len(data) > 0 {
			nals = append(nals, data[4:])
		}
	}
	require.Equal(t, avc.ParameterSets, nals[:2])
	for i, nal := range nals[2:] {
		require.Equal(t, byte(i)|0x80, nal[1], "picture %d", i)
		require.Len(t, nal, 3001)
	}

	require.Equal(t, http.StatusOK, f.ask(http.MethodDelete, res.Header.Get("Location"), "", "").StatusCode)
	f.ended("the client has left")
	require.Equal(t, http.StatusNotFound, f.ask(http.MethodDelete, res.Header.Get("Location"), "", "").StatusCode)
}

func TestWhatCannotBePlayed(t *testing.T) {
	f := newFixture(t, func(_ *Settings, d *ingest.ServerDeps) { d.Readers.Max = 1 })
	offer := func(kinds ...pion.RTPCodecType) response {
		c := f.client()
		c.receives(kinds...)
		return c.offer("/whep/" + path)
	}
	res := offer(video)
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	require.Contains(t, res.text, "not live")
	shooting := f.camera(pipelinetest.AVC(640, 360), pipelinetest.AAC())
	shooting.picture(0)
	for range 5 {
		shooting.picture(1)
	}
	res = offer(audio)
	require.Equal(t, http.StatusUnsupportedMediaType, res.StatusCode)
	require.Contains(t, res.text, "no picture: H.264; no sound: AAC")
	require.Equal(t, http.StatusCreated, offer(video).StatusCode, "pictures may be shown late, but in order")
	res = offer(video)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Contains(t, res.text, "egress.max_readers")
	require.Equal(t, uint64(3), f.server.Counts().Readers-1, "one is counted by the table, too")
}

// Browsers show pictures in the order in which they come. So a stream with B-frames is refused, and a session ends when the first comes.
func TestBFramesAreNotPlayed(t *testing.T) {
	f := newFixture(t)
	shooting := f.camera(pipelinetest.AVC(640, 360))
	for range 6 {
		shooting.picture(0)
	}
	c := f.client()
	c.receives(video)
	require.Equal(t, http.StatusCreated, c.offer("/whep/"+path).StatusCode)
	c.until(pion.PeerConnectionStateConnected)
	shooting.picture(3)
	shooting.picture(0)
	f.ended("B-frames")
	for range 4 {
		shooting.picture(0)
	}
	shooting.picture(3)
	shooting.picture(0)
	again := f.client()
	again.receives(video)
	res := again.offer("/whep/" + path)
	require.Equal(t, http.StatusUnsupportedMediaType, res.StatusCode)
	require.Contains(t, res.text, "B-frames")
}

// LPCM that was G.711 is sent as G.711 again: each sample is that of before.
func TestG711IsPlayed(t *testing.T) {
	f := newFixture(t)
	format := codec.LPCMFormat{Bits: 16, LittleEndian: true}
	shooting := f.camera(media.Track{Codec: codec.LPCM, Timescale: 8000, SampleRate: 8000, Channels: 1, ParameterSets: [][]byte{format.Set()}})
	c := f.client()
	c.receives(audio)
	payloads := c.packetsOf(audio)
	code := make([]byte, 256)
	for i := range code {
		code[i] = byte(i)
	}
	code[0x7f] = 0xff // the two zeros of mu-law are one in LPCM
	var samples g711.Mulaw
	samples.Unmarshal(code)
	little := make([]byte, 0, len(samples))
	for i := 0; i < len(samples); i += 2 {
		little = binary.LittleEndian.AppendUint16(little, binary.BigEndian.Uint16(samples[i:]))
	}
	shooting.write(0, 0, 0, true, little)
	res := c.offer("/whep/" + path)
	require.Equal(t, http.StatusCreated, res.StatusCode, res.text)
	require.Contains(t, res.text, "PCMU/8000")
	require.False(t, strings.Contains(res.text, "opus"))
	require.Equal(t, code, <-payloads)
}

// gate serves no stream but live/a, and counts its clients.
type gate struct{ inside atomic.Int32 }

func (g *gate) Serves(_, of string) error {
	if of != path {
		return &egress.NotServedError{Reason: "no pipeline serves it"}
	}
	return nil
}

func (g *gate) Enter(output, of string) (func(), error) {
	if output != "webrtc" {
		return nil, errors.New("another output")
	}
	g.inside.Add(1)
	return func() { g.inside.Add(-1) }, nil
}

// A stream is played as far as a pipeline serves it, and a client counts for it until it leaves.
func TestAStreamIsPlayedByItsPipeline(t *testing.T) {
	var g gate
	f := newFixture(t, func(_ *Settings, d *ingest.ServerDeps) { d.Readers.Gate = &g })
	shooting := f.camera(pipelinetest.AVC(640, 360))
	for range 6 {
		shooting.picture(0)
	}
	other, err := f.hub.Publish("live/b", hub.PublishOptions{Origin: "test"})
	require.NoError(t, err)
	defer other.Close(endcause.SourceLost)
	c := f.client()
	c.receives(video)
	require.Equal(t, http.StatusCreated, c.offer("/whep/"+path).StatusCode)
	require.Equal(t, int32(1), g.inside.Load())
	again := f.client()
	again.receives(audio)
	require.Equal(t, http.StatusUnsupportedMediaType, again.offer("/whep/"+path).StatusCode)
	require.Equal(t, int32(1), g.inside.Load())
	res := f.ask(http.MethodPost, "/whep/live/b", sdpType, again.pc.LocalDescription().SDP)
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	require.Contains(t, res.text, "no pipeline serves it")
	require.Equal(t, http.StatusOK, f.ask(http.MethodDelete, c.res.Header.Get("Location"), "", "").StatusCode)
	f.ended("the client has left")
	require.Zero(t, g.inside.Load())
}
