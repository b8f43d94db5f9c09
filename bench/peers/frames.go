package peers

import "github.com/gospool/spool/bench/clip"

// seconds calls part with the frames of each second of a movie, in order. A second begins with a video frame.
func seconds(m *clip.Movie, part func([]clip.Frame) error) error {
	from, limit := 0, int64(clip.VideoScale)
	for i := range m.Frames {
		if f := &m.Frames[i]; f.Track == clip.VideoTrack && f.DTS >= limit {
			if err := part(m.Frames[from:i]); err != nil {
				return err
			}
			from, limit = i, limit+clip.VideoScale
		}
	}
	return part(m.Frames[from:])
}

// duration returns the duration of a frame of a track, in ticks of the track.
func duration(c *clip.Clip, track int) uint32 {
	if track == clip.AudioTrack {
		return clip.AudioStep
	}
	return uint32(clip.VideoScale / c.FPS)
}
