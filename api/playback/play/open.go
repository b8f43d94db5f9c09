package play

import (
	"context"
	"slices"

	"github.com/gospool/spool/api/playback/movie"
)

// Footage is the footage of a span as one file. Its recordings are not deleted before Close. It is for one user.
type Footage struct {
	*movie.Movie
	*movie.Reader
	leave func()
}

// Open opens the footage of a request. A growing file has the frames of the span that it has now. The error is
// movie.ErrNothing if there is no footage. The caller closes the footage.
func (p *Player) Open(ctx context.Context, q Request) (*Footage, error) {
	clips, err := p.find(ctx, &q)
	if err != nil {
		return nil, err
	}
	if n := len(clips); n > 0 && clips[n-1].Growing {
		last := &clips[n-1]
		settled, err := p.Settled(last)
		if err != nil {
			return nil, err
		}
		if last.ToNS = min(last.ToNS, settled); last.FromNS >= last.ToNS {
			clips = clips[:n-1]
		}
	}
	if len(clips) == 0 {
		return nil, movie.ErrNothing
	}
	m, err := p.plan(ctx, clips, q.Options)
	if err != nil {
		return nil, err
	}
	leave, err := p.Readers.Holding(slices.Collect(m.Paths())...)
	if err != nil {
		return nil, err
	}
	return &Footage{m, m.NewReader(p.Library), leave}, nil
}

// Close closes the files of the footage.
func (f *Footage) Close() error {
	f.leave()
	return f.Reader.Close()
}
