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

// Run opens the parts and records until a signal arrives on signals, or until the database reports that
// another recorder has this node's name. Then Run drains: it finishes every file, closes the parts and
// returns. A second signal before all files are finished aborts: Run returns an error, and the
// unfinished files can be recovered, as after a crash. A second signal after all files are finished
// only ends the wait for commands of exec, which the next start runs. signals must have a capacity of
// two.
func (s *Server) Run(signals <-chan os.Signal) error {
	if err := s.open(context.Background()); err != nil {
		return errors.Join(err, s.close(context.Background(), nil))
	}
	s.begin()
	keepHeapSmall()
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

// sameRequest is the time in which a repetition of the first signal does not count as a second signal:
// timeout(1) and some supervisors send one signal both to the process and to its process group.
const sameRequest = time.Second

// secondSignal returns a channel that receives the next signal that is not a repetition of first, which
// arrived at the time at: see sameRequest. If the drain began without a signal, first is nil; the next
// signal then counts as the first one.
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

// shutDown finishes all files and closes the parts within the setting shutdown_timeout. It returns
// errSecondSignal if a signal arrives before all files are finished.
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

// apiURL returns the URL of the HTTP API.
func (s *Server) apiURL() string {
	if s.cfg.HTTP.TLS.Cert != "" {
		return "https://" + config.DialAddress(s.httpAddr)
	}
	return "http://" + config.DialAddress(s.httpAddr)
}

// ownText is a text for the log with URLs that this program has made and that hold no secret. The log
// writes it unchanged, while it reduces the URLs in a plain string to scheme and host.
type ownText string

// publishURLs returns a text for the log with the URLs that a client can publish a stream to.
func (s *Server) publishURLs() string {
	var all []string
	for _, server := range s.servers.All() {
		all = append(all, server.URL(s.apiURL(), "live/NAME"))
	}
	if len(all) == 0 {
		return "nowhere: no server of ingest has an address to listen on"
	}
	return strings.Join(all, ", ")
}

// publishTo lists the addresses that a client can publish a stream to, for the API.
func (s *Server) publishTo() (all []api.PublishAddress) {
	for _, server := range s.servers.All() {
		if server.Signalled() {
			continue // its clients publish to the address at which they reach this API
		}
		if to, ok := publishAddress(server.Scheme(), server.Address()); ok && server.Listens() {
			all = append(all, to)
		}
	}
	return all
}

// publishAddress converts a server's address, host:port, to the parts of a URL. The host is empty if
// the server listens on all addresses of the machine. ok is false if the server has no port yet.
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

// readyCheckEvery is the interval at which logReady checks whether the servers listen.
const readyCheckEvery = time.Second

// logReady logs that spool is ready if all servers listen. If one does not, it logs this instead, and starts a
// task that logs that spool is ready once all listen. Disks and databases do not matter here: their failures
// are logged elsewhere.
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

// notListening returns a text with the servers that do not listen, and the reasons. It returns "" if
// all servers listen.
func (s *Server) notListening() string {
	var why []string
	for _, server := range s.servers.All() {
		if !server.Listens() {
			why = append(why, server.Name+": "+message(server.Fault()))
		}
	}
	return strings.Join(why, "; ")
}

// begin starts the recordings of the configured streams, and the tasks of schedule and reload. If the
// built-in demo stream is configured, it also records this one and logs how to publish others.
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

// sayHowToPublish logs, for each server that listens, a command that publishes a stream to it and a
// command that starts its recording.
func (s *Server) sayHowToPublish() {
	for _, server := range s.servers.All() {
		if how := server.Command(server.URL(s.apiURL(), "live/NAME")); how != "" && server.Listens() {
			s.log.Info("to record a stream of your own", "publish", ownText(how), "record", ownText("curl -X POST "+s.apiURL()+"/mp4/start/live/NAME"))
		}
	}
}
