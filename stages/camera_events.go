package stages

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/onvif"
)

// CameraEventsConfig holds the settings of the stage camera_events: which states of the camera are an event.
type CameraEventsConfig struct {
	Topic   string          `yaml:"topic" reaches:"nothing" doc:"part of the topic that an event must have; empty: any topic"`
	Items   []string        `yaml:"items" reaches:"nothing" doc:"names of the items that are true while the event lasts"`
	Hold    config.Duration `yaml:"hold" takes:"nothing" doc:"a state that returns within this time belongs to the same event"`
	Longest config.Duration `yaml:"longest" takes:"nothing" doc:"time after which a state has ended if the camera sent no more about it"`
	Name    string          `yaml:"name" reaches:"nothing" doc:"name of the events"`
	Protect bool            `yaml:"protect" reaches:"protection" doc:"protect the files from deletion"`
}

// Validate refuses settings with which nothing would be an event.
func (c CameraEventsConfig) Validate() error {
	switch {
	case len(c.Items) == 0:
		return errors.New("items: at least one name is needed")
	case c.Hold <= 0:
		return errors.New("hold: it must be longer than 0")
	case c.Longest <= 0:
		return errors.New("longest: it must be longer than 0")
	}
	return nil
}

func init() {
	pipeline.RegisterTransform("camera_events", CameraEventsConfig{
		Topic: "Motion", Items: []string{"IsMotion", "State"},
		Hold: config.Duration(5 * time.Second), Longest: config.Duration(10 * time.Minute), Name: "motion",
	}, "Raises an event when the camera says so in its ONVIF metadata: motion by default, or any rule of the camera's analytics. "+
		"The camera must send its metadata beside the pictures. Place it before gop_ring.", newCameraEvents,
		pipeline.RaisesEvents)
}

// cameraEvents raises events from the notifications in ONVIF metadata. A camera sends a notification when a state begins
// and when it ends, so the stage keeps the states that are on, and extends the event while one is.
type cameraEvents struct {
	cfg  CameraEventsConfig
	set  pipeline.Settings
	pool *media.Pool

	of       *media.TrackSet
	mediaNS  int64            // duration of the chunks since the beginning
	states   map[string]int64 // states that are on, with mediaNS of their newest notification
	document []byte
	bad      uint64 // documents that could not be read

	wall     wallClock
	event    media.ID // the present event
	untilUTC int64    // end of the present event: a later state begins another event
}

// maxCameraStates bounds the states that are on at once: a camera has some tens of rules.
const maxCameraStates = 256

func newCameraEvents(set pipeline.Settings, cfg CameraEventsConfig) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	return &cameraEvents{cfg: cfg, set: set, pool: pool, states: map[string]int64{}}, nil
}

// Process emits the chunk. If a state is on in the chunk, it then emits raised marks (media.MarkRaised), which report the
// event to the next gop_ring: one where the event begins, and one where it is at the end of the chunk.
func (o *cameraEvents) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[*media.Chunk]) error {
	on := o.watch(c)
	if err := emit(c); err != nil || on.toUTC == 0 {
		return err
	}
	data, err := json.Marshal(map[string]string{"topic": on.topic})
	if err != nil {
		return err
	}
	raise := func(at int64) error {
		return emit(o.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkRaised, Raised: &media.Raised{
			ID: o.event, Name: o.cfg.Name, AtUTC: at, Protect: o.cfg.Protect, Data: data,
		}}))
	}
	if on.fromUTC > o.untilUTC {
		o.event = media.NewID(o.set.Clock.Now())
		o.set.Log.Info("event of the camera", "event", o.event, "topic", on.topic)
		if on.fromUTC < on.toUTC {
			if err := raise(on.fromUTC); err != nil {
				return err
			}
		}
	}
	o.untilUTC = on.toUTC + int64(o.cfg.Hold)
	return raise(on.toUTC)
}

// Flush does nothing: Process holds nothing back.
func (o *cameraEvents) Flush(context.Context, pipeline.Emit[*media.Chunk]) error { return nil }

// interval is the part of a chunk in which a state is on. Both times are 0 if none is.
type interval struct {
	fromUTC, toUTC int64  // ns of UTC
	topic          string // of a state that is on
}

// watch reads the metadata of a chunk.
func (o *cameraEvents) watch(c *media.Chunk) (on interval) {
	if c.Mark != nil {
		return on
	}
	if o.of != c.Set {
		o.of = c.Set
		clear(o.states) // the camera sends its states again at the beginning of a session
	}
	o.untilUTC += o.wall.step(o.set.Clock)
	begin, span := o.wall.begin(c), c.SpanNS()
	if len(o.states) > 0 {
		on.fromUTC = begin
	}
	for i := range c.Tracks {
		if c.Set.Tracks[i].Kind() == media.Metadata {
			o.read(c, i, begin, &on)
		}
	}
	for key, since := range o.states {
		switch {
		case o.mediaNS+span-since > int64(o.cfg.Longest):
			delete(o.states, key)
		case since < o.mediaNS:
			on.toUTC, on.topic = begin+span, topicOf(key)
		}
	}
	o.mediaNS += span
	if on.toUTC == 0 {
		on.fromUTC = 0
	}
	return on
}

// read reads the documents of track i of a chunk that begins at a time, and extends the interval to the newest state that
// begins or ends.
func (o *cameraEvents) read(c *media.Chunk, i int, begin int64, on *interval) {
	columns, track, lead := &c.Tracks[i], &c.Set.Tracks[i], c.Lead()
	firstNS := int64(0)
	if lead.Len() > 0 {
		firstNS = media.ToNanos(lead.DTS[0], c.Set.Tracks[c.Set.Lead()].Timescale)
	} else if columns.Len() > 0 {
		firstNS = media.ToNanos(columns.DTS[0], track.Timescale)
	}
	offset := 0
	for k, n := range columns.SizeBytes {
		o.document = o.document[:0]
		for _, b := range columns.Payload.Slices(nil, offset, int(n)) {
			o.document = append(o.document, b...)
		}
		offset += int(n)
		notifications, err := onvif.Read(o.document)
		if err != nil {
			o.unreadable(err)
		}
		for j := range notifications {
			if o.notify(&notifications[j]) {
				on.toUTC, on.topic = begin+media.ToNanos(columns.DTS[k], track.Timescale)-firstNS, notifications[j].Topic
				on.fromUTC = cmp.Or(on.fromUTC, on.toUTC)
			}
		}
	}
}

// notify takes a notification. It reports whether its state is on, or has been on up to now.
func (o *cameraEvents) notify(n *onvif.Notification) bool {
	on, ok := n.State(o.cfg.Items)
	if !ok || !strings.Contains(n.Topic, o.cfg.Topic) {
		return false
	}
	key := n.Key()
	_, was := o.states[key]
	if !on || n.Operation == "Deleted" {
		delete(o.states, key)
		return was
	}
	if was || len(o.states) < maxCameraStates {
		o.states[key] = o.mediaNS
	}
	return true
}

// unreadable counts a document, and logs the first one.
func (o *cameraEvents) unreadable(err error) {
	if o.bad++; o.bad == 1 {
		o.set.Log.Warn("a document of ONVIF metadata cannot be read: it raises no event", "reason", err)
	}
}

// topicOf returns the topic in a key of onvif.Notification.
func topicOf(key string) string {
	topic, _, _ := strings.Cut(key, "\n")
	return topic
}
