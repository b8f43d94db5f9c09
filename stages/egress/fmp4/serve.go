// Package fmp4 serves a live stream as one endless fragmented MP4 over HTTP, for Media Source Extensions, ffmpeg and curl.
//
// The answer begins with the newest segment that begins with a key frame, and has no length. A client that reads too slowly continues with the newest
// segment: the decode times in the parts show the hole. Other tracks end the answer, so that the client requests it again.
package fmp4

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// Protocol is the name of this output in the list of connections.
const Protocol = "fmp4"

func init() { egress.RegisterOutput(Protocol) }

// Server serves streams. Its methods are safe for concurrent use.
type Server struct {
	Readers   *egress.Readers
	Packagers *cmaf.Packagers
	// Stall is the longest time for which a client may take nothing.
	Stall time.Duration
	Now   func() time.Time
}

// Serve answers a GET or HEAD for the stream of a path. The caller has checked that the user may read the stream. An error means
// that nothing has been written.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, path, user string) error {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	out := http.NewResponseController(w)
	client, err := s.Readers.Admit(egress.Request{
		Protocol: Protocol, Path: path, Remote: r.RemoteAddr, User: user, TLS: r.TLS != nil,
		HangUp: func() { cancel(egress.ErrHungUp); _ = out.SetWriteDeadline(s.Now()) }, // a blocked write ends, too
	})
	if err != nil {
		return err
	}
	defer client.Close()
	use, err := s.Packagers.Open(path, client.Offer.Window.D())
	if err != nil {
		return err
	}
	defer use.Close()
	wait, stop := context.WithTimeoutCause(ctx, egress.TracksWait, egress.ErrLate)
	defer stop()
	init, err := use.Tracks(wait)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		describe(w, init)
		return nil
	}
	parts := use.Client()
	first, _, err := parts.Take(wait)
	if err != nil {
		return err
	}
	stop()
	describe(w, first.Init)
	a := answer{w: w, out: out, stall: s.Stall, now: s.Now, client: client}
	a.send(ctx, parts, first)
	return nil
}

func describe(w http.ResponseWriter, init *cmaf.Init) {
	w.Header().Set("Content-Type", init.MIME())
	w.Header().Set("Cache-Control", "no-store")
}

// answer is one endless answer.
type answer struct {
	w      http.ResponseWriter
	out    *http.ResponseController
	stall  time.Duration
	now    func() time.Time
	client *egress.Client
}

// send writes the init of the part, the part, and all parts with the same init, until a write fails, the tracks change, or ctx
// ends. It releases the part.
func (a *answer) send(ctx context.Context, parts *cmaf.Client, part *cmaf.Part) {
	init, units := part.Init, part.Units
	err := a.write(init.Bytes)
	for err == nil && part.Init == init {
		err = a.write(part.Bytes())
		part.Release()
		if err != nil {
			return
		}
		var skipped uint64
		if part, skipped, err = parts.Take(ctx); err != nil {
			return
		}
		a.client.Skipped(skipped * uint64(units)) // an estimate by the units of the newest part
		units = part.Units
	}
	part.Release()
}

func (a *answer) write(b []byte) error {
	if err := a.out.SetWriteDeadline(a.now().Add(a.stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	n, err := a.w.Write(b)
	a.client.Sent(n)
	if err != nil {
		return err
	}
	return a.out.Flush()
}
