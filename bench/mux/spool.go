package mux

import (
	"context"
	"log/slog"
	"time"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4"
)

// Spool muxes a movie as spool does, from access units to a finished file. It calls the builder and the mp4 stage
// directly, without the framework of pipelines.
type Spool struct {
	Movie    *clip.Movie
	Fragment bool          // as the setting fragment of the mp4 stage
	Flush    time.Duration // flush interval of the builder; 0: 1 s
	pool     *media.Pool
}

// NewSpool returns a muxer for a movie. All its runs share one pool, as the files of a recorder do.
func NewSpool(m *clip.Movie, fragment bool) *Spool {
	return &Spool{Movie: m, Fragment: fragment, pool: media.NewPool(64 << 20)}
}

// Run writes the movie to a file in dir and finishes the file, without syncs.
func (s *Spool) Run(dir string) error {
	cfg := mp4.Defaults()
	cfg.RecordPath, cfg.Fragment, cfg.Sync = dir, s.Fragment, "none"
	stage, err := mp4.New(pipeline.NewSettings(pipeline.Env{Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}, "bench", "bench", "mp4"), cfg)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := stage.Open(ctx); err != nil {
		return err
	}
	defer stage.Close()
	set, err := s.tracks()
	if err != nil {
		return err
	}
	r := &run{stage: stage, segment: media.Segment{
		ID: media.NewID(time.Now()), Stream: "bench", Pipeline: "bench", Set: set, Index: 1, StartUTC: time.Now().UnixNano(),
	}}
	b := media.NewBuilder(s.pool, media.BuilderConfig{Flush: s.Flush}, r.part)
	b.SetTracks(set)
	if err := feed(b, s.Movie, r.segment.StartUTC); err != nil {
		return err
	}
	b.Flush()
	if r.err != nil {
		return r.err
	}
	return stage.Process(ctx, media.Part{Segment: &r.segment, End: endcause.EndOfFile}, drop)
}

func (s *Spool) tracks() (*media.TrackSet, error) {
	c := s.Movie.Clip
	return media.NewTrackSet(1, []media.Track{
		{Codec: codec.H264, Timescale: clip.VideoScale, ParameterSets: [][]byte{c.SPS, c.PPS}, Width: 1920, Height: 1080},
		{Codec: codec.AAC, Timescale: clip.AudioScale, ParameterSets: [][]byte{clip.AudioConfig}, SampleRate: clip.AudioScale, Channels: 2, FrameDurationTicks: clip.AudioStep},
	})
}

// run is one run of Spool: it hands the chunks of the builder to the stage as parts of one segment.
type run struct {
	stage   *mp4.Muxer
	segment media.Segment
	begun   bool
	err     error
}

func (r *run) part(c *media.Chunk) {
	if r.err != nil {
		c.Release()
		return
	}
	r.err = r.stage.Process(context.Background(), media.Part{Segment: &r.segment, First: !r.begun, Chunk: c}, drop)
	r.begun = true
}

func drop(media.Recording) error { return nil }

// feed appends the access units of a movie to the builder. utc is the wall clock at time 0 of the movie.
func feed(b *media.Builder, m *clip.Movie, utc int64) error {
	var au media.AU
	for i := range m.Frames {
		f := &m.Frames[i]
		scale := uint32(clip.VideoScale)
		if f.Track == clip.AudioTrack {
			scale = clip.AudioScale
		}
		au.DTS, au.PTS, au.Sync, au.Payload = f.DTS, f.DTS, f.Sync, f.Data
		au.MonoNS = media.ToNanos(f.DTS, scale)
		au.UTC = utc + au.MonoNS
		if err := b.Append(f.Track, &au); err != nil {
			return err
		}
	}
	return nil
}
