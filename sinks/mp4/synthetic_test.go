package mp4

import (
	"cmp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// synthetic makes chunks of video (with offsets as of B-frames) and audio that no decoder accepts,
// in any number and size.
type synthetic struct {
	fps, gop      int
	picture       int // bytes of a frame of video
	sound         bool
	frame         int // bytes of a frame of audio; 0: 380
	flush         time.Duration
	chunks        int
	constantFrame bool  // no composition offsets
	take          int64 // number of the take of the scene: each has its own payloads
	maxBytes      int   // of a chunk
}

func (y synthetic) make(t testing.TB, pool *media.Pool) (*media.TrackSet, []*media.Chunk) {
	t.Helper()
	tracks := []media.Track{{
		Codec: codec.H264, Timescale: 90000, Width: 640, Height: 360,
		ParameterSets: [][]byte{testSPS, testPPS},
	}}
	if y.sound {
		tracks = append(tracks, media.Track{
			Codec: codec.AAC, Timescale: 48000, SampleRate: 48000, Channels: 2, FrameDurationTicks: 1024,
			ParameterSets: [][]byte{{0x11, 0x90}},
		})
	}
	set, err := media.NewTrackSet(1, tracks)
	require.NoError(t, err)
	var out []*media.Chunk
	b := media.NewBuilder(pool, media.BuilderConfig{Flush: y.flush, MaxBytes: y.maxBytes}, func(c *media.Chunk) { out = append(out, c) })
	b.SetTracks(set)
	payload, frame := make([]byte, y.picture), make([]byte, cmp.Or(y.frame, 380))
	sound := int64(0)
	for i := int64(0); len(out) < y.chunks; i++ {
		dts := i * 90000 / int64(y.fps)
		offset := int64(0)
		if !y.constantFrame {
			offset = (i*7%3 + 1) * 90000 / int64(y.fps)
		}
		ns := media.ToNanos(dts, 90000)
		for y.sound && media.ToNanos(sound, 48000) <= ns {
			at := media.ToNanos(sound, 48000)
			fill(frame, y.take<<28+sound)
			require.NoError(t, appendIgnoringWait(b, 1, &media.AU{DTS: sound, PTS: sound, MonoNS: at, UTC: start.UnixNano() + at, Payload: [][]byte{frame}}))
			sound += 1024
		}
		fill(payload, y.take<<28+i)
		require.NoError(t, b.Append(0, &media.AU{
			DTS: dts, PTS: dts + offset, MonoNS: ns, UTC: start.UnixNano() + ns,
			Sync: i%int64(y.gop) == 0, Framed: true, Payload: [][]byte{payload},
		}))
	}
	b.Flush()
	return set, out
}

// fill makes a unique payload without zero bytes.
func fill(b []byte, i int64) {
	for k := range b {
		b[k] = byte(i>>(k%5*7)) ^ byte(k) | 0x80
	}
}

func appendIgnoringWait(b *media.Builder, track int, au *media.AU) error {
	err := b.Append(track, au)
	if err == media.ErrNoKeyFrame {
		return nil
	}
	return err
}

// testSPS and testPPS are of a 640x360 High profile stream by x264.
var (
	testSPS = []byte{0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x61, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2d, 0x96}
	testPPS = []byte{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0}
)
