package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A camera that reports motion in its metadata, from the fourth second to the seventh, is recorded from before the motion
// until after it, with the metadata.
func TestTheMotionThatACameraReportsIsRecorded(t *testing.T) {
	t.Parallel()
	reports := onvif
	reports.unit = func(i, _ int) []byte { // five a second
		moves := i >= 20 && i < 35
		return fmt.Appendf(nil, `<?xml version="1.0"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2">`+
			`<tt:Event><wsnt:NotificationMessage><wsnt:Topic>tns1:VideoSource/MotionAlarm</wsnt:Topic><wsnt:Message><tt:Message PropertyOperation="Changed">`+
			`<tt:Source><tt:SimpleItem Name="Source" Value="1"/></tt:Source><tt:Data><tt:SimpleItem Name="State" Value="%v"/></tt:Data>`+
			`</tt:Message></wsnt:Message></wsnt:NotificationMessage></tt:Event></tt:MetadataStream>`, moves)
	}
	source := clip(t, "camera-events.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=14", "-c:v", "libx264", "-preset", "veryfast",
		"-bf", "0", "-g", "25", "-pix_fmt", "yuv420p")
	r := serve(t, "pipelines: {clips: {streams: [live/a], record: event, "+
		"stages: [source, camera_events: {hold: 1s}, gop_ring: {before: 1s, after: 1s}, segmenter, mp4, metadata]}}")
	r.expect("nothing of the track comes any more", "the stream is silent", "the sender's clock runs at a wrong rate") // a busy machine sends late
	p := reports.publish(t, source, r.rtsp+"/live/a")
	rec := r.awaitRecords("live/a", 1)[0]
	p.finish()
	require.Equal(t, "finished event_end", rec.State+" "+rec.EndReason)
	events := answer[struct{ Events []struct{ Name string } }](r, "GET", "/mp4/events?stream=live/a").Events
	require.Len(t, events, 1)
	require.Equal(t, "motion", events[0].Name)

	file := r.path(rec.File)
	m := same(t, file, source, "v")
	begin, length := time.Duration(m.from)*time.Second/25, time.Duration(m.count)*time.Second/25
	require.InDelta(t, 3, begin.Seconds(), 1, "a second before the motion, at a key frame")
	require.InDelta(t, 8, (begin + length).Seconds(), 1.5, "a second after it")
	require.NotEmpty(t, probe(t, file, "d").packets)
	decodes(t, file)
}
