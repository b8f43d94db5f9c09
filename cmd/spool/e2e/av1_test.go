package e2e

import (
	"context"
	endian "encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/stretchr/testify/require"
)

// av1Publisher sends the temporal units of a file over RTSP in real time, which ffmpeg 5.1 cannot.
type av1Publisher struct {
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

func publishAV1(t *testing.T, file, url string) sender {
	t.Helper()
	units := temporalUnits(t, file)
	ctx, stop := context.WithCancel(t.Context())
	p := &av1Publisher{t: t, stop: stop, done: make(chan error, 1)}
	go func() { p.done <- sendAV1(ctx, units, url); close(p.done) }()
	t.Cleanup(p.kill)
	return p
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

func sendAV1(ctx context.Context, units [][][]byte, url string) error {
	f, tcp := &format.AV1{PayloadTyp: 96}, gortsplib.ProtocolTCP
	coder, err := f.CreateEncoder()
	if err != nil {
		return err
	}
	m := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f}}
	client := &gortsplib.Client{Protocol: &tcp, WriteQueueSize: 1024}
	if err := client.StartRecording(url, &description.Session{Medias: []*description.Media{m}}); err != nil {
		return err
	}
	defer client.Close()
	pace := time.NewTicker(time.Second / 25)
	defer pace.Stop()
	for i, unit := range units {
		packets, err := coder.Encode(unit)
		if err != nil {
			return err
		}
		for _, p := range packets {
			p.Timestamp = uint32(i * frameTicks)
			if err := client.WritePacketRTP(m, p); err != nil {
				return err
			}
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (p *av1Publisher) kill() {
	p.stop()
	<-p.done
}

func (p *av1Publisher) finish() {
	p.t.Helper()
	select {
	case err := <-p.done:
		require.NoError(p.t, err)
	case <-time.After(patience):
		require.Fail(p.t, "the publisher does not end")
	}
}
