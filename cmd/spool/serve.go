package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/recorder"
)

// ServeCmd is spool serve.
type ServeCmd struct{}

// Run records until a signal ends it. The first SIGINT or SIGTERM drains: every
// file is finished. A second one aborts: files are left as a crash would leave
// them, recoverable; when all are finished it only leaves commands of exec to the
// next start.
func (c *ServeCmd) Run(p *Program) error {
	if isInit() {
		err := runInit()
		if !errors.Is(err, errNoInit) {
			return err
		}
		fmt.Fprintf(p.Stderr, "warning: %v\n", err)
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	own, err := readKept(durable.Disk{}, keptFile(cfg.MP4.RecordPath))
	if err != nil {
		return err
	}
	declared, err := declareAll(cfg, own)
	if err != nil {
		return err
	}
	log := newLogger(cfg.Log, p.Stderr, p.Environ)
	for _, w := range cfg.Warnings {
		log.Warn(w.String())
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	// Not stopped at the end: a signal that comes again when all is done would turn
	// a good end into a death.

	house, err := newHouse(cfg, declared.declared, log)
	if err != nil {
		return err
	}
	house.plans = newPlans(declared, p.load, house)
	if err := house.open(context.Background()); err != nil {
		return errors.Join(err, house.close(context.Background(), nil))
	}
	house.begin()
	var first os.Signal
	var refused error
	began := time.Now()
	select {
	case first = <-signals:
		began = time.Now()
		log.Info("draining: files are being finished; a second signal aborts", "signal", first.String())
	case refused = <-house.refused:
		log.Error("draining: this recorder may not run", "error", refused)
	}
	err = errors.Join(refused, shutDown(house, secondSignal(house, signals, first, began)))
	if err == nil {
		log.Info("drained: every file is finished", "took", time.Since(began).Round(time.Millisecond))
	}
	return err
}

// sameWish is for how long the first signal may come again and be the same wish:
// timeout(1) and some supervisors send it to the process and to its group.
const sameWish = time.Second

// secondSignal gives the signals that follow the first one and are not its echo. Where
// spool drains without any, first is nil, and the first to come asks for what is done.
func secondSignal(h *house, signals <-chan os.Signal, first os.Signal, at time.Time) <-chan os.Signal {
	second := make(chan os.Signal, 1)
	h.tasks.Go("signals", func(ctx context.Context) error {
		for {
			select {
			case s := <-signals:
				if first == nil {
					first, at = s, time.Now()
					continue
				}
				if s != first || time.Since(at) > sameWish {
					second <- s
					return nil
				}
			case <-ctx.Done():
				return nil
			}
		}
	})
	return second
}

var errSecondSignal = errors.New("aborted by a second signal: what was being written is left recoverable")

// shutDown drains within the configured time, or until the next signal.
func shutDown(h *house, signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(h.cfg.ShutdownTimeout))
	defer cancel()
	drained := make(chan error, 1)
	h.tasks.Go("shutdown", func(context.Context) error {
		drained <- h.recorder.Shutdown(ctx)
		return nil
	})
	select {
	case err := <-drained:
		return errors.Join(err, h.close(ctx, signals))
	case <-signals:
		return errSecondSignal
	}
}

func (h *house) apiURL() string {
	if h.cfg.HTTP.TLS.Cert != "" {
		return "https://" + h.httpAddr
	}
	return "http://" + h.httpAddr
}

// publishURL is where a stream is published to; nowhere while RTSP is off.
func (h *house) publishURL() string {
	if h.cfg.Ingest.RTSP.Listen == "" {
		return "nowhere: ingest.rtsp.listen is empty"
	}
	return "rtsp://" + h.rtspAddr() + "/live/NAME"
}

// begin records what is to be recorded from the start, and tells the newcomer
// where things are.
func (h *house) begin() {
	cfg, log := h.cfg, h.log
	log.Info("spool is ready",
		"api", h.apiURL(), "publish_to", h.publishURL(), "recordings", cfg.MP4.RecordPath, "node", h.catalogue.Node())
	for path := range cfg.Streams {
		h.recorder.StartAlways(string(path))
	}
	h.plans.begin(h.tasks)
	if cfg.Demo == "" {
		return
	}
	demo := string(cfg.Demo)
	if _, err := h.recorder.Start(demo, recorder.StartOptions{}); err != nil {
		log.Error("the demo stream is not recorded", "stream", demo, "error", err)
		return
	}
	log.Info("recording the built-in demo stream: Ctrl-C finishes the file", "stream", demo)
	if cfg.Ingest.RTSP.Listen == "" {
		return
	}
	log.Info("to record a stream of your own",
		"publish", "ffmpeg -re -i VIDEO -c copy -f rtsp -rtsp_transport tcp "+h.publishURL(),
		"record", "curl -X POST "+h.apiURL()+"/mp4/start/live/NAME")
}
