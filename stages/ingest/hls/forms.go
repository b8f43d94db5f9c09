package hls

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

// form reads the media of the pieces of a playlist, in one of the forms of media. It passes the units to a sink.
type form interface {
	// begin begins a piece. With follows, its media follows the media of the piece before.
	begin(p *piece, follows bool) error
	// read reads some of the piece. It returns io.EOF at the end.
	read(r *bufio.Reader) error
	// flush passes on the units that are held, because the next media does not follow the media before. With whole, the piece
	// was read to its end.
	flush(whole bool)
	// close ends the form, after flush.
	close()
}

// sink receives the units that a form reads.
type sink interface {
	unit() *unit
	push(u *unit)
	counter
}

// counter is the part of a publisher that counts, and that tells the settings of times.
type counter interface {
	Lost(cause string, n uint64)
	Repaired(cause string, n uint64)
	LeaveOut(codecs []string)
	Problem(track int, what *pipeline.Problem)
	Timing() hub.Timing
}

// refusal is an error that all further segments would have, too.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// prepare makes the form ready for the open piece.
func (r *rendition) prepare(ctx context.Context, p *piece) error {
	anew := r.form != nil && p.period != r.period
	follows := r.form != nil && !anew && r.losses == 0
	if r.form != nil && !follows {
		r.form.flush(r.whole)
	}
	if anew {
		r.form.close()
		r.form, r.initOf = nil, section{}
	}
	r.mark = r.losses > 0
	if p.period != r.period {
		r.period, r.jumps, r.tracked = p.period, 0, nil
	}
	init := section{}
	if p.init != nil {
		init = *p.init
	}
	var text []byte
	if !init.is(r.initOf) && p.init != nil {
		var err error
		if text, err = r.section(ctx, &init, p.number); err != nil {
			return fmt.Errorf("its initialisation section: %w", err)
		}
	}
	head := text
	if p.init == nil || text == nil {
		var err error
		if head, err = r.body.r.Peek(sniffBytes); err != nil && (len(head) == 0 || !errors.Is(err, io.EOF)) {
			return notEOF(err)
		}
	}
	if err := r.choose(head, p.init != nil); err != nil {
		return err
	}
	if text != nil {
		if err := r.use(text); err != nil {
			return err
		}
		r.initOf = init
	}
	return r.form.begin(p, follows)
}

// section reads an initialisation section.
func (r *rendition) section(ctx context.Context, s *section, number uint64) ([]byte, error) {
	u, err := r.resolve(s.uri)
	if err != nil {
		return nil, err
	}
	from, err := r.content(ctx, u, s.of, smallTimes*r.ReadTimeout)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	plain, err := r.decrypt(ctx, from, s.key, number)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(plain, maxInitBytes+1))
	if err == nil && len(text) > maxInitBytes {
		err = refusal{fmt.Errorf("it has more than %d MiB", maxInitBytes>>20)}
	}
	if err == nil && len(text) == 0 {
		err = io.ErrUnexpectedEOF
	}
	return text, err
}

// use takes the text of an initialisation section.
func (r *rendition) use(text []byte) error {
	switch f := r.form.(type) {
	case *fragments:
		return f.init(text)
	case *transportStream: // its tables
		return f.demuxer.Data(text, f.began)
	}
	return refusal{errors.New("packed audio has no initialisation section")}
}

// choose makes the form that reads media which begins with head. inited is set if there is an initialisation section.
func (r *rendition) choose(head []byte, inited bool) error {
	is := formOf(head)
	if is == unknownForm && inited { // the head is of a segment, whose first box may be any
		is = isFragments
	}
	have := unknownForm
	switch r.form.(type) {
	case *transportStream:
		have = isTransportStream
	case *fragments:
		have = isFragments
	case *packedAudio:
		have = isPackedAudio
	}
	if is == have && is != unknownForm {
		return nil
	}
	if r.form != nil {
		r.form.flush(r.whole)
		r.form.close()
		r.initOf = section{}
	}
	switch is {
	case isTransportStream:
		r.form = newTransportStream(r, r.Clock, r.Log)
	case isFragments:
		r.form = &fragments{to: r, log: r.Log}
	case isPackedAudio:
		r.form = &packedAudio{to: r}
	default:
		r.form = nil
		return refusal{fmt.Errorf("it begins with %.16q: only MPEG-TS, fragmented MP4, and packed AAC and MP3 can be read", head)}
	}
	return nil
}

// formKind is a form of segments.
type formKind int

const (
	unknownForm formKind = iota
	isTransportStream
	isFragments
	isPackedAudio
)

// firstBoxes are the types of the boxes with which a segment or an initialisation section begins.
var firstBoxes = map[string]bool{"ftyp": true, "styp": true, "moov": true, "moof": true, "sidx": true, "emsg": true, "prft": true, "free": true, "skip": true, "mdat": true}

// formOf returns the form of a segment that begins with head, and unknownForm if the bytes begin no known form.
func formOf(head []byte) formKind {
	switch {
	case len(head) >= 8 && firstBoxes[string(head[4:8])]:
		return isFragments
	case mpegts.IsStream(head), len(head) >= 188 && head[0] == 0x47:
		return isTransportStream
	case isPacked(head):
		return isPackedAudio
	}
	return unknownForm
}

// unit returns an empty unit for a form.
func (r *rendition) unit() *unit { return r.queue.take() }

// push takes a unit of a form.
func (r *rendition) push(u *unit) {
	at := u.ns()
	if r.tracked != u.of {
		if r.tracked == nil {
			r.newest = at
		}
		r.tracked, r.lastNS = u.of, make([]int64, len(u.of.list))
		for i := range r.lastNS {
			r.lastNS[i] = at
		}
	}
	allowed := max(jumpNS, 3*int64(r.list.target))
	if r.mark {
		allowed += 2 * int64(r.lossFor)
	}
	if at-r.newest > min(allowed, int64(mostLost)) || at < r.lastNS[u.track]-backNS && at < r.newest-backNS {
		r.jumps++
		r.newest = at
		for i := range r.lastNS {
			r.lastNS[i] = at
		}
	}
	r.newest, r.lastNS[u.track] = max(r.newest, at), at
	u.period = r.period<<16 + min(r.jumps, 1<<16-1)
	if r.mark {
		u.losses, u.lossNS = r.losses, int64(r.lossFor)
		u.leftNS = int64(r.leftFor)
		r.mark, r.losses, r.lossFor, r.leftFor = false, 0, 0, 0
	}
	r.units = append(r.units, u)
}

// finish passes on the units that the form holds.
func (r *rendition) finish() {
	if r.form != nil {
		r.form.flush(r.whole)
		r.form.close()
		r.form = nil
	}
}

// sayLoss logs the 1st, 2nd, 4th, 8th... loss.
func (r *rendition) sayLoss(what string, args ...any) {
	if r.losts++; bits.OnesCount(uint(r.losts)) == 1 {
		r.Log.Warn(what, append(args, "times_so_far", r.losts)...)
	}
}

// Lost, Repaired, LeaveOut, Problem and Timing pass the calls of a form on to the publisher.

func (r *rendition) Lost(cause string, n uint64)     { r.line.lost(cause, n) }
func (r *rendition) Repaired(cause string, n uint64) { r.line.repaired(cause, n) }
func (r *rendition) LeaveOut(codecs []string)        { r.line.leaveOut(r.index, codecs) }
func (r *rendition) Problem(track int, what *pipeline.Problem) {
	r.line.problem(r.index, track, what)
}
func (r *rendition) Timing() hub.Timing { return r.line.timing() }

var _ sink = (*rendition)(nil)
