// Package fmp4 serves a live stream as one endless fragmented MP4 over HTTP, for Media Source Extensions, ffmpeg and curl.
//
// The answer begins with the newest segment, and has no length. A client that reads too slowly continues with the newest
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
	use, err := s.Packagers.Open(path)
	if err != nil {
		return err
	}
	defer use.Close()
	init, err := tracks(ctx, use)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", init.MIME())
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return nil
	}
	a := answer{w: w, out: out, stall: s.Stall, now: s.Now, client: client}
	a.send(ctx, use.Client(), init)
	return nil
}

// tracks waits for the tracks of the stream, at most egress.TracksWait.
func tracks(ctx context.Context, use *cmaf.Use) (*cmaf.Init, error) {
	wait, cancel := context.WithTimeoutCause(ctx, egress.TracksWait, egress.ErrLate)
	defer cancel()
	return use.Tracks(wait)
}

// answer is one endless answer.
type answer struct {
	w      http.ResponseWriter
	out    *http.ResponseController
	stall  time.Duration
	now    func() time.Time
	client *egress.Client
	slices [][]byte
	buffer []byte
}

// send writes the init and all parts with it, until a write fails, the tracks change, or ctx ends.
func (a *answer) send(ctx context.Context, parts *cmaf.Client, init *cmaf.Init) {
	if a.write(init.Bytes) != nil {
		return
	}
	units := 0 // of the newest part, for an estimate of the skipped ones
	for {
		part, skipped, err := parts.Take(ctx)
		if err != nil {
			return
		}
		a.client.Skipped(skipped * uint64(units))
		units = part.Units
		err = egress.ErrHungUp
		if part.Init == init {
			err = a.part(part)
		}
		part.Release()
		if err != nil {
			return
		}
	}
}

// part writes a part with one write, for one system call and one chunk of HTTP.
func (a *answer) part(p *cmaf.Part) error {
	a.slices, a.buffer = p.Slices(a.slices[:0]), a.buffer[:0]
	for _, b := range a.slices {
		a.buffer = append(a.buffer, b...)
	}
	clear(a.slices)
	return a.write(a.buffer)
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
