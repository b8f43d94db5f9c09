package hls

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// position is a place in a playlist: a part of a segment. Its part is 0 if the segment was not begun.
type position struct {
	number uint64 // media sequence number
	part   int
}

// piece is a segment or a part that is read at once.
type piece struct {
	uri      string
	of       Range
	number   uint64 // of the segment
	duration time.Duration
	period   uint64
	init     *section
	key      *key
	gap      bool
	whole    bool // it is a whole segment
}

// rendition follows a media playlist, and reads its segments.
type rendition struct {
	*Player
	index    int
	address  *url.URL          // of the playlist
	base     *url.URL          // that it came from after redirects
	imported map[string]string // variables of the multivariant playlist
	list     *list

	loaded, changed time.Time     // when the newest playlist came, and when the newest piece was found
	live            bool          // the first one had not ended
	refused         int           // answers, one after another, that refuse the playlist
	retry           time.Time     // the earliest time of the next try, after a failure
	since           time.Time     // for so long a unit is waited for
	stale           bool          // the newest one had nothing new
	at              position      // of the next piece
	partsRead       time.Duration // of the parts of the segment at `at` that were read
	behind          bool          // the playlist has much more than is needed

	body   *body
	form   form
	initOf section // of form
	keys   secrets
	period uint64 // discontinuity sequence number of the newest piece
	jumps  uint64 // in the period
	whole  bool   // the newest piece was read to its end

	losses  int           // pieces that were lost since the newest unit
	lossFor time.Duration // their duration
	leftFor time.Duration // that of those which had left the playlist
	mark    bool          // the next unit comes after these losses
	failed  int           // pieces that failed one after another
	losts   uint64        // losses that were logged, or passed over in the log

	queue
	ended   bool
	newest  int64   // highest time, ns of the stream's clock; in the present jump
	tracked *tracks // of lastNS
	lastNS  []int64 // newest time of each track
}

// The bounds of patience.
const (
	mostFailed  = 5 // pieces
	mostRefused = 2 // requests of the playlist; the last one without a query of ours
	jumpNS      = int64(10 * time.Second)
	backNS      = int64(time.Second)
	leastPause  = 100 * time.Millisecond // from one request that waits for a part to the next
	mostIdle    = time.Minute            // added to the patience: for so long a live playlist may have pieces without media
	mostLost    = time.Hour              // so far the line moves for missing pieces
	staleBehind = 3                      // by so many segments a playlist may be older than the one before: it comes from a cache
)

// advance reads until there is a unit, or the playlist has ended: it sets ended then.
func (r *rendition) advance(ctx context.Context) error {
	if len(r.units) == 0 {
		r.since = r.Clock.Now()
	}
	for len(r.units) == 0 && !r.ended {
		if r.body == nil {
			if err := r.next(ctx); err != nil {
				return err
			}
			continue
		}
		if err := r.read(); err != nil {
			return err
		}
	}
	return nil
}

// read reads some of the open piece.
func (r *rendition) read() error {
	p := r.body.piece
	switch err := r.form.read(r.body.r); {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		r.whole, r.failed = true, 0
		r.shut()
		return nil
	default:
		return r.fail(p, err)
	}
}

func (r *rendition) shut() {
	if r.body != nil {
		_ = r.body.from.Close()
		r.body = nil
	}
}

// fail counts a piece as lost. It returns an error if the pull cannot go on.
func (r *rendition) fail(p *piece, err error) error {
	r.shut()
	r.whole = false
	if fatal := (refusal{}); errors.As(err, &fatal) || r.ctx.Err() != nil {
		return r.named(p, err)
	}
	r.lose(1, p.duration)
	if r.failed++; r.failed >= mostFailed {
		return fmt.Errorf("%d segments could not be read one after another: %w", r.failed, r.named(p, err))
	}
	r.sayLoss("a segment could not be read and is missing", "error", r.named(p, err))
	return nil
}

// named adds the place to an error.
func (r *rendition) named(p *piece, err error) error {
	return fmt.Errorf("segment %d of %s: %w", p.number, r.shown(), err)
}

// shown returns the address of the playlist without secrets.
func (r *rendition) shown() string { return config.ShownURL(r.address) }

// lose counts pieces that are missing.
func (r *rendition) lose(n int, d time.Duration) {
	r.losses, r.lossFor = r.losses+n, min(r.lossFor+min(max(d, 0), mostLost), mostLost)
}

// next opens the next piece. It loads the playlist again if that has no further piece.
func (r *rendition) next(ctx context.Context) error {
	if now := r.Clock.Now(); !r.list.ended && now.Sub(r.loaded) >= r.list.target && !now.Before(r.retry) {
		if err := r.load(ctx, ""); err != nil && r.lost() { // else there are further pieces, or wait tries again
			return err
		}
	}
	for {
		p, err := r.find()
		switch {
		case err != nil:
			return err
		case !r.list.ended && r.Clock.Now().Sub(r.since) > mostIdle+r.patience():
			return fmt.Errorf("the playlist %s has had segments without media for %v", r.shown(), mostIdle+r.patience())
		case p == nil && r.list.ended:
			r.ended = true
			r.finish()
			return nil
		case p == nil:
			if err := r.wait(ctx); err != nil {
				return err
			}
			continue
		}
		r.changed = r.Clock.Now()
		r.step(p)
		if p.gap {
			r.lose(1, p.duration)
			continue
		}
		if err := r.begin(ctx, p); err != nil {
			return r.fail(p, err)
		}
		return nil
	}
}

// step moves the position behind a piece.
func (r *rendition) step(p *piece) {
	if p.whole {
		r.at, r.partsRead = position{number: p.number + 1}, 0
		return
	}
	r.at.part++
	r.partsRead += p.duration
}

var errRestarted = errors.New("the server has begun its playlist anew")

// find returns the piece at the position, or nil if the playlist does not have it yet.
func (r *rendition) find() (*piece, error) {
	m := r.list
	if r.at.number < m.first {
		n := m.first - r.at.number
		r.sayLoss("segments left the playlist before they were read: the network or the server is too slow", "segments", n)
		d := time.Duration(min(n, 1<<20))*m.target - r.partsRead
		r.lose(int(min(n, 1<<20)), d)
		r.leftFor += d
		r.at, r.partsRead = position{number: m.first}, 0
	}
	for {
		switch {
		case r.at.number > m.end()+staleBehind:
			return nil, errRestarted
		case r.at.number > m.end():
			return nil, nil
		case r.at.number == m.end():
			if s := &m.open; r.at.part < len(s.parts) && m.partTarget > 0 && s.key == nil {
				return s.piece(r.at), nil
			}
			return nil, nil
		}
		s := &m.segments[r.at.number-m.first]
		if r.at.part == 0 || r.at.part < len(s.parts) {
			return s.piece(r.at), nil
		}
		// The parts are no longer listed. The rest of the segment is missing.
		if rest := s.duration - r.partsRead; len(s.parts) == 0 && rest > m.partTarget/2 {
			r.lose(1, rest)
		}
		r.at, r.partsRead = position{number: r.at.number + 1}, 0
	}
}

// piece returns the piece of the segment at a position: the segment, or a part if the segment has begun.
func (s *segment) piece(at position) *piece {
	if s.uri != "" && at.part == 0 {
		return &piece{s.uri, s.of, at.number, s.duration, s.period, s.init, s.key, s.gap, true}
	}
	p := &s.parts[at.part]
	return &piece{p.uri, p.of, at.number, p.duration, s.period, s.init, s.key, p.gap || s.gap, false}
}

// overdue reports whether the playlist has had nothing new for too long.
func (r *rendition) overdue() bool {
	return r.Clock.Now().Sub(r.changed) > r.patience()
}

// lost reports whether the playlist is overdue, or the server refuses it: as one does whose sessions have ended.
func (r *rendition) lost() bool { return r.overdue() || r.refused >= mostRefused }

func (r *rendition) patience() time.Duration { return r.ReadTimeout + 2*r.list.target }

// wait loads the playlist again, when it may have something new (RFC 8216, 6.3.4).
func (r *rendition) wait(ctx context.Context) error {
	if r.overdue() {
		return fmt.Errorf("the playlist %s has had no new segment for %v", r.shown(), r.patience())
	}
	query := ""
	pause := r.list.target
	if r.stale {
		pause /= 2
	}
	if r.list.blocks && r.refused == 0 {
		query = "_HLS_msn=" + strconv.FormatUint(r.at.number, 10)
		if r.list.partTarget > 0 {
			query += "&_HLS_part=" + strconv.Itoa(r.at.part)
		}
		if !r.stale {
			pause = leastPause
		}
	}
	early := max(r.loaded.Add(pause).Sub(r.Clock.Now()), r.retry.Sub(r.Clock.Now()))
	if early > 0 && !pipeline.Sleep(ctx, r.Clock, early, nil) {
		return context.Cause(ctx)
	}
	err := r.load(ctx, query)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if r.lost() {
		return err
	}
	r.Log.Debug("a playlist could not be loaded again", "url", r.shown(), "error", err)
	return nil
}

// load loads the playlist. If that fails, it sets when to try again.
func (r *rendition) load(ctx context.Context, query string) error {
	err := r.request(ctx, query)
	if err == nil {
		r.refused = 0
		return nil
	}
	if r.refused++; !refused(err) {
		r.refused = 0
	}
	if r.list != nil {
		r.retry = r.Clock.Now().Add(min(r.list.target/2, time.Second))
	}
	return err
}

// request requests the playlist, with a query.
func (r *rendition) request(ctx context.Context, query string) error {
	u := *r.address
	if query != "" {
		if u.RawQuery != "" {
			query = u.RawQuery + "&" + query
		}
		u.RawQuery = query
	}
	got, err := fetch(r.opener(ctx, &u, Range{}, smallTimes*r.ReadTimeout))
	if err != nil {
		return fmt.Errorf("%s: %w", r.shown(), err)
	}
	return r.take(got)
}

// take takes a playlist that has come.
func (r *rendition) take(got *document) error {
	_, m, err := parsePlaylist(got.text, scope{got.url, r.imported})
	if err == nil && m == nil {
		err = errors.New("it is no media playlist")
	}
	if err != nil {
		return fmt.Errorf("the playlist %s: %w", r.shown(), err)
	}
	m.ended = m.ended || r.Finite // a file has no further segments
	now := r.Clock.Now()
	old := r.list
	r.list, r.base, r.loaded = m, got.url, now
	if old == nil {
		r.changed, r.at, r.live = now, m.start(), !m.ended
		return r.joins()
	}
	r.stale = m.end() == old.end() && len(m.open.parts) == len(old.open.parts) && m.ended == old.ended
	start := m.start()
	r.behind = !m.ended && m.sum(r.at) > m.sum(start)+m.target
	return nil
}

// begin opens a piece.
func (r *rendition) begin(ctx context.Context, p *piece) error {
	u, err := r.resolve(p.uri)
	if err != nil {
		return err
	}
	from, err := r.content(ctx, u, p.of, r.timeFor(p))
	if err != nil {
		return err
	}
	plain, err := r.decrypt(ctx, from, p.key, p.number)
	if err == nil {
		r.body = &body{p, from, bufio.NewReaderSize(plain, 16<<10)}
		err = r.prepare(ctx, p)
	}
	if err != nil {
		_ = from.Close()
		r.body = nil
	}
	return err
}

// document is a playlist that has come.
type document struct {
	text []byte
	url  *url.URL
}

// fetch fetches a playlist.
func fetch(open func() (*Resource, error)) (*document, error) {
	got, err := open()
	if err != nil {
		return nil, err
	}
	defer got.Close()
	text, err := ReadPlaylist(got)
	return &document{text, got.URL}, err
}

// ReadPlaylist reads the text of a playlist. It returns an error if that is longer than MaxPlaylistBytes.
func ReadPlaylist(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxPlaylistBytes+1))
	if err == nil && len(text) > MaxPlaylistBytes {
		err = fmt.Errorf("the playlist has more than %d MiB", MaxPlaylistBytes>>20)
	}
	return text, err
}
