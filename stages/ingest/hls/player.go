package hls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// Options are what Play needs.
type Options struct {
	Source Source
	// Publish claims the path. It is called when the tracks are known and the first media has come. Its caller closes the
	// publisher after Play.
	Publish func() (*hub.Publisher, error)
	// ReadTimeout is added to two target durations: for so long a live playlist may have nothing new.
	ReadTimeout time.Duration
	Clock       pipeline.Clock
	Log         *slog.Logger
}

// player plays a playlist.
type player struct {
	Options
	ctx        context.Context // of Play
	line       *line
	renditions []*rendition
	apart      int64 // time on the line since when a rendition waits for another one; negative: none waits
}

// Play publishes the stream of a playlist, whose text came from the URL base when address was requested. It returns nil at
// the end of a playlist that ends, the cause of ctx when that ends, and else the error by which the source was lost or the
// publisher ended.
func Play(ctx context.Context, o Options, address, base *url.URL, text []byte) (err error) {
	p := &player{Options: o, ctx: ctx, line: newLine(o), apart: -1}
	defer func() {
		if ctx.Err() == nil && err != nil {
			p.drain()
		}
		for _, r := range p.renditions {
			r.shut()
			r.finish()
			if r.losses > 0 {
				p.line.lost(media.DropHLSLoss, uint64(r.losses))
			}
		}
	}()
	if err := p.open(ctx, address, &document{text, base}); err != nil {
		return err
	}
	for {
		more, err := p.step(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil || !more:
			return err
		}
	}
}

// open makes the renditions of a playlist.
func (p *player) open(ctx context.Context, address *url.URL, got *document) error {
	m, _, err := parsePlaylist(got.text)
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
		if err := p.follow(u).load(ctx, ""); err != nil {
			return err
		}
	}
	return nil
}

// follow adds a rendition.
func (p *player) follow(u *url.URL) *rendition {
	r := &rendition{player: p, index: len(p.renditions), address: u}
	p.renditions = append(p.renditions, r)
	p.line.add()
	return r
}

// mostApartNS bounds how long a rendition may wait for another one to reach its discontinuity.
const mostApartNS = int64(time.Minute)

var errApart = errors.New("the discontinuities of video and sound do not agree in their playlists")

// step writes the unit that is decoded next. more is false after the last one.
func (p *player) step(ctx context.Context) (more bool, err error) {
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
		if err := p.line.enter(period, p.renditions); err != nil {
			return false, err
		}
	}
	return true, p.write(ctx, p.first(period))
}

// period returns the earliest period of the next units. waits reports whether a rendition has reached a later one.
func (p *player) period() (period uint64, waits bool) {
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
func (p *player) first(period uint64) (first *rendition) {
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

// joined leaves out sound that ends before the first picture, where a live stream is joined: the segments of the sound may
// begin seconds earlier. It reports whether units must be read again.
func (p *player) joined(period uint64) (again bool) {
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
			r.put(r.pop())
			again = again || len(r.units) == 0
		}
	}
	return again && !p.allEnded()
}

func (p *player) allEnded() bool {
	for _, r := range p.renditions {
		if len(r.units) == 0 && r.ended {
			return true
		}
	}
	return false
}

// write writes the next unit of a rendition when it is due.
func (p *player) write(ctx context.Context, r *rendition) error {
	u := r.pop()
	defer r.put(u)
	if r == p.renditions[0] {
		p.line.behind = r.behind
	}
	if err := p.line.wait(ctx, r, u); err != nil {
		return err
	}
	return p.line.write(r, u)
}

// drain writes what was read before the source was lost.
func (p *player) drain() {
	for _, r := range p.renditions {
		if r.body == nil {
			r.finish()
		}
	}
	for p.line.pub != nil {
		period, _ := p.period()
		r := p.first(period)
		if r == nil || p.line.enters(period) || p.line.write(r, r.pop()) != nil {
			return
		}
	}
}
