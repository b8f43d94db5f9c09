package api

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/export"
	"github.com/gospool/spool/api/export/recorded"
	"github.com/gospool/spool/api/metrics"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/hls"
	"github.com/gospool/spool/api/playback/play"
	"github.com/gospool/spool/api/playback/still"
	"github.com/gospool/spool/api/playback/timeline"
	"github.com/gospool/spool/api/scrub"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/guard"
	"github.com/julienschmidt/httprouter"
)

// Server answers the requests of the API. It is an http.Handler; Listen and Serve run it with the
// limits of Config.Limits.
type Server struct {
	cfg       Config
	deps      Deps
	table     []route
	router    *httprouter.Router
	auth      *auth.Authenticator
	hosts     hosts
	origins   *http.CrossOriginProtection
	readers   *playback.Readers
	checked   playback.Checked // files that a player was given a moment ago
	player    *play.Player     // nil without Deps.Clips
	timelines *timeline.Maker  // nil without Deps.Clips
	stills    *still.Server    // nil without Deps.Clips
	exported  *export.Store    // nil without Deps.Exports
	lists     *hls.Lists       // nil without Deps.Clips
	shown     scrub.Scrubber
	document  func() ([]byte, error) // returns the OpenAPI document, which the first call makes
	scrape    http.Handler           // answers /metrics
	coverages chan struct{}          // semaphore of the coverage answers in progress
	front     door                   // of the API
	side      door                   // of the requests of MediaMTX's playback server
}

// New checks the configuration and returns a server that does not listen yet. deps must have
// Recorder, Streams, Catalogue and Files; the other fields may be zero.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if deps.Recorder == nil || deps.Streams == nil || deps.Catalogue == nil || deps.Files == nil {
		return nil, errors.New("api: a recorder, streams, a catalogue and files are needed")
	}
	cfg.Name = cmp.Or(cfg.Name, "spool")
	cfg.Limits = cfg.Limits.withDefaults()
	deps.Log = cmp.Or(deps.Log, slog.New(slog.DiscardHandler))
	if deps.Clock == nil {
		deps.Clock = pipeline.SystemClock
	}
	deps.Readers = cmp.Or(deps.Readers, &playback.Readers{})
	if deps.PublishTo == nil {
		deps.PublishTo = func() []PublishAddress { return nil }
	}
	who, err := auth.New(cfg.Auth, cfg.Limits.LoginFailures, deps.Clock, deps.SignIns)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, deps: deps, table: routes(), auth: who, hosts: newHosts(cfg), origins: http.NewCrossOriginProtection(), coverages: make(chan struct{}, maxCoverages), readers: deps.Readers}
	s.shown = scrub.Scrubber{RecordDir: cfg.RecordDir}
	if deps.Clips != nil {
		s.player = &play.Player{
			Library: deps.Clips, Catalogue: deps.Catalogue, Readers: s.readers, Stall: cfg.Limits.Stall, Now: deps.Clock.Now,
			Failed: func(stream string, err error) {
				deps.Log.Error("the answer with a span of footage ended early", "stream", stream, "error", err)
			},
		}
	}
	if s.player != nil && deps.Exports != nil {
		s.exported = deps.Exports(recorded.Source{Player: s.player})
	}
	if deps.Clips != nil {
		s.lists = s.newLists()
	}
	s.front = door{setting: "http.listen", address: cfg.Listen, handler: s}
	s.side = door{setting: "http.mediamtx.listen", address: cfg.MediaMTX.Listen}
	if s.player == nil && cfg.MediaMTX.Listen != "" {
		return nil, errors.New("api: http.mediamtx.listen needs clips")
	}
	if s.player != nil {
		if s.side.handler, err = s.newMediaMTX(); err != nil {
			return nil, err
		}
	}
	s.newMoments()
	for i := range s.table {
		s.shown.Endpoints = append(s.shown.Endpoints, s.table[i].template())
	}
	s.router = s.newRouter(s.table)
	s.router.PanicHandler = s.recovered
	s.document = sync.OnceValues(func() ([]byte, error) { return document(cfg, s.table) })
	s.scrape, err = metrics.New(metrics.Config{
		Version: cfg.Version, MaxStreams: cfg.MaxSeries, Clock: deps.Clock,
		Streams: deps.Streams, Recorder: deps.Recorder, Problems: s.wrong, More: deps.Metrics,
	})
	return s, err
}

// recovered logs the panic of a handler with its stack and answers 500. It passes on
// http.ErrAbortHandler, with which net/http closes the connection.
func (s *Server) recovered(w http.ResponseWriter, r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	s.fail(w, r, fmt.Errorf("%w\n%s", &guard.PanicError{Value: v}, debug.Stack()))
}
