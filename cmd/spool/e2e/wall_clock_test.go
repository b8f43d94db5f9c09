package e2e

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/require"
)

// With wall_clock: sender a recording begins at the time of the sender's report. With auto, and if the sender's clock is
// wrong, it begins at the time of arrival, and the status reports a wrong clock.
func TestTheSenderDatesItsRecordings(t *testing.T) {
	t.Parallel()
	r := serve(t, "ingest: {wall_clock: sender}\nstreams: {live/auto: {wall_clock: auto}, live/sender: {}, live/wrong: {}}")
	r.expect("the sender's clock is wrong")
	c := h264(t, "dated", "320x180", "2", "25")
	for stream, behind := range map[string]time.Duration{"live/auto": 20 * time.Second, "live/sender": 20 * time.Second, "live/wrong": time.Hour} {
		r.start(stream, "?wait=true")
		began := time.Now()
		said := began.Add(-behind)
		cam := newCamera(t, r.rtsp+"/"+stream, c)
		for _, f := range cam.lib.Stats().Session.Medias[cam.media].Formats {
			ntp := uint64(said.Unix()+2208988800)<<32 | uint64(said.Nanosecond())<<32/1e9 // RFC 5905, 6
			require.NoError(t, cam.lib.WritePacketRTCP(cam.media, &rtcp.SenderReport{SSRC: f.LocalSSRC, NTPTime: ntp}))
		}
		cam.send(c.Units, 0)
		cam.arrived(r, stream, len(c.Units)-1)
		problems := answer[wrong](r, "GET", "/mp4/status/"+stream).Problems
		cam.close()
		rec := r.awaitRecords(stream, 1)[0]
		switch stream {
		case "live/sender":
			require.Empty(t, problems)
			require.WithinDuration(t, said, rec.Start, time.Millisecond)
			require.WithinDuration(t, said.Add(2*time.Second), rec.End, time.Millisecond)
		case "live/wrong":
			require.Len(t, problems, 1)
			require.Equal(t, "sender_clock", problems[0].Problem)
			fallthrough
		case "live/auto":
			require.False(t, rec.Start.Before(began), "%s: %v", stream, rec.Start)
		}
	}
}
