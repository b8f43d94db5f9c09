package play

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/api/playback/mpegts"
)

// Player serves spans of footage. It is safe for concurrent use.
type Player struct {
	Library   *clip.Library
	Catalogue clip.Catalogue
	Readers   *playback.Readers // keep a file from deletion while it is read
	Stall     time.Duration     // see playback.SendMade
	Now       func() time.Time
	Failed    func(stream string, err error) // reports that an answer ended early

	plans    plans
	counts   movie.Counts
	planning sync.Mutex // held while a plan is made
}

// Request selects footage.
type Request struct {
	Stream  string
	Span    clip.Span
	Open    bool // the span has no end of its own: it ends now
	Options movie.Options
	Format  Format
	Name    string // of the file for the client to save; empty: none
	// Unbroken ends the span before the first loss.
	Unbroken bool
	// Direct answers a span that still grows with the footage that there is, without ranges, instead of a redirect. A request for a range of
	// an MP4 file is redirected nevertheless.
	Direct bool

	moves bool // the answer was made of a span that still grows: set by planned
}

// Format is the format of an answer.
type Format string

// The formats.
const (
	MP4        Format = "mp4"  // tables first, with a length and ranges
	Fragmented Format = "fmp4" // fragments, as one stream
	Transport  Format = "ts"   // MPEG-TS
)

// Suffix returns the suffix of the name of a file.
func (f Format) Suffix() string {
	if f == Transport {
		return ".ts"
	}
	return ".mp4"
}

// Serve answers a request with a file, or with a redirect to the same request with its end pinned. It returns an error if it has not
// answered.
func (p *Player) Serve(w http.ResponseWriter, r *http.Request, q Request, refuse func(w http.ResponseWriter, size string)) error {
	m, to, err := p.planned(r, &q)
	if err != nil {
		return err
	}
	if m == nil {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		return nil
	}
	leave, err := p.Readers.Reading(slices.Collect(m.Paths())...)
	if err != nil {
		return err
	}
	defer leave()
	h := w.Header()
	switch q.Format {
	case Fragmented:
		describe(h, m, r.URL)
		h.Set("Content-Type", "video/mp4")
		p.stream(w, r, q, m.WriteFragments)
		return nil
	case Transport:
		ts, err := mpegts.New(m)
		if err != nil {
			return err
		}
		describe(h, m, r.URL)
		h.Set("Content-Type", "video/mp2t")
		if ts.LeftOut != "" {
			h.Set("Spool-Left-Out", ts.LeftOut)
		}
		p.stream(w, r, q, ts.WriteTo)
		return nil
	}
	content := m.NewReader(p.Library)
	defer content.Close()
	describe(h, m, r.URL)
	if q.moves {
		h.Set("Content-Type", "video/mp4")
		h.Set("Content-Length", strconv.FormatInt(m.SizeBytes, 10))
		p.stream(w, r, q, func(_ context.Context, _ *clip.Library, out io.Writer) error {
			_, err := io.Copy(out, content)
			return err
		})
		return nil
	}
	h.Set("ETag", m.ETag)
	if err := playback.SendMade(w, r, content, m.SizeBytes, p.Stall, refuse); err != nil {
		p.plans.drop(r.URL.RequestURI())
		p.Failed(q.Stream, err)
	}
	return nil
}

// planned returns the plan for a request, or the URL to redirect it to. It makes one plan at a time: a plan reads the indexes of all files of its
// span.
func (p *Player) planned(r *http.Request, q *Request) (m *movie.Movie, to string, err error) {
	key := r.URL.RequestURI()
	if m = p.plans.get(key); m != nil {
		return m, "", nil
	}
	p.planning.Lock()
	defer p.planning.Unlock()
	if m = p.plans.get(key); m != nil {
		return m, "", nil
	}
	clips, err := p.find(r.Context(), q)
	if err != nil {
		return nil, "", err
	}
	if len(clips) == 0 {
		return nil, "", movie.ErrNothing
	}
	end, err := p.end(clips, q)
	if err != nil {
		return nil, "", err
	}
	if q.moves = end.moves; q.moves {
		if !q.Direct || q.Format == MP4 && r.Header.Get("Range") != "" {
			return nil, end.url(r.URL), nil
		}
		if clips = end.cut(clips); len(clips) == 0 {
			return nil, "", movie.ErrNothing
		}
	}
	if m, err = p.plan(r.Context(), clips, q.Options); err == nil && !q.moves {
		p.plans.put(key, m)
	}
	return m, "", err
}

// describe sets the headers with the wall clock of the first picture and the seconds of the file, and the link to the rest of a span that is split.
func describe(h http.Header, m *movie.Movie, u *url.URL) {
	if m.NextUTC != 0 {
		query := u.Query()
		query.Set("start", time.Unix(0, m.NextUTC).UTC().Format(time.RFC3339Nano))
		h.Set("Link", fmt.Sprintf(`<%s>; rel="next"`, &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: query.Encode()}))
	}
	h.Set("Spool-Start", time.Unix(0, m.StartUTC).UTC().Format(time.RFC3339Nano))
	h.Set("Spool-Duration", strconv.FormatFloat(time.Duration(m.DurationNS).Seconds(), 'f', -1, 64))
}

// stream answers a request with a format that has no ranges. write writes the file.
func (p *Player) stream(w http.ResponseWriter, r *http.Request, q Request, write func(context.Context, *clip.Library, io.Writer) error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Accept-Ranges", "none")
	if r.Method == http.MethodHead {
		return
	}
	out := &written{Writer: playback.Stream(w, p.Stall)}
	if err := write(r.Context(), p.Library, out); err != nil {
		if out.err == nil && r.Context().Err() == nil { // else the client has left
			p.plans.drop(r.URL.RequestURI())
			p.Failed(q.Stream, err)
		}
		panic(http.ErrAbortHandler) // the client must not take the file for complete
	}
}

// written keeps the error of a writer.
type written struct {
	io.Writer
	err error
}

func (w *written) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	if err != nil {
		w.err = err
	}
	return n, err
}

// find returns the clips of a request.
func (p *Player) find(ctx context.Context, q *Request) ([]clip.Clip, error) {
	if q.Open {
		q.Span.EndUTC = p.Now().UnixNano()
	}
	clips, _, err := clip.Find(ctx, p.Catalogue, q.Stream, q.Span)
	if q.Unbroken {
		clips = unbroken(clips, q)
	}
	return clips, err
}

// Settled returns the media time of a growing clip's recording up to which its samples do not change any more: see clip.Recording.Settled.
func (p *Player) Settled(c *clip.Clip) (ns int64, err error) {
	r, err := p.Library.Open(c.ID, c.Path)
	if err != nil {
		return 0, err
	}
	ns, err = r.Settled()
	return ns, errors.Join(err, r.Close())
}

// plan makes the plan of some clips. A recording whose file was deleted since the catalogue listed it is left out.
func (p *Player) plan(ctx context.Context, clips []clip.Clip, o movie.Options) (*movie.Movie, error) {
	for {
		m, err := p.counts.Plan(ctx, p.Library, clips, o)
		var missing *movie.MissingError
		if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) {
			return m, err
		}
		clips = append(clips[:missing.Clip:missing.Clip], clips[missing.Clip+1:]...)
		if missing.Clip < len(clips) {
			clips[missing.Clip].Joined = false
		}
	}
}
