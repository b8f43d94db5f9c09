package stages

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// MotionConfig holds the settings of the stage motion: which changes of the pictures' sizes are an
// event.
type MotionConfig struct {
	Threshold float64         `yaml:"threshold" takes:"nothing" doc:"ratio of the size of coded pictures to their usual size that is an event"`
	Window    config.Duration `yaml:"window" takes:"nothing" doc:"time over which sizes are averaged: a single large picture is not motion"`
	Adapt     config.Duration `yaml:"adapt" takes:"nothing" doc:"time after which a lasting change becomes usual; no event is raised in the first third of it"`
	Hold      config.Duration `yaml:"hold" takes:"nothing" doc:"motion that returns within this time belongs to the same event"`
	Name      string          `yaml:"name" reaches:"nothing" doc:"name of the events"`
	Protect   bool            `yaml:"protect" reaches:"protection" doc:"protect the files from deletion"`
}

// Validate refuses settings with which everything or nothing would be motion.
func (c MotionConfig) Validate() error {
	var problems []error
	want := func(ok bool, otherwise string) {
		if !ok {
			problems = append(problems, errors.New(otherwise))
		}
	}
	want(c.Threshold > 1 && c.Threshold <= 1000, "threshold: it is more than 1 and at most 1000")
	want(c.Window >= config.Duration(40*time.Millisecond), "window: at least 40ms is needed to hold a picture")
	want(c.Adapt >= 4*c.Window, "adapt: at least four times window, or motion would be usual before it is seen")
	want(c.Hold > 0, "hold: it must be longer than 0")
	return errors.Join(problems...)
}

func init() {
	pipeline.RegisterTransform("motion", MotionConfig{
		Threshold: 2.5, Window: config.Duration(500 * time.Millisecond), Adapt: config.Duration(30 * time.Second),
		Hold: config.Duration(5 * time.Second), Name: "motion",
	}, "Raises an event when pictures take more bytes than usual, without decoding any: people and cars in a quiet scene, a light, a camera that is turned. "+
		"It misses motion that is small or slow against leaves, rain and noise, and any motion in a stream of constant bitrate or of key frames only. Place it before gop_ring.", newMotion,
		pipeline.RaisesEvents, pipeline.NeedsEveryPicture)
}

// motion detects motion by the compressed sizes of the pictures.
//
// An encoder spends bytes on the difference from the previous picture. So the mean size over a
// short window, divided by the mean size over a longer time, rises when something moves. This
// quotient is the score. Key frames are left out: they code the whole scene, with or without
// motion.
//
// The stage detects people and cars in a quiet scene, a light that is switched, and a camera that
// is turned.
//
// It cannot detect motion in a stream of constant bitrate, whose encoder trades size for quality,
// or in a stream of key frames only. It misses small or slow motion in a noisy scene, where leaves,
// rain or sensor noise raise the usual size. It does not report where in the picture something
// moves.
type motion struct {
	cfg        MotionConfig
	set        pipeline.Settings
	pool       *media.Pool
	of         *media.TrackSet // track set from which the means were learnt
	seenNS     int64           // duration of the pictures from which the means were learnt
	usualBytes float64         // mean bytes a picture over the time adapt
	nowBytes   float64         // mean bytes a picture over the time window

	wall     wallClock
	event    media.ID // the present event
	untilUTC int64    // end of the present event: later motion begins another event
}

func newMotion(set pipeline.Settings, cfg MotionConfig) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	return &motion{cfg: cfg, set: set, pool: pool}, nil
}

// Process emits the chunk. If the chunk's pictures show motion, it then emits a raised mark
// (media.MarkRaised), which reports the motion to the next gop_ring.
func (m *motion) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[*media.Chunk]) error {
	at, score := m.watch(c)
	if err := emit(c); err != nil || score == 0 {
		return err
	}
	if at > m.untilUTC {
		m.event = media.NewID(m.set.Clock.Now())
		m.set.Log.Info("motion", "event", m.event, "score", score)
	}
	m.untilUTC = at + int64(m.cfg.Hold)
	return emit(m.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkRaised, Raised: &media.Raised{
		ID: m.event, Name: m.cfg.Name, AtUTC: at, Protect: m.cfg.Protect,
		Data: append(strconv.AppendFloat([]byte(`{"score":`), score, 'f', 2, 64), '}'),
	}}))
}

// Flush does nothing: Process holds nothing back.
func (m *motion) Flush(context.Context, pipeline.Emit[*media.Chunk]) error { return nil }

// watch updates the mean sizes with the pictures of a chunk. score is the highest score of these
// pictures (see motion) that reaches the setting threshold, or 0 if none does. at is the time of
// the last picture whose score reaches the threshold, in ns of UTC.
func (m *motion) watch(c *media.Chunk) (at int64, score float64) {
	if c.Mark != nil || c.Set.Tracks[c.Set.Lead()].Kind() != media.Video {
		return 0, 0
	}
	if m.of != c.Set {
		m.of, m.seenNS, m.usualBytes, m.nowBytes = c.Set, 0, 0, 0
	}
	m.untilUTC += m.wall.step(m.set.Clock)
	begin := m.wall.begin(c)
	lead, scale := c.Lead(), c.Set.Tracks[c.Set.Lead()].Timescale
	for i, flags := range lead.Flags {
		if flags&media.FlagSync != 0 {
			continue
		}
		s := m.picture(float64(lead.SizeBytes[i]), media.ToNanos(lead.DurationTicks(i), scale))
		if s >= m.cfg.Threshold {
			at = begin + media.ToNanos(lead.DTS[i]-lead.DTS[0], scale)
			score = max(score, s)
		}
	}
	return at, score
}

// picture updates the mean sizes with one picture of size bytes that lasts for lasts ns. It returns
// the score (see motion), or 0 while it still learns the usual size.
func (m *motion) picture(size float64, lasts int64) float64 {
	lasts = min(lasts, int64(m.cfg.Window))
	m.seenNS += lasts
	if m.seenNS == lasts {
		m.usualBytes, m.nowBytes = size, size
	}
	share := func(over config.Duration) float64 { return float64(lasts) / float64(over) }
	m.nowBytes += (size - m.nowBytes) * share(m.cfg.Window)
	learning := m.seenNS < int64(m.cfg.Adapt)/3
	if learning {
		m.usualBytes += (size - m.usualBytes) * max(float64(lasts)/float64(m.seenNS), share(m.cfg.Adapt))
		return 0
	}
	score := m.nowBytes / max(m.usualBytes, 1)
	m.usualBytes += (size - m.usualBytes) * share(m.cfg.Adapt)
	return score
}
