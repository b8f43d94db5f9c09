package egress_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/egress"
)

func TestTheGateAdmitsByThePipelineOfTheStream(t *testing.T) {
	_, h := newReaders(t, 0)
	publish(t, h, "live/a")
	publish(t, h, "live/b")
	hour := config.Duration(time.Hour)
	gate := egress.NewGate(func(path string) (egress.Offer, error) {
		if path != "live/a" {
			return egress.Offer{}, &egress.NotServedError{Reason: "no pipeline"}
		}
		return egress.Offer{Pipeline: "p", LiveConfig: egress.LiveConfig{Window: hour, Outputs: []string{"hls", "rtsp"}, MaxReaders: 1}}, nil
	})
	readers := egress.NewReaders(h, gate, 9, slog.New(slog.DiscardHandler), pipeline.SystemClock)
	var not *egress.NotServedError
	_, err := readers.Admit(request("hls", "live/b"))
	require.ErrorAs(t, err, &not)
	_, err = readers.Admit(request("fmp4", "live/a"))
	require.ErrorAs(t, err, &not)
	require.Equal(t, "pipeline p serves this stream by hls, rtsp, not by fmp4", not.Error())

	a, err := readers.Admit(request("hls", "live/a"))
	require.NoError(t, err)
	require.Equal(t, hour, a.Offer.Window)
	_, err = readers.Admit(request("hls", "live/a"))
	require.ErrorIs(t, err, egress.ErrFull)
	leave, err := gate.Enter("rtsp", "live/a")
	require.NoError(t, err, "each output has a number of its own")
	leave()
	a.Close()
	a.Close()
	a, err = readers.Admit(request("hls", "live/a"))
	require.NoError(t, err)
	a.Close()

	var open *egress.Gate
	require.NoError(t, open.Serves("hls", "live/b"))

}
