package stages

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

var ofCamera = CameraEventsConfig{
	Topic: "Motion", Items: []string{"IsMotion", "State"}, Hold: config.Duration(3 * time.Second), Longest: config.Duration(20 * time.Second), Name: "motion",
}

// notified is a document of ONVIF metadata that a camera sends.
type notified struct {
	at              float64 // s
	topic, rule     string
	item, operation string
	value           string
}

func (n notified) document() []byte {
	return fmt.Appendf(nil, `<MetadataStream><Event><NotificationMessage><Topic>%s</Topic><Message><Message PropertyOperation="%s">`+
		`<Source><SimpleItem Name="Rule" Value="%s"/></Source><Data><SimpleItem Name="%s" Value="%s"/></Data>`+
		`</Message></Message></NotificationMessage></Event></MetadataStream>`, n.topic, n.operation, n.rule, n.item, n.value)
}

// state returns a document with a state of cell motion detection.
func state(at float64, rule, value string) notified {
	return notified{at, "tns1:RuleEngine/CellMotionDetector/Motion", rule, "IsMotion", "Changed", value}
}

// raisedBy returns the events that the stage camera_events raises for pictures of some seconds with documents beside them.
// Another track set begins at newTracks, s, if that is not 0.
func raisedBy(t *testing.T, cfg CameraEventsConfig, length, newTracks int, documents ...notified) (events []media.Raised) {
	t.Helper()
	pool := pipelinetest.Pool(t)
	o := &cameraEvents{cfg: cfg, pool: pool, set: pipeline.Settings{Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}, states: map[string]int64{}}
	b := media.NewBuilder(pool, media.BuilderConfig{}, func(c *media.Chunk) {
		require.NoError(t, o.Process(t.Context(), c, func(c *media.Chunk) error {
			if c.Mark != nil {
				require.Equal(t, media.MarkRaised, c.Mark.Kind)
				events = append(events, *c.Mark.Raised)
			}
			c.Release()
			return nil
		}))
	})
	tracks := func(generation uint64) {
		set, err := media.NewTrackSet(generation, []media.Track{pipelinetest.AVC(640, 360), {Codec: codec.ONVIF, Timescale: 90000}})
		require.NoError(t, err)
		b.SetTracks(set)
	}
	tracks(1)
	for i := range length * 25 {
		if newTracks > 0 && i == newTracks*25 {
			b.Flush()
			tracks(2)
		}
		add := func(track int, at float64, sync bool, payload []byte) {
			ns := int64(at * 1e9)
			require.NoError(t, b.Append(track, &media.AU{
				DTS: int64(at * 90000), PTS: int64(at * 90000), UTC: pipelinetest.StartUTC + ns, MonoNS: ns, Sync: sync, Payload: [][]byte{payload},
			}))
		}
		now := float64(i) / 25
		add(0, now, i%25 == 0, []byte{0x65, 1, 2})
		for _, n := range documents {
			if n.at >= now && n.at < now+0.04 {
				add(1, n.at, true, n.document())
			}
		}
	}
	b.Flush()
	return events
}

func secondsOfEvents(events []media.Raised) (at []float64) {
	for _, e := range events {
		at = append(at, sinceStart(e.AtUTC))
	}
	return at
}

// An event begins with the notification that a state is on, and ends with the one that it is off.
func TestAStateOfTheCameraIsAnEvent(t *testing.T) {
	events := raisedBy(t, ofCamera, 20, 0, state(1, "a", "false"), state(5.2, "a", "true"), state(8.6, "a", "false"))
	require.NotEmpty(t, events)
	at := secondsOfEvents(events)
	require.InDelta(t, 5.2, at[0], 0.001)
	require.InDelta(t, 8.6, at[len(at)-1], 0.001)
	for i, e := range events {
		require.Equal(t, events[0].ID, e.ID, "one state is one event")
		require.Equal(t, "motion", e.Name)
		require.JSONEq(t, `{"topic": "tns1:RuleEngine/CellMotionDetector/Motion"}`, string(e.Data))
		if i > 0 {
			require.LessOrEqual(t, at[i]-at[i-1], 2.1, "it is extended with each chunk")
		}
	}
}

func TestStatesOfSeveralRules(t *testing.T) {
	events := raisedBy(t, ofCamera, 20, 0, state(2, "a", "1"), state(3, "b", "1"), state(4, "a", "0"), state(7, "b", "0"))
	at := secondsOfEvents(events)
	require.InDelta(t, 7, at[len(at)-1], 0.001, "until the last rule is off")
	require.Equal(t, events[0].ID, events[len(events)-1].ID)

	again := raisedBy(t, ofCamera, 30, 0, state(2, "a", "1"), state(3, "a", "0"), state(20, "a", "1"), state(21, "a", "0"))
	require.NotEqual(t, again[0].ID, again[len(again)-1].ID, "a state that returns after hold is another event")
}

func TestNotificationsThatAreNoEvent(t *testing.T) {
	for name, n := range map[string]notified{
		"another topic":      {5, "tns1:Device/Trigger/DigitalInput", "", "State", "Changed", "true"},
		"another item":       {5, "tns1:RuleEngine/CellMotionDetector/Motion", "", "Areas", "Changed", "1"},
		"off from the start": state(5, "a", "false"),
		"deleted":            {5, "tns1:RuleEngine/CellMotionDetector/Motion", "", "IsMotion", "Deleted", "true"},
	} {
		require.Empty(t, raisedBy(t, ofCamera, 10, 0, n), name)
	}
	any := ofCamera
	any.Topic, any.Items = "", []string{"LogicalState"}
	require.NotEmpty(t, raisedBy(t, any, 10, 0, notified{5, "tns1:Device/Trigger/DigitalInput", "", "LogicalState", "Changed", "true"}), "a topic of the operator's choice")
}

// A state without its end lasts until longest, or until the camera begins anew.
func TestAStateWithoutItsEnd(t *testing.T) {
	at := secondsOfEvents(raisedBy(t, ofCamera, 60, 0, state(5, "a", "true")))
	require.InDelta(t, 25, at[len(at)-1], 2)
	at = secondsOfEvents(raisedBy(t, ofCamera, 60, 10, state(5, "a", "true")))
	require.InDelta(t, 10, at[len(at)-1], 2)
}

// Damaged documents, and more states than a camera has, do no harm.
func TestHostileMetadata(t *testing.T) {
	damaged := state(2, "a", "true")
	damaged.value = `"><`
	var many []notified
	for i := range 2 * maxCameraStates {
		many = append(many, state(3+float64(i)/200, fmt.Sprint(i), "true"))
	}
	events := raisedBy(t, ofCamera, 12, 0, append([]notified{damaged}, many...)...)
	require.InDelta(t, 3, sinceStart(events[0].AtUTC), 1)
}

func TestCameraEventSettingsThatCannotWork(t *testing.T) {
	require.NoError(t, ofCamera.Validate())
	for want, spoil := range map[string]func(*CameraEventsConfig){
		"items: at least one name is needed": func(c *CameraEventsConfig) { c.Items = nil },
		"hold: it must be longer than 0":     func(c *CameraEventsConfig) { c.Hold = 0 },
		"longest: it must be longer than 0":  func(c *CameraEventsConfig) { c.Longest = 0 },
	} {
		c := ofCamera
		spoil(&c)
		require.EqualError(t, c.Validate(), want)
	}
}
