package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/clients"
	"github.com/gospool/spool/stages/ingest/rtsp/client"
)

// Config is the server's configuration, from Settings and the program.
type Config struct {
	Listen             string // host:port; empty: no server
	UDP                UDP    // ports on the same host
	OverridePublisher  bool
	ReadTimeout        time.Duration // of a publisher that sends no data
	WriteTimeout       time.Duration
	AnnounceTimeout    time.Duration // from connecting to ANNOUNCE, whatever other requests arrive; from there to RECORD ReadTimeout applies
	MaxConnections     int           // 0: no limit
	MaxPerAddress      int           // connections from one address that do not record; 0: a quarter of MaxConnections
	MaxSessions        int           // publications at once, over UDP too; 0: MaxConnections
	UDPReadBufferBytes int           // bytes requested from the system for each UDP port (2 MiB)
	Clock              pipeline.Clock

	// TLS makes the server listen for RTSPS, as well or alone.
	TLS TLS
	// Authorizer decides which clients may publish. The server calls it once for each ANNOUNCE, before it looks at
	// the session description. With an ingest.DigestAuthorizer clients answer challenges.
	Authorizer ingest.Authorizer
	// PlainBasic accepts plain passwords also if strangers can read them: over an unencrypted connection of a server
	// that does not listen on loopback alone.
	PlainBasic bool

	public bool // treats the address as reachable by strangers, for tests
}

func (c Config) withDefaults() Config {
	for _, d := range []*time.Duration{&c.ReadTimeout, &c.WriteTimeout, &c.AnnounceTimeout} {
		if *d <= 0 {
			*d = client.DefaultTimeout
		}
	}
	if c.MaxSessions <= 0 {
		c.MaxSessions = c.MaxConnections
	}
	if c.UDPReadBufferBytes <= 0 {
		c.UDPReadBufferBytes = udpReadBufferBytes
	}
	if c.Clock == nil {
		c.Clock = pipeline.SystemClock
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && !config.Loopback(host) {
		c.public = true
	}
	return c
}

// Validate returns the faults of the configuration.
func (c Config) Validate() error {
	if c.TLS.Listen != "" {
		if _, _, err := net.SplitHostPort(c.TLS.Listen); err != nil {
			return fmt.Errorf("tls.listen: %w; write host:port, such as :8322", err)
		}
		if c.TLS.Cert == "" || c.TLS.Key == "" {
			return errors.New("tls: cert or key is missing")
		}
	}
	if c.Listen == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: %w; write host:port, such as 127.0.0.1:8554", err)
	}
	if c.UDP == (UDP{}) {
		return nil
	}
	if c.UDP.RTP == 0 || c.UDP.RTP%2 != 0 || c.UDP.RTCP != c.UDP.RTP+1 {
		return fmt.Errorf("udp: rtp %d and rtcp %d: rtp must be even and rtcp the next, such as 8000 and 8001", c.UDP.RTP, c.UDP.RTCP)
	}
	return nil
}

// Server accepts publications.
type Server struct {
	cfg       Config
	hub       *hub.Hub
	log       *slog.Logger
	strangers *slog.Logger // for events that any client can cause
	sessions  atomic.Int64 // that record
	ports     ports
	reading   chan struct{} // one element for each session description that is being read
	ready     chan struct{}
	once      sync.Once
	addr      net.Addr
	udp       bool
	numbers   *numbering // of the packets over UDP; nil without UDP

	descriptions atomic.Int64 // that were read; tests count the work

	clients   *clients.Table
	large     chan struct{}            // one element for each large request
	admitting sync.Mutex               // connections of all ports are counted one at a time
	encrypted net.Addr                 // address for RTSPS; nil without RTSPS
	cert      *certificate.Certificate // nil without RTSPS
}

// New makes a server. It does no I/O.
func New(cfg Config, h *hub.Hub, log *slog.Logger) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, hub: h, log: log, strangers: sparinglog.New(log), ready: make(chan struct{}),
		clients: clients.New(protocol, clients.Limits{Connections: cfg.MaxConnections, PerAddress: cfg.MaxPerAddress}, log, cfg.Clock),
		ports:   ports{of: map[netip.AddrPort]*session{}}, reading: make(chan struct{}, readAtOnce),
		large: make(chan struct{}, largeRequests),
	}
	if cfg.TLS.Listen != "" {
		s.cert = certificate.Open("ingest.rtsp.tls", cfg.TLS.Cert, cfg.TLS.Key, log)
	}
	return s
}

// Fault returns why clients cannot connect although the server listens: the certificate of RTSPS is broken. It
// returns nil if they can. See ingest.FaultyServer.
func (s *Server) Fault() error {
	if s.cert == nil {
		return nil
	}
	if err := s.cert.Err(); err != nil {
		return fmt.Errorf("ingest.rtsp.tls: %w", err)
	}
	return nil
}

// Ready is closed once the server listens; Addr and UDP are valid from then on.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr returns the address at which the server listens: that of RTSPS if it has no other.
func (s *Server) Addr() net.Addr { return s.addr }

// Scheme returns the scheme of a URL for publishing.
func (s *Server) Scheme() string {
	if s.cfg.Listen == "" {
		return "rtsps"
	}
	return protocol
}

// EncryptedAddr returns the address at which the server listens for RTSPS, or nil.
func (s *Server) EncryptedAddr() net.Addr { return s.encrypted }

// UDP reports whether media may arrive over UDP.
func (s *Server) UDP() bool { return s.udp }

// Counts returns the server's counters.
func (s *Server) Counts() clients.Counts { return s.clients.Counts() }

// Connections lists the open connections, the oldest first.
func (s *Server) Connections() []media.Connection { return s.clients.List() }

// Run serves until the context ends; then it ends every publication and returns nil. Without an address it returns at
// once.
func (s *Server) Run(ctx context.Context) error {
	if s.cfg.Listen == "" && s.cfg.TLS.Listen == "" {
		return nil
	}
	if err := s.cfg.Validate(); err != nil {
		return fmt.Errorf("rtsp server: %w", err)
	}
	all, err := s.start()
	if err != nil {
		return fmt.Errorf("rtsp server: %w", err)
	}
	s.listens(all)
	defer context.AfterFunc(ctx, all.close)()
	var errs []error
	for _, e := range all { // if one ends, all end
		errs = append(errs, e.lib.Wait())
	}
	if ctx.Err() == nil {
		return fmt.Errorf("rtsp server: %w", errors.Join(errs...))
	}
	all.close() // waits for the function that AfterFunc has started
	return nil
}

// listens logs the addresses.
func (s *Server) listens(all endpoints) {
	s.addr = all[0].ln.Addr()
	args := []any{"address", s.addr.String(), "udp", s.udp}
	if last := all[len(all)-1].ln; last.tls != nil {
		s.encrypted = last.Addr()
		args = append(args, "rtsps", s.encrypted.String())
	}
	s.once.Do(func() { close(s.ready) })
	s.log.Info("rtsp server listens", args...)
}

// endpoints are the ports at which a server listens: for RTSP, for RTSPS, or for both, in this order.
type endpoints []endpoint

type endpoint struct {
	lib *gortsplib.Server
	ln  *listener
}

func (all endpoints) close() {
	for _, e := range all {
		e.lib.Close()
	}
}

// start listens at every address, or at none.
func (s *Server) start() (all endpoints, err error) {
	for _, address := range []struct {
		setting, listen string
		begin           func(string) (endpoint, error)
	}{{"ingest.rtsp.listen", s.cfg.Listen, s.startPlain}, {"ingest.rtsp.tls.listen", s.cfg.TLS.Listen, s.startEncrypted}} {
		if address.listen == "" {
			continue
		}
		e, err := address.begin(address.listen)
		if err != nil {
			all.close()
			return nil, config.NewListenFault(address.setting, address.listen, err)
		}
		all = append(all, e)
	}
	for _, e := range all {
		e.ln.others = all
	}
	return all, nil
}

// startPlain binds every socket before gortsplib does, so that the server runs without UDP if its UDP ports are in
// use.
func (s *Server) startPlain(listen string) (endpoint, error) {
	tcp, err := net.Listen("tcp", listen)
	if err != nil {
		return endpoint{}, err
	}
	e := s.endpoint(listen, newListener(tcp, s, nil), !s.cfg.public || s.cfg.PlainBasic)
	if s.cfg.UDP != (UDP{}) {
		s.bindUDP(e.lib)
	}
	return e.start()
}

// endpoint returns an endpoint that is not started yet. With basic it accepts plain passwords.
func (s *Server) endpoint(listen string, ln *listener, basic bool) endpoint {
	return endpoint{&gortsplib.Server{
		RTSPAddress:  listen,
		ReadTimeout:  longestSilence,
		WriteTimeout: s.cfg.WriteTimeout,
		AuthMethods:  []auth.VerifyMethod{auth.VerifyMethodBasic}, // unused: see authorize
		Handler:      &handler{s, basic},
		Listen:       func(string, string) (net.Listener, error) { return ln, nil },
	}, ln}
}

func (e endpoint) start() (endpoint, error) {
	if err := e.lib.Start(); err != nil {
		_ = e.ln.Close()
		return endpoint{}, err
	}
	return e, nil
}

// bindUDP gives gortsplib both UDP ports, or logs why media must use TCP.
func (s *Server) bindUDP(lib *gortsplib.Server) {
	host, _, _ := net.SplitHostPort(s.cfg.Listen)
	bound := map[string]net.PacketConn{}
	var addrs [2]string
	for i, port := range []uint16{s.cfg.UDP.RTP, s.cfg.UDP.RTCP} {
		addrs[i] = net.JoinHostPort(host, strconv.Itoa(int(port)))
		pc, err := net.ListenPacket("udp", addrs[i])
		if err != nil {
			s.log.Error("no media over UDP: a port cannot be bound; publishers must use TCP, or set ingest.rtsp.udp to free ports",
				"address", addrs[i], "error", err)
			for _, open := range bound {
				_ = open.Close()
			}
			s.numbers = nil
			return
		}
		sizeBuffer(pc, s.cfg.UDPReadBufferBytes)
		if bound[addrs[i]] = pc; i == 0 {
			s.numbers = newNumbering(pc.(*net.UDPConn), s.ports.has)
			bound[addrs[i]] = s.numbers
		}
	}
	lib.UDPRTPAddress, lib.UDPRTCPAddress, s.udp = addrs[0], addrs[1], true
	lib.ListenPacket = func(_, address string) (net.PacketConn, error) {
		if pc := bound[address]; pc != nil {
			return pc, nil
		}
		return nil, fmt.Errorf("%s is not bound", address)
	}
}

// errFull is the error of a publication past MaxSessions.
var errFull = errors.New("too many publications")
