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

// Run opens the parts and records until a signal arrives or another recorder turns out to have
// this node's name. The first signal drains: every file is finished. A second one aborts:
// unfinished files remain as after a crash and can be recovered; once all files are finished,
// it only leaves commands of exec to the next start. signals must have a capacity of two.
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
		s.log.Error("draining: this recorder must not run", "error", refused)
	}
	err := errors.Join(refused, s.shutDown(s.secondSignal(signals, first, began)))
	if err == nil {
		s.log.Info("drained: every file is finished", "took", s.clock.Now().Sub(began).Round(time.Millisecond))
	}
	return err
}

// sameRequest is the time in which a repetition of the first signal counts as the same request:
// timeout(1) and some supervisors send a signal to the process and to its group.
const sameRequest = time.Second

// secondSignal returns a channel with the first later signal that is not a repetition of the
// first one. If spool drains without a signal, first is nil, and the first signal to arrive
// counts as the request to drain.
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
				if next != first || s.clock.Now().Sub(at) > sameRequest {
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

var errSecondSignal = errors.New("aborted by a second signal: unfinished files can be recovered at the next start")

// shutDown drains until shutdown_timeout or the next signal.
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

// ownText is a text for the log that contains a URL made by this program, without a secret. The
// log reduces URLs in plain strings to scheme and host.
type ownText string

// publishURLs lists the URLs that a stream can be published to.
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

// publishTo lists the same addresses by scheme, host and port for the API.
func (s *Server) publishTo() (all []api.PublishAddress) {
	for _, server := range s.servers.All() {
		if to, ok := publishAddress(server.Scheme(), server.Address()); ok && server.Listens() {
			all = append(all, to)
		}
	}
	return all
}

// publishAddress returns a server's address in the form of URLs; false if it has no port yet.
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

// readyCheckEvery is the interval at which a start that is not ready checks its servers again.
const readyCheckEvery = time.Second

// logReady logs that streams can be published, or which server does not listen; it then waits
// for that server beside the recording. Disks and databases that do not answer log it
// themselves.
func (s *Server) logReady() {
	ready := func() {
		s.log.Info("spool is ready",
			"api", s.apiURL(), "publish_to", ownText(s.publishURLs()), "recordings", s.cfg.MP4.RecordPath, "node", s.catalogue.Node())
	}
	why := s.notListening()
	if why == "" {
		ready()
		return
	}
	s.log.Warn("spool runs, but is not ready: a server does not listen", "api", s.apiURL(), "because", why)
	s.tasks.Go("waiting to be ready", func(ctx context.Context) error {
		for s.notListening() != "" {
			if !pipeline.Sleep(ctx, s.clock, readyCheckEvery, nil) {
				return nil
			}
		}
		ready()
		return nil
	})
}

// notListening returns which servers do not listen, and why; "" if all do.
func (s *Server) notListening() string {
	var why []string
	for _, server := range s.servers.All() {
		if !server.Listens() {
			why = append(why, server.Name+": "+message(server.Fault()))
		}
	}
	return strings.Join(why, "; ")
}

// begin starts the configured recordings and logs how to publish and record the first stream.
func (s *Server) begin() {
	cfg, log := s.cfg, s.log
	s.logReady()
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
