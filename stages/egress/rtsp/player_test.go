package rtsp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/jpeg"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/egress/egresstest"
	"github.com/gospool/spool/stages/egress/rtp"
	"github.com/gospool/spool/stages/hub"
)

var errEnough = errors.New("enough")

// once takes the first packets, and then gives the client up.
type once struct{}

func (once) Send(*rtp.Frames) error { return errEnough }

// A picture that RTP cannot carry is counted for the client that does not get it.
func TestAUnitThatIsLeftOutIsCounted(t *testing.T) {
	h := egresstest.New(t).Hub
	pub, err := h.Publish(egresstest.Path, hub.PublishOptions{Origin: "test"})
	require.NoError(t, err)
	tracks := []media.Track{{Codec: codec.MJPEG, Timescale: 90000, Width: 320, Height: 176}}
	require.NoError(t, pub.SetTracks(tracks))
	units, err := h.Read(egresstest.Path, live.Options{})
	require.NoError(t, err)
	defer units.Close()
	head := jpeg.Header{Width: 320, Height: 176, Quantization: [2][]byte{make([]byte, 64)}}
	for i, picture := range [][]byte{[]byte("\xff\xd8no JPEG"), append(head.Append(nil), 1)} {
		require.NoError(t, pub.Write(0, &media.AU{DTS: int64(i) * 3600, PTS: int64(i) * 3600, UTC: egresstest.StartUTC, Sync: true, Payload: [][]byte{picture}}))
	}
	set, err := media.NewTrackSet(1, tracks)
	require.NoError(t, err)
	d, err := Describe(set, egresstest.Path)
	require.NoError(t, err)
	table := clients.New("rtsp", clients.Limits{}, slog.New(slog.DiscardHandler), pipeline.SystemClock)
	client := table.Admit(&net.TCPAddr{}, false, func() {})
	p := NewPlayer(d, client, []Track{{Section: d.Session.Medias[0], SSRC: 1}})
	require.ErrorIs(t, p.Run(context.Background(), units, once{}), errEnough)
	require.EqualValues(t, 1, table.List()[0].Skipped)
}
