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

// MotionConfig says what of a stream's traffic is an event.
type MotionConfig struct {
	Threshold float64         `yaml:"threshold" takes:"nothing" doc:"how many times its usual size the coded picture must reach"`
	Window    config.Duration `yaml:"window" takes:"nothing" doc:"over which sizes are averaged: a single large picture is no motion"`
	Adapt     config.Duration `yaml:"adapt" takes:"nothing" doc:"how long a change must last to become usual; a third of it is learnt from before anything is raised"`
	Hold      config.Duration `yaml:"hold" takes:"nothing" doc:"motion that comes back within it is the same event"`
	Name      string          `yaml:"name" reaches:"nothing" doc:"of the events"`
	Protect   bool            `yaml:"protect" reaches:"protection" doc:"keep the files from deletion"`
}

// Validate refuses settings by which everything or nothing would be motion.
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
		"Not what is small or slow against leaves, rain and noise, nor anything in a stream of constant bitrate or of key frames only. Put it before gop_ring.", newMotion,
		pipeline.RaisesEvents, pipeline.NeedsEveryPicture)
}

// motion scores a stream by the compressed sizes of its pictures.
//
// An encoder spends bytes on what a picture has that the one before had not. So
// the mean size over a window, against the mean of the last while, rises when
// something moves. Key frames hold the whole scene whether it moves or not, and
// are left out.
//
// It sees: people and cars through a quiet scene, a light that is switched, a
// camera that is turned.
//
// It cannot see: motion in a stream of constant bitrate, whose encoder evens
// sizes out by quality; what is small or slow against the scene's own rustle
// (leaves, rain, noise at night raise what is usual); streams of key frames
// only; and where in the picture something moves, or what it is.
type motion struct {
	cfg   MotionConfig
	set   pipeline.Settings
	pool  *media.Pool
	of    *media.TrackSet
	seen  int64   // ns of pictures that were learnt from
	usual float64 // bytes a picture
	now   float64 // bytes a picture, over the window

	wall  wall
	event media.ID
	until int64 // ns, UTC up to which motion belongs to the event
}

func newMotion(set pipeline.Settings, cfg MotionConfig) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	return &motion{cfg: cfg, set: set, pool: pool}, nil
}

// Process hands the chunk on, and behind it the event that it shows.
func (m *motion) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[*media.Chunk]) error {
	at, score := m.watch(c)
	if err := emit(c); err != nil || score == 0 {
		return err
	}
	if at > m.until {
		m.event = media.NewID(m.set.Clock.Now())
		m.set.Log.Info("motion", "event", m.event, "score", score)
	}
	m.until = at + int64(m.cfg.Hold)
	return emit(m.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkRaised, Raised: &media.Raised{
		ID: m.event, Name: m.cfg.Name, At: at, Protect: m.cfg.Protect,
		Data: append(strconv.AppendFloat([]byte(`{"score":`), score, 'f', 2, 64), '}'),
	}}))
}

// Flush has nothing to give: Process keeps nothing back.
func (m *motion) Flush(context.Context, pipeline.Emit[*media.Chunk]) error { return nil }

// watch learns from the pictures of a chunk. It gives the time, UTC ns, of the
// last one that shows motion, and the highest score; 0 where none does.
func (m *motion) watch(c *media.Chunk) (at int64, score float64) {
	if c.Mark != nil || c.Set.Tracks[c.Set.Lead()].Kind() != media.Video {
		return 0, 0
	}
	if m.of != c.Set {
		m.of, m.seen, m.usual, m.now = c.Set, 0, 0, 0
	}
	m.until += m.wall.step(m.set.Clock)
	begin := m.wall.begin(c)
	lead, scale := c.Lead(), c.Set.Tracks[c.Set.Lead()].Timescale
	for i, flags := range lead.Flags {
		if flags&media.FlagSync != 0 {
			continue
		}
		s := m.picture(float64(lead.Size[i]), media.ToNanos(lead.Duration(i), scale))
		if s >= m.cfg.Threshold {
			at = begin + media.ToNanos(lead.DTS[i]-lead.DTS[0], scale)
			score = max(score, s)
		}
	}
	return at, score
}

// picture learns from one picture and scores it; 0 while too little was seen.
func (m *motion) picture(size float64, lasts int64) float64 {
	lasts = min(lasts, int64(m.cfg.Window))
	m.seen += lasts
	if m.seen == lasts {
		m.usual, m.now = size, size
	}
	share := func(over config.Duration) float64 { return float64(lasts) / float64(over) }
	m.now += (size - m.now) * share(m.cfg.Window)
	learning := m.seen < int64(m.cfg.Adapt)/3
	if learning {
		m.usual += (size - m.usual) * max(float64(lasts)/float64(m.seen), share(m.cfg.Adapt))
		return 0
	}
	score := m.now / max(m.usual, 1)
	m.usual += (size - m.usual) * share(m.cfg.Adapt)
	return score
}
