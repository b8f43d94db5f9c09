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
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtsp/client"
)

// Config is the configuration of a Server. New replaces a timeout of 0 by client.DefaultTimeout.
type Config struct {
	Listen            string // host:port for RTSP; empty: no unencrypted connections
	UDP               UDP    // ports for media on the host of Listen; the zero value: no media over UDP
	OverridePublisher bool   // a new publisher takes the path from one that still sends
	// ReadTimeout ends a publisher that sends no data, unless its stream has a timeout of its own. It also bounds the
	// time from ANNOUNCE to RECORD.
	ReadTimeout  time.Duration
	WriteTimeout time.Duration // longest duration of a write to a client
	// AnnounceTimeout bounds the time from connecting to ANNOUNCE, whatever other requests arrive.
	AnnounceTimeout    time.Duration
	MaxConnections     int            // open at once; 0: no limit
	MaxPerAddress      int            // connections from one address that do not record; 0: a quarter of MaxConnections
	MaxSessions        int            // publications that record at once; 0: MaxConnections
	UDPReadBufferBytes int            // receive buffer that the system is asked for, for each UDP port; 0: 2 MiB
	Clock              pipeline.Clock // nil: the system's clock

	// TLS are the settings of RTSPS. Without TLS.Listen the server accepts no encrypted connections.
	TLS TLS
	// Authorizer decides which clients may publish; nil: all clients. The server calls it for an ANNOUNCE before it
	// reads the session description. If it is an ingest.DigestAuthorizer, clients can authenticate by Digest.
	Authorizer ingest.Authorizer
	Readers    ingest.Readers // which clients may play streams
	// PlainBasic accepts passwords by Basic even where strangers can read them: over unencrypted connections to an
	// address other than loopback.
	PlainBasic bool

	public bool // Listen is no loopback address: strangers can read passwords; set by New, and by tests
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

// Validate returns an error for the first fault of the configuration, or nil.
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

// Server accepts publications over RTSP and RTSPS.
type Server struct {
	cfg       Config
	hub       *hub.Hub
	log       *slog.Logger
	strangers *slog.Logger // for events that any client can cause: drops lines above a rate
	sessions  atomic.Int64 // number of sessions that record
	ports     ports
	reading   chan struct{} // has an element for each session description that is being read
	ready     chan struct{} // closed once the server listens
	once      sync.Once
	addr      net.Addr
	udp       bool
	numbers   *numbering      // socket for RTP over UDP; nil without UDP
	reports   net.PacketConn  // socket for RTCP over UDP; nil without UDP
	players   *pipeline.Tasks // of the present Run

	descriptions atomic.Int64 // number of session descriptions that were read, for tests

	clients   *clients.Table
	large     chan struct{}            // has an element for each connection with a large request
	admitting sync.Mutex               // admits the connections of all listeners one at a time: see admit
	encrypted net.Addr                 // address for RTSPS; nil without RTSPS
	cert      *certificate.Certificate // nil without RTSPS
}

// New makes a server; Run starts it. New does no I/O.
func New(cfg Config, h *hub.Hub, log *slog.Logger) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, hub: h, log: log, strangers: sparinglog.New(log), ready: make(chan struct{}),
		clients: clients.New(protocol, clients.Limits{Connections: cfg.MaxConnections, PerAddress: cfg.MaxPerAddress, Readers: cfg.Readers.Max}, log, cfg.Clock),
		ports:   ports{of: map[netip.AddrPort]portUser{}}, reading: make(chan struct{}, readAtOnce),
		large: make(chan struct{}, largeRequests),
	}
	if cfg.TLS.Listen != "" {
		s.cert = certificate.Open("ingest.rtsp.tls", cfg.TLS.Cert, cfg.TLS.Key, log)
	}
	return s
}

// Fault returns the reason for which no client can connect by RTSPS although the server listens: its certificate is
// broken. It returns nil if clients can connect. See ingest.FaultyServer.
func (s *Server) Fault() error {
	if s.cert == nil {
		return nil
	}
	if err := s.cert.Err(); err != nil {
		return fmt.Errorf("ingest.rtsp.tls: %w", err)
	}
	return nil
}

// Ready returns a channel that is closed once the server listens. Addr, EncryptedAddr and UDP are valid from then on.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr returns the address at which the server listens for RTSP, or for RTSPS if it does not listen for RTSP.
func (s *Server) Addr() net.Addr { return s.addr }

// Scheme returns the scheme of the URLs under which clients publish at Addr: rtsp or rtsps.
func (s *Server) Scheme() string {
	if s.cfg.Listen == "" {
		return "rtsps"
	}
	return protocol
}

// EncryptedAddr returns the address at which the server listens for RTSPS, or nil if it does not.
func (s *Server) EncryptedAddr() net.Addr { return s.encrypted }

// UDP reports whether the server receives media over UDP.
func (s *Server) UDP() bool { return s.udp }

// Counts returns the server's counters of connections and refused publishers.
func (s *Server) Counts() clients.Counts { return s.clients.Counts() }

// End closes the open connection with a number, and reports whether there is one.
func (s *Server) End(number uint64) bool { return s.clients.End(number) }

// Connections lists the open connections, the oldest first.
func (s *Server) Connections() []media.Connection { return s.clients.List() }

// Run listens and serves until ctx ends; then it ends every publication and returns nil. It returns an error if the
// configuration is invalid, if a TCP address cannot be bound, or if the server fails. Without an address it returns nil
// at once.
func (s *Server) Run(ctx context.Context) error {
	if s.cfg.Listen == "" && s.cfg.TLS.Listen == "" {
		return nil
	}
	if err := s.cfg.Validate(); err != nil {
		return fmt.Errorf("rtsp server: %w", err)
	}
	s.players = pipeline.NewTasks(s.log, s.cfg.Clock)
	defer func() { _ = s.players.Stop(context.Background()) }() // no error: the context does not end
	all, err := s.start()
	if err != nil {
		return fmt.Errorf("rtsp server: %w", err)
	}
	s.listens(all)
	defer context.AfterFunc(ctx, all.close)()
	var errs []error
	for _, e := range all { // an endpoint that ends closes the listeners of all
		errs = append(errs, e.lib.Wait())
	}
	if ctx.Err() == nil {
		return fmt.Errorf("rtsp server: %w", errors.Join(errs...))
	}
	all.close() // waits for the function that AfterFunc has started
	return nil
}

// listens sets the addresses that Addr and EncryptedAddr return, closes ready and logs the addresses.
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

// endpoints are the endpoints of a server: for RTSP, for RTSPS, or for both, in this order.
type endpoints []endpoint

// endpoint is a TCP port at which the server listens, with gortsplib's server for it.
type endpoint struct {
	lib *gortsplib.Server
	ln  *listener
}

func (all endpoints) close() {
	for _, e := range all {
		e.lib.Close()
	}
}

// start starts an endpoint for each configured address. If one fails, it closes the others and returns the error.
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

// startPlain starts the endpoint for RTSP at an address. It binds the sockets itself: if a UDP port is in use, the
// server runs without UDP, while gortsplib would fail.
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

// endpoint makes an endpoint and does not start it. If basic is set, the endpoint accepts passwords by Basic.
func (s *Server) endpoint(listen string, ln *listener, basic bool) endpoint {
	h := &handler{Server: s, basic: basic}
	h.lib = &gortsplib.Server{
		RTSPAddress:  listen,
		ReadTimeout:  longestSilence,
		WriteTimeout: s.cfg.WriteTimeout,
		AuthMethods:  []auth.VerifyMethod{auth.VerifyMethodBasic}, // unused: authorize checks the credentials
		Handler:      h,
		Listen:       func(string, string) (net.Listener, error) { return ln, nil },
	}
	return endpoint{h.lib, ln}
}

func (e endpoint) start() (endpoint, error) {
	if err := e.lib.Start(); err != nil {
		_ = e.ln.Close()
		return endpoint{}, err
	}
	return e, nil
}

// bindUDP binds both UDP ports and gives them to gortsplib. If one cannot be bound, it logs the error, and the server
// receives media over TCP only.
func (s *Server) bindUDP(lib *gortsplib.Server) {
	host, _, _ := net.SplitHostPort(s.cfg.Listen)
	bound := map[string]net.PacketConn{}
	var addrs [2]string
	for i, port := range []uint16{s.cfg.UDP.RTP, s.cfg.UDP.RTCP} {
		addrs[i] = net.JoinHostPort(host, strconv.Itoa(int(port)))
		pc, err := net.ListenPacket("udp", addrs[i])
		if err != nil {
			s.log.Error("no media over UDP: a port cannot be bound; publishers must use TCP",
				"address", addrs[i], "error", err, "hint", "set ingest.rtsp.udp.rtp to a free even port and ingest.rtsp.udp.rtcp to the next one, or both to 0")
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
		} else {
			s.reports = pc
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

// errFull is the error of a publication that would exceed MaxSessions.
var errFull = errors.New("too many publications")
