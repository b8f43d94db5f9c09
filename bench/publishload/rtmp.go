package publishload

import (
	"context"
	"io"
	"net/url"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/gospool/spool/bench/movie"
)

// rtmpStream is the message stream on which gortmplib publishes.
const rtmpStream = 0x1000000

// rtmpConn publishes by RTMP.
type rtmpConn struct {
	pictures []message.Video // of the clip, without times
	fps      int64
	count    *counters
	client   *gortmplib.Client
	stop     func() bool // ends the watch over the context
}

// rtmpDialer makes the messages of a clip.
func rtmpDialer(l *Load) (dial, error) {
	pictures := make([]message.Video, len(l.Clip.Units))
	for i := range pictures {
		unit := &l.Clip.Units[i]
		avcc, err := h264.AVCC(unit.NALs).Marshal()
		if err != nil {
			return nil, err
		}
		pictures[i] = message.Video{
			ChunkStreamID: message.VideoChunkStreamID, MessageStreamID: rtmpStream, Codec: message.CodecH264,
			Type: message.VideoTypeAU, IsKeyFrame: unit.IDR, AU: avcc,
		}
	}
	tracks := []*gortmplib.Track{{Codec: &codecs.H264{SPS: l.Clip.SPS, PPS: l.Clip.PPS}}}
	if l.Sound {
		config := soundConfig()
		tracks = append(tracks, &gortmplib.Track{Codec: &codecs.MPEG4Audio{Config: &config}})
	}
	return func(ctx context.Context, address string, _ int) (connection, error) {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		c := &rtmpConn{pictures: pictures, fps: int64(l.Clip.FPS), count: &l.count, client: &gortmplib.Client{URL: u, Publish: true}}
		if err := c.client.Initialize(ctx); err != nil {
			return nil, err
		}
		// A server that does not read any longer must not keep the publisher for ever.
		c.stop = context.AfterFunc(ctx, func() { _ = c.client.NetConn().SetWriteDeadline(time.Now().Add(drainWithin)) })
		if err := (&gortmplib.Writer{Conn: c.client, Tracks: tracks}).Initialize(); err != nil {
			c.close()
			return nil, err
		}
		return c, nil
	}, nil
}

func (c *rtmpConn) picture(_ context.Context, n int64) (ok bool, err error) {
	msg := c.pictures[n%int64(len(c.pictures))]
	msg.DTS = time.Duration(n) * time.Second / time.Duration(c.fps)
	return c.sent(c.client.Write(&msg), len(msg.AU))
}

// sound sends each frame as a message of its own.
func (c *rtmpConn) sound(_ context.Context, frames [][]byte, first int64) (ok bool, err error) {
	for i, frame := range frames {
		at := time.Duration(first+int64(i)*movie.AudioStep) * time.Second / movie.AudioScale
		err = c.client.Write(&message.Audio{
			ChunkStreamID: message.AudioChunkStreamID, MessageStreamID: rtmpStream, Codec: message.CodecMPEG4Audio,
			Rate: message.AudioRate44100, Depth: message.AudioDepth16, IsStereo: true, AACType: message.AudioAACTypeAU, AU: frame, DTS: at,
		})
		if ok, err := c.sent(err, len(frame)); !ok {
			return false, err
		}
	}
	return true, nil
}

// sent counts a message, if it was sent.
func (c *rtmpConn) sent(err error, size int) (bool, error) {
	if err != nil {
		return false, err
	}
	c.count.packets.Add(1)
	c.count.bytes.Add(int64(size))
	return true, nil
}

// finish sends the end of the stream, and waits until the server has closed its side: it has read all then. Without that,
// the kernel would answer the server's last messages with a reset, and the server would lose what it has not read yet.
func (c *rtmpConn) finish() error {
	nc := c.client.NetConn()
	if t, ok := nc.(interface{ CloseWrite() error }); ok && t.CloseWrite() == nil {
		_ = nc.SetReadDeadline(time.Now().Add(drainWithin))
		_, _ = io.Copy(io.Discard, nc)
	}
	return nil
}

func (c *rtmpConn) close() {
	c.stop()
	c.client.Close()
}
