package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
)

// Run opens the parts and records until a signal comes or another recorder turns out to
// have this one's name. The first signal drains: every file is finished. A second one
// aborts: files are left as a crash would leave them, recoverable; when all are finished
// it only leaves commands of exec to the next start. The channel wants room for two.
func (s *Server) Run(signals <-chan os.Signal) error {
	if err := s.open(context.Background()); err != nil {
		return errors.Join(err, s.close(context.Background(), nil))
	}
	s.begin()
	var first os.Signal
	var refused error
	began := s.clock.Now()
	select {
	case first = <-signals:
		began = s.clock.Now()
		s.log.Info("draining: files are being finished; a second signal aborts", "signal", first.String())
	case refused = <-s.refused:
		s.log.Error("draining: this recorder may not run", "error", refused)
	}
	err := errors.Join(refused, s.shutDown(s.secondSignal(signals, first, began)))
	if err == nil {
		s.log.Info("drained: every file is finished", "took", s.clock.Now().Sub(began).Round(time.Millisecond))
	}
	return err
}

// sameWish is for how long the first signal may come again and be the same wish:
// timeout(1) and some supervisors send it to the process and to its group.
const sameWish = time.Second

// secondSignal gives the signals that follow the first one and are not its echo. Where
// spool drains without any, first is nil, and the first to come asks for what is done.
func (s *Server) secondSignal(signals <-chan os.Signal, first os.Signal, at time.Time) <-chan os.Signal {
	second := make(chan os.Signal, 1)
	s.tasks.Go("signals", func(ctx context.Context) error {
		for {
			select {
			case next := <-signals:
				if first == nil {
					first, at = next, s.clock.Now()
					continue
				}
				if next != first || s.clock.Now().Sub(at) > sameWish {
					second <- next
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
func (s *Server) shutDown(signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(s.cfg.ShutdownTimeout))
	defer cancel()
	drained := make(chan error, 1)
	s.tasks.Go("shutdown", func(context.Context) error {
		drained <- s.recorder.Shutdown(ctx)
		return nil
	})
	select {
	case err := <-drained:
		return errors.Join(err, s.close(ctx, signals))
	case <-signals:
		return errSecondSignal
	}
}

func (s *Server) apiURL() string {
	if s.cfg.HTTP.TLS.Cert != "" {
		return "https://" + config.DialAddress(s.httpAddr)
	}
	return "http://" + config.DialAddress(s.httpAddr)
}

// ownText is a text for the log in which the program put a URL of its own, without a
// secret: of a plain text the log shows scheme and host only.
type ownText string

// publishURLs are where a stream is published to; nowhere while no server listens.
func (s *Server) publishURLs() string {
	var all []string
	for _, server := range s.servers.All() {
		all = append(all, server.URL("live/NAME"))
	}
	if len(all) == 0 {
		return "nowhere: no server of ingest has an address to listen on"
	}
	return strings.Join(all, ", ")
}

// publishTo tells the API the same, by host and port.
func (s *Server) publishTo() (all []api.PublishAddress) {
	for _, server := range s.servers.All() {
		if to, ok := publishAddress(server.Scheme(), server.Address()); ok && server.Listens() {
			all = append(all, to)
		}
	}
	return all
}

// publishAddress returns a server's address as URLs write it; false where it has no port
// yet.
func publishAddress(scheme, address string) (to api.PublishAddress, ok bool) {
	host, text, err := net.SplitHostPort(address)
	port, _ := strconv.Atoi(text)
	if err != nil || port == 0 {
		return to, false
	}
	switch ip, err := netip.ParseAddr(host); {
	case err == nil && ip.IsUnspecified():
		host = ""
	case err == nil && ip.Is6():
		host = "[" + host + "]"
	}
	return api.PublishAddress{Scheme: scheme, Host: host, Port: port}, true
}

// lookAgainAfter is how often a start that is not ready looks whether it is.
const lookAgainAfter = time.Second

// sayReady logs that streams are taken in, or which server does not listen, and then waits
// for it beside the recording. Disks and databases that do not answer say so themselves.
func (s *Server) sayReady() {
	ready := func() {
		s.log.Info("spool is ready",
			"api", s.apiURL(), "publish_to", ownText(s.publishURLs()), "recordings", s.cfg.MP4.RecordPath, "node", s.catalogue.Node())
	}
	why := s.deaf()
	if why == "" {
		ready()
		return
	}
	s.log.Warn("spool runs, and is not ready: a server does not listen", "api", s.apiURL(), "because", why)
	s.tasks.Go("waiting to be ready", func(ctx context.Context) error {
		for s.deaf() != "" {
			if !pipeline.Sleep(ctx, s.clock, lookAgainAfter, nil) {
				return nil
			}
		}
		ready()
		return nil
	})
}

// deaf returns which servers do not listen, and why; empty where all do.
func (s *Server) deaf() string {
	var why []string
	for _, server := range s.servers.All() {
		if !server.Listens() {
			why = append(why, server.Name+": "+message(server.Fault()))
		}
	}
	return strings.Join(why, "; ")
}

// begin records what is to be recorded from the start, and tells the newcomer
// where things are.
func (s *Server) begin() {
	cfg, log := s.cfg, s.log
	s.sayReady()
	for path := range cfg.Streams {
		s.recorder.StartAlways(string(path))
	}
	s.declared.Begin(s.tasks)
	if cfg.Demo == "" {
		return
	}
	demo := string(cfg.Demo)
	if _, err := s.recorder.Start(demo, recorder.StartOptions{}); err != nil {
		log.Error("the demo stream is not recorded", "stream", demo, "error", err)
		return
	}
	log.Info("recording the built-in demo stream: Ctrl-C finishes the file", "stream", demo)
	s.sayHowToPublish()
}

// sayHowToPublish logs a command that publishes to each server that listens.
func (s *Server) sayHowToPublish() {
	for _, server := range s.servers.All() {
		if how := server.Command(server.URL("live/NAME")); how != "" && server.Listens() {
			s.log.Info("to record a stream of your own", "publish", ownText(how), "record", ownText("curl -X POST "+s.apiURL()+"/mp4/start/live/NAME"))
		}
	}
}
