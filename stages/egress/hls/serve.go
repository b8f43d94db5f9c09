package hls

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// Errors of Serve beside those of egress.Readers.
var (
	ErrNoFile = errors.New("no such file of the live stream: it has left the window, or is not made yet")
	ErrQuery  = errors.New("wrong query of a live stream")
	ErrBusy   = fmt.Errorf("the session has %d requests that wait: the client asks too often", maxRequests)
)

// Server serves streams. Its methods are safe for concurrent use.
type Server struct {
	sessions
	stall time.Duration
}

// New returns a server. stall is the longest time for which a client may take nothing.
func New(readers *egress.Readers, packagers *cmaf.Packagers, tasks *pipeline.Tasks, clock pipeline.Clock, stall time.Duration) *Server {
	return &Server{stall: stall, sessions: sessions{
		readers: readers, packagers: packagers, tasks: tasks, clock: clock, by: map[string]*session{},
	}}
}

// Split divides the path of a file into that of its stream and the file's name. known is false for a name that this package does
// not serve.
func Split(file string) (path, name string, known bool) {
	at := strings.LastIndexByte(file, '/')
	if at < 0 {
		return "", "", false
	}
	path, name = file[:at], file[at+1:]
	if name == masterName || name == mediaName {
		return path, name, true
	}
	_, _, known = parseName(name)
	return path, name, known
}

// The names of the playlists.
const (
	masterName = "index.m3u8"
	mediaName  = "live.m3u8"
)

// parseName reads the kind and the number of the name of a file with media: init, part or segment.
func parseName(name string) (kind string, number uint64, known bool) {
	stem, is := strings.CutSuffix(name, ".m4s")
	kind, digits, cut := strings.Cut(stem, "-")
	number, err := strconv.ParseUint(digits, 10, 63)
	if !is || !cut || err != nil || strconv.FormatUint(number, 10) != digits {
		return "", 0, false
	}
	return kind, number, kind == "init" || kind == "part" || kind == "segment"
}

// Serve answers a GET or HEAD for a file of a stream, with a name that Split knows. The caller has checked that the user may read
// the stream. An error means that nothing has been written.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, path, name, user string) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrQuery, err)
	}
	one, id, leave, err := s.enter(r, path, user, query.Get("session"))
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(one.ended, func() { cancel(egress.ErrHungUp) })()
	out := answer{w: w, r: r, s: s, client: one.client}
	switch kind, number, _ := parseName(name); {
	case name == masterName:
		return out.master(ctx, one.use, id)
	case name == mediaName:
		return out.media(ctx, one.use, id, query)
	case kind == "init":
		return out.init(ctx, one.use, number)
	case kind == "part":
		return out.part(ctx, one.use, number)
	default:
		return out.segment(ctx, one.use, number)
	}
}

// answer is the answer to one request.
type answer struct {
	w      http.ResponseWriter
	r      *http.Request
	s      *Server
	client *egress.Client
}

// The Cache-Control of the answers. Names of media are valid only for the life of a packager, and a shared cache would serve a
// stream to users that may not read it.
const (
	cachePlaylist = "no-cache"
	cacheMedia    = "private, max-age=60"
)

func (a *answer) master(ctx context.Context, use *cmaf.Use, session string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, egress.TracksWait, egress.ErrLate)
	defer cancel()
	init, err := use.Tracks(ctx)
	if err != nil {
		return err
	}
	parts, err := use.Parts(ctx, firstPart)
	if err != nil {
		return err
	}
	defer cmaf.ReleaseAll(parts)
	return a.text(writeMaster(init, parts, session))
}

// firstPart is a condition of Use.Parts: there is a part.
func firstPart(parts []*cmaf.Part) bool { return len(parts) > 0 }

func (a *answer) media(ctx context.Context, use *cmaf.Use, session string, query url.Values) error {
	q, err := parseQuery(query)
	if err != nil {
		return err
	}
	if !q.blocks {
		a.awaitSegment(ctx, use)
	}
	parts, err := a.await(ctx, egress.TracksWait, use, firstPart)
	if err != nil {
		return err
	}
	cmaf.ReleaseAll(parts)
	if err := use.Extend(ctx); err != nil {
		return err
	}
	q.limits = use.Limits()
	wait, stop := context.WithTimeoutCause(ctx, time.Duration(3*q.limits.SegmentNS), egress.ErrLate) // RFC 8216bis, 6.2.5.2
	defer stop()
	past, parts, err := use.Window(wait, q.ready)
	if err != nil {
		return err
	}
	defer cmaf.ReleaseAll(parts)
	if q.tooFar(parts) {
		return fmt.Errorf("%w: _HLS_msn %d, _HLS_part %d is too far ahead", ErrQuery, q.segment, q.part)
	}
	return a.text(writeMedia(past, parts, q.limits, session, q.skip))
}

// await is Use.Parts, with ErrLate after a time.
func (a *answer) await(ctx context.Context, atMost time.Duration, use *cmaf.Use, ready func([]*cmaf.Part) bool) ([]*cmaf.Part, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, atMost, egress.ErrLate)
	defer cancel()
	return use.Parts(ctx, ready)
}

// firstSegmentWait bounds awaitSegment.
const firstSegmentWait = 4 * time.Second

// awaitSegment waits until the window has a complete segment: hls.js takes a playlist without one for a fault. If GOPs are long,
// the wait ends before.
func (a *answer) awaitSegment(ctx context.Context, use *cmaf.Use) {
	parts, _ := a.await(ctx, firstSegmentWait, use, func(parts []*cmaf.Part) bool {
		return len(parts) > 0 && parts[len(parts)-1].Segment > parts[0].Segment
	})
	cmaf.ReleaseAll(parts)
}

func (a *answer) text(b []byte) error {
	return a.bytes("application/vnd.apple.mpegurl", cachePlaylist, [][]byte{b})
}

func (a *answer) init(ctx context.Context, use *cmaf.Use, number uint64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, egress.TracksWait, ErrNoFile)
	defer cancel()
	parts, err := use.Parts(ctx, firstPart)
	if err != nil {
		return err
	}
	cmaf.ReleaseAll(parts)
	if init := use.Described(number); init != nil {
		return a.content(init.MIME(), [][]byte{init.Bytes})
	}
	return ErrNoFile
}

// partWait bounds the wait for a part that a playlist has announced.
const partWait = 10 * time.Second

func (a *answer) part(ctx context.Context, use *cmaf.Use, number uint64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, partWait, ErrNoFile)
	defer cancel()
	parts, err := use.Parts(ctx, func(parts []*cmaf.Part) bool {
		n := len(parts)
		return n > 0 && (parts[n-1].Number >= number || parts[n-1].Number+1 < number) // the hinted one is awaited
	})
	if err != nil {
		return err
	}
	defer cmaf.ReleaseAll(parts)
	for _, p := range parts {
		if p.Number == number {
			return a.content(p.Init.MIME(), [][]byte{p.Bytes()}) // one write, of bytes that all clients share
		}
	}
	return ErrNoFile
}

func (a *answer) segment(ctx context.Context, use *cmaf.Use, number uint64) error {
	parts := use.Segment(number)
	defer cmaf.ReleaseAll(parts)
	if len(parts) == 0 {
		return a.recorded(ctx, use, number)
	}
	var all [][]byte
	for _, p := range parts {
		all = p.Slices(all)
	}
	return a.content(parts[0].Init.MIME(), all)
}

// recorded answers with a segment that has left memory.
func (a *answer) recorded(ctx context.Context, use *cmaf.Use, number uint64) error {
	s, err := use.Recorded(ctx, number)
	if errors.Is(err, cmaf.ErrNotRecorded) {
		return ErrNoFile
	}
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // it was only read
	a.describe(s.Init.MIME(), cacheMedia, s.SizeBytes)
	if a.r.Method == http.MethodHead {
		return nil
	}
	_ = s.Copy(a) // the client is gone, or by the length it knows that the rest is missing
	return nil
}

// Write writes a piece of the answer. It implements io.Writer.
func (a *answer) Write(b []byte) (int, error) {
	_ = http.NewResponseController(a.w).SetWriteDeadline(a.s.clock.Now().Add(a.s.stall)) // no error on a server's connection
	n, err := a.w.Write(b)
	a.client.Sent(n)
	return n, err
}

func (a *answer) describe(mime, cache string, sizeBytes int) {
	a.w.Header().Set("Content-Type", mime)
	a.w.Header().Set("Cache-Control", cache)
	a.w.Header().Set("Content-Length", strconv.Itoa(sizeBytes))
}

func (a *answer) content(mime string, b [][]byte) error { return a.bytes(mime, cacheMedia, b) }

// bytes writes the answer. A write that fails is no error of Serve: the client is gone.
func (a *answer) bytes(mime, cache string, b [][]byte) error {
	size := 0
	for _, one := range b {
		size += len(one)
	}
	a.describe(mime, cache, size)
	if a.r.Method == http.MethodHead {
		return nil
	}
	for _, one := range b {
		if _, err := a.Write(one); err != nil {
			return nil
		}
	}
	return nil
}
