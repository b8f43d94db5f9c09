package hls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// Options are the settings and the services of Play.
type Options struct {
	Source Source
	// Publish claims the path. It is called when the tracks are known and the first media has come. Its caller closes the
	// publisher after Play.
	Publish func() (*hub.Publisher, error)
	// ReadTimeout is added to two target durations: for so long a live playlist may have nothing new.
	ReadTimeout time.Duration
	Finite      bool // the playlist is read once, to its end, as fast as possible: it is a file
	// Past is that of the source. When a live playlist has ended, the next Play does not read it from its beginning: that was
	// read before. It is nil for a file.
	Past  *Past
	Clock pipeline.Clock
	Log   *slog.Logger
}

// Player plays a playlist, one access unit a Step. It belongs to one goroutine.
type Player struct {
	Options
	ctx        context.Context // of NewPlayer
	line       *line
	renditions []*rendition
	apart      int64 // time on the line since when a rendition waits for another one; negative: no rendition waits
}

// Play publishes the stream of a playlist, whose text came from the URL base when address was requested. It returns nil at
// the end of a playlist that had ended when it was opened, the cause of ctx when that ends, and else the error by which the
// source was lost or the publisher ended. A live playlist that ends is a lost source: its encoder may come back.
func Play(ctx context.Context, o Options, address, base *url.URL, text []byte) error {
	p, err := NewPlayer(ctx, o, address, base, text)
	for more := true; more && err == nil; {
		more, err = p.Step()
	}
	p.Close(err)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil && p.live():
		return errEnded
	}
	return err
}

var errEnded = errors.New("the server has ended its stream")

// live reports whether a playlist had not ended when it was opened.
func (p *Player) live() bool {
	return slices.ContainsFunc(p.renditions, func(r *rendition) bool { return r.live })
}

// joins notes that a playlist is live, and goes on behind the segments of an earlier Play. It returns an error if the playlist has
// ended since then.
func (r *rendition) joins() error {
	switch {
	case r.Past == nil || r.Finite:
	case r.live:
		r.Past.live = true
		r.Past.resume(r)
	case r.Past.live:
		return errEnded
	}
	return nil
}

// NewPlayer makes a Player, as Play does. It opens the playlists that the first one names. The caller closes the Player, after
// an error, too.
func NewPlayer(ctx context.Context, o Options, address, base *url.URL, text []byte) (*Player, error) {
	p := &Player{Options: o, ctx: ctx, line: newLine(o), apart: -1}
	return p, p.open(ctx, address, &document{text, base})
}

// Close closes the open resources. If the source was lost, by the error why, it first publishes the units that were read before.
func (p *Player) Close(why error) {
	if p.ctx.Err() == nil && why != nil {
		p.drain()
	}
	if p.ctx.Err() == nil && p.Past != nil {
		p.Past.leave(p.renditions)
	}
	for _, r := range p.renditions {
		r.shut()
		r.finish()
		for _, u := range r.units {
			r.losses += u.losses
		}
		if r.losses > 0 {
			p.line.lost(media.DropHLSLoss, uint64(r.losses))
		}
	}
}

// open makes the renditions of a playlist.
func (p *Player) open(ctx context.Context, address *url.URL, got *document) error {
	m, _, err := parsePlaylist(got.text, scope{from: got.url})
	if err != nil {
		return fmt.Errorf("the playlist %s: %w", config.ShownURL(address), err)
	}
	if m == nil {
		return p.follow(address).take(got)
	}
	v, err := m.choose()
	if err != nil {
		return err
	}
	p.Log.Debug("variant chosen", "bandwidth", v.bandwidth, "codecs", v.codecs)
	uris := []string{v.uri}
	if sound := m.sound(v); sound != "" && sound != v.uri {
		uris = append(uris, sound)
	}
	for _, uri := range uris {
		u, err := resolve(got.url, uri)
		if err != nil {
			return err
		}
		r := p.follow(u)
		if r.imported = m.variables; r.imported == nil {
			r.imported = map[string]string{}
		}
		if err := r.load(ctx, ""); err != nil {
			return err
		}
	}
	return nil
}

// follow adds a rendition.
func (p *Player) follow(u *url.URL) *rendition {
	r := &rendition{Player: p, index: len(p.renditions), address: u}
	p.renditions = append(p.renditions, r)
	p.line.add()
	return r
}

// mostApartNS bounds how long a rendition may wait for another one to reach its discontinuity.
const mostApartNS = int64(time.Minute)

var errApart = errors.New("the discontinuities of video and sound do not agree in their playlists")

// Step publishes the unit that is decoded next. more is false after the last one.
func (p *Player) Step() (more bool, err error) {
	ctx := p.ctx
	for _, r := range p.renditions {
		if err := r.advance(ctx); err != nil {
			return false, err
		}
		more = more || len(r.units) > 0
	}
	if !more {
		return false, nil
	}
	period, waits := p.period()
	switch {
	case !waits:
		p.apart = -1
	case p.apart < 0:
		p.apart = p.line.nowNS
	case p.line.nowNS-p.apart > mostApartNS:
		return false, errApart
	}
	if p.line.enters(period) {
		if again := p.joined(period); again {
			return true, nil
		}
		if err := p.line.enter(ctx, period, p.renditions); err != nil {
			return false, err
		}
	}
	return true, p.write(ctx, p.first(period))
}

// period returns the earliest period of the next units. waits reports whether a rendition has reached a later one.
func (p *Player) period() (period uint64, waits bool) {
	found := false
	for _, r := range p.renditions {
		if len(r.units) == 0 {
			continue
		}
		switch at := r.units[0].period; {
		case !found:
			found, period = true, at
		case at != period:
			waits, period = true, min(at, period)
		}
	}
	return period, waits
}

// first returns the rendition whose next unit is decoded first.
func (p *Player) first(period uint64) (first *rendition) {
	var at int64
	for _, r := range p.renditions {
		if len(r.units) == 0 || r.units[0].period != period {
			continue
		}
		if ns := p.line.place(r, r.units[0]); first == nil || ns < at {
			first, at = r, ns
		}
	}
	return first
}

// joined leaves out the sound that ends before the first picture of a live stream: the segments of the sound may begin seconds
// earlier. It reports whether it has left out a unit. If so, the renditions have other next units, perhaps of another period.
func (p *Player) joined(period uint64) (again bool) {
	lead := p.renditions[0]
	if p.line.begun || lead.list.ended || len(lead.units) == 0 {
		return false
	}
	for _, r := range p.renditions[1:] {
		for len(r.units) > 0 {
			early := lead.units[0].ns() - r.units[0].ns() - media.ToNanos(r.units[0].durationTicks, r.units[0].of.list[r.units[0].track].Timescale)
			if r.units[0].period != period || early < 0 || early > mostApartNS {
				break
			}
			u := r.pop()
			if u.losses > 0 {
				p.line.lost(media.DropHLSLoss, uint64(u.losses))
			}
			r.put(u)
			again = true
		}
	}
	return again
}

// write writes the next unit of a rendition when it is due.
func (p *Player) write(ctx context.Context, r *rendition) error {
	u := r.pop()
	defer r.put(u)
	if r == p.renditions[0] {
		p.line.behind = r.behind
	}
	if err := p.line.wait(ctx, r, u); err != nil {
		return err
	}
	return p.line.write(ctx, r, u)
}

// drain writes the units that were read before the source was lost. It waits for nothing.
func (p *Player) drain() {
	ctx, cancel := context.WithCancel(p.ctx)
	cancel()
	for _, r := range p.renditions {
		if r.body == nil {
			r.finish()
		}
	}
	for p.line.pub != nil {
		period, _ := p.period()
		r := p.first(period)
		if r == nil || p.line.enters(period) || p.line.write(ctx, r, r.pop()) != nil {
			return
		}
	}
}
